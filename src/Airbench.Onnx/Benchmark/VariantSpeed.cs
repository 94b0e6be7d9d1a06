using System.Diagnostics;

namespace Airbench.Onnx;

/// <summary>A short measurement of several models side by side; <c>benchmark model</c> is the long one.</summary>
internal static class VariantSpeed
{
    private const int WarmUpCalls = 3;
    private const int Rounds = 5;

    /// <summary>Timed calls of a round: 20 of one image and one of a hundred take about as long.</summary>
    private const int SingleCalls = 20;

    /// <summary>Images a second in a batch and the median latency of batch 1, milliseconds; the models take turns.</summary>
    /// <param name="sessions">The models.</param>
    /// <param name="batch">What they get, uint8 [n,3,S,S].</param>
    /// <param name="count">n.</param>
    /// <param name="cancel">Ends the work within a call.</param>
    public static IReadOnlyList<(double ImagesPerSecond, double P50Ms)> Measure(
        IReadOnlyList<OnnxClassifier> sessions, byte[] batch, int count, CancellationToken cancel)
    {
        var single = batch.AsSpan(0, batch.Length / count).ToArray();
        var samples = sessions.Select(_ => (Batch: new List<double>(), Single: new List<double>())).ToList();
        foreach (var session in sessions)
        {
            for (var call = 0; call < WarmUpCalls; call++)
            {
                Time(session, batch, count);
                Time(session, single, 1);
            }
        }
        for (var round = 0; round < Rounds; round++)
        {
            foreach (var (session, times) in sessions.Zip(samples))
            {
                // The first of a size is not counted: on CUDA it makes cuDNN plan every convolution anew.
                _ = Time(session, batch, count);
                times.Batch.Add(Time(session, batch, count));
                _ = Time(session, single, 1);
                for (var call = 0; call < SingleCalls; call++)
                {
                    times.Single.Add(Time(session, single, 1));
                }
            }
        }
        return [.. samples.Select(times =>
            (count * 1000 / Summary.Percentile([.. times.Batch.Order()], 0.5), Math.Round(Summary.Percentile([.. times.Single.Order()], 0.5), 4)))];

        double Time(OnnxClassifier session, byte[] pixels, int images)
        {
            cancel.ThrowIfCancellationRequested();
            var logits = new float[images * session.ClassCount];
            var start = Stopwatch.GetTimestamp();
            session.Run(pixels, images, logits);
            return Stopwatch.GetElapsedTime(start).TotalMilliseconds;
        }
    }
}
