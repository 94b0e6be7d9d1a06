using Airbench.Onnx.Proto;

namespace Airbench.Onnx;

/// <summary>
/// The head that a fine-tuning of a model with a backbone starts from: fitted to the new images, rather than drawn. Gradient descent alone takes long to
/// find it, and its first steps would undo what the layers below have learned (Kumar et al. 2022, arXiv:2202.10054).
/// </summary>
internal static class FittedHead
{
    /// <summary>Replaces the head in a file of weights; nothing where some class has no image to fit it to.</summary>
    /// <param name="weightsFile">The head's tensors alone.</param>
    /// <param name="backbone">The backbone.</param>
    /// <param name="network">With the classes of the new head.</param>
    /// <param name="data">The new images and, where there are some, the old ones.</param>
    /// <param name="request">Device, threads.</param>
    /// <param name="seed">Of the cross-validation that chooses the penalty.</param>
    /// <param name="progress">Told of the features.</param>
    /// <param name="cancel">Answered between batches.</param>
    /// <returns>Whether it was fitted.</returns>
    public static bool Write(
        string weightsFile, BackboneFile backbone, NetworkSpec network, IReadOnlyList<FinetuneData> data, FinetuneRequest request, int seed, IProgress progress,
        CancellationToken cancel)
    {
        var images = data.SelectMany(side => side.Fit.Select(image => (Side: side, Image: image, Row: side.Rows[side.Train.Labels[image]]))).Where(image => image.Row >= 0).ToList();
        if (images.Select(image => image.Row).Distinct().Count() < network.ClassCount)
        {
            return false;
        }
        var width = network.Widths[0];
        var values = new float[images.Count * width];
        using (var extractor = FeatureExtractor.Open(
            new OnnxGraph(ProtoFile.Read(backbone.Path, ModelProto.Parser)), network.ImageSize, [width], request.Device, new SessionSettings(request.Threads)))
        using (var task = progress.Start("features", images.Count, "images"))
        {
            var pixels = 3 * network.ImageSize * network.ImageSize;
            var batch = new byte[FeatureExtractor.BatchSize * pixels];
            for (var first = 0; first < images.Count; first += FeatureExtractor.BatchSize)
            {
                cancel.ThrowIfCancellationRequested();
                var count = Math.Min(FeatureExtractor.BatchSize, images.Count - first);
                for (var i = 0; i < count; i++)
                {
                    images[first + i].Side.Train.Images(images[first + i].Image, 1).CopyTo(batch.AsSpan(i * pixels));
                }
                extractor.Run(batch.AsSpan(0, count * pixels), count, values.AsSpan(first * width, count * width));
                task.Report(first + count);
            }
        }
        // As in the batches of the training, where each class is seen as often as any other.
        var weights = data.Count > 1 ? ClassWeights.Balanced : ClassWeights.None;
        var (head, _) = new HeadFit(network.ClassCount, weights, seed).Fit(new FeatureTable(values, width, Views: 1), [.. images.Select(image => image.Row)], cancel);
        File.Delete(weightsFile);
        head.Write(weightsFile);
        return true;
    }
}
