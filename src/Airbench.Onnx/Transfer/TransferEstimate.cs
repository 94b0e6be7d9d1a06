using System.Diagnostics;

namespace Airbench.Onnx;

/// <summary>How long a transfer will take, from a few images.</summary>
public static class TransferEstimate
{
    private const int Images = FeatureExtractor.BatchSize;

    /// <summary>Seconds for the features of all images; the head takes little beside them.</summary>
    /// <param name="options">The transfer.</param>
    /// <param name="imageSize">Height and width, pixels.</param>
    /// <param name="trainCount">Training images.</param>
    /// <param name="testCount">Test images.</param>
    /// <param name="device">auto, cpu, cuda or cuda:N.</param>
    public static double Seconds(TransferOptions options, int imageSize, int trainCount, int testCount, string device)
    {
        var backbone = TransferTrainer.Import(Backbones.Find(options.Backbone, options.Input), options.Input, imageSize, default);
        using var extractor = FeatureExtractor.Open(backbone.Graph, imageSize, [backbone.FeatureCount], device, new SessionSettings(options.Threads));
        var (pixels, features) = (new byte[Images * 3 * imageSize * imageSize], new float[Images * extractor.Width]);
        extractor.Run(pixels, Images, features);   // the first run also lays out the weights
        var clock = Stopwatch.StartNew();
        extractor.Run(pixels, Images, features);
        var (learned, asked) = HeadMethod.Views(options, imageSize, seed: 0);
        return clock.Elapsed.TotalSeconds / Images * (((double)trainCount * learned.Count) + ((double)testCount * asked.Count));
    }
}
