using Microsoft.ML.OnnxRuntime;

namespace Airbench.Onnx;

/// <summary>Observes the inner values of a model on images, on the CPU.</summary>
internal static class Calibrator
{
    /// <summary>Pixels of a call, per colour: 16 images of 64 x 64. Every inner value of them is in memory.</summary>
    private const int PixelsOfCall = 16 * 64 * 64;

    /// <summary>Chooses a range for each of <paramref name="values"/>.</summary>
    /// <param name="modelFile">A model of ours with these values as further float outputs.</param>
    /// <param name="values">Names of the outputs.</param>
    /// <param name="count">Images, at least one.</param>
    /// <param name="pixels">The images from the first one on, uint8 [n,3,S,S].</param>
    /// <param name="imageSize">S.</param>
    /// <param name="options">How to choose.</param>
    /// <param name="progress">Told of each batch.</param>
    /// <param name="cancel">Ends the work within a batch.</param>
    /// <exception cref="InvalidFileException">ONNX Runtime does not run the model, or a value is not a finite number.</exception>
    public static IReadOnlyDictionary<string, ValueRange> Observe(
        string modelFile, IReadOnlyList<string> values, int count, Func<int, int, byte[]> pixels, int imageSize, CalibrationOptions options, IProgress progress, CancellationToken cancel)
    {
        OnnxRuntime.Start();
        var input = ModelDescription.Read(modelFile, ModelInspector.Inspect(modelFile), new ClassifierOptions()).Input;
        var encoder = new PixelEncoder(input);
        try
        {
            using var settings = ExecutionDevice.Cpu("cpu").CreateOptions(threads: 0);
            using var session = new InferenceSession(modelFile, settings);
            var passes = options.Method == CalibrationMethod.Minmax ? 1 : 2;   // ranges, then histograms inside of them
            using var task = progress.Start("calibrate", (long)passes * count, "images");
            var done = 0L;
            var low = Enumerable.Repeat(double.PositiveInfinity, values.Count).ToArray();
            var high = Enumerable.Repeat(double.NegativeInfinity, values.Count).ToArray();
            ForEachBatch((value, numbers) =>
            {
                foreach (var number in numbers)
                {
                    if (!float.IsFinite(number))
                    {
                        throw new InvalidFileException(modelFile, $"computes {number} in '{values[value]}' on a training image: train again");
                    }
                    low[value] = Math.Min(low[value], number);
                    high[value] = Math.Max(high[value], number);
                }
            });
            var ranges = low.Zip(high, (l, h) => new ValueRange(l, h)).ToArray();
            if (options.Method != CalibrationMethod.Minmax)
            {
                var histograms = Array.ConvertAll(ranges, range => new ValueHistogram(range));
                ForEachBatch((value, numbers) => histograms[value].Add(numbers));
                ranges = Array.ConvertAll(histograms, histogram => histogram.Choose(options));
            }
            return values.Zip(ranges).ToDictionary(pair => pair.First, pair => pair.Second);

            void ForEachBatch(Observer observe)
            {
                using var run = new RunOptions();
                var most = Math.Clamp(PixelsOfCall / (imageSize * imageSize), 1, 16);
                for (var first = 0; first < count; first += most)
                {
                    cancel.ThrowIfCancellationRequested();
                    var batch = pixels(first, Math.Min(most, count - first));
                    var encoded = new byte[batch.Length * input.ValueBytes];
                    encoder.Encode(batch, encoded);
                    using var images = OrtValues.Create(input.Type, encoded, input.Shape(Math.Min(most, count - first)));
                    using var outputs = session.Run(run, [input.Name], [images], [.. values]);
                    foreach (var (value, output) in outputs.Index())
                    {
                        observe(value, output.GetTensorDataAsSpan<float>());
                    }
                    done += Math.Min(most, count - first);
                    task.Report(done);
                }
            }
        }
        catch (OnnxRuntimeException e)
        {
            throw new InvalidFileException(modelFile, $"does not run in ONNX Runtime for calibration: {e.Message}", e);
        }
    }

    private delegate void Observer(int value, ReadOnlySpan<float> numbers);
}
