namespace Airbench.Onnx;

/// <summary>Opens the way to learn that the options ask for.</summary>
internal static class TransferMethods
{
    public static ITransferMethod Open(
        ImportedModel backbone, TransferImages images, TransferOptions options, string sha256, string device, int seed, IProgress progress,
        CancellationToken cancel) => options.Train switch
        {
            TransferPart.Head => OpenHead(backbone, images, options, sha256, device, seed, progress, cancel),
            _ => throw new ConfigurationException($"train: {options.Train}"),
        };

    /// <summary>The views of training images and those of test images, which are only asked, unless a cross-validation learns them too.</summary>
    public static (ViewPlan Learned, ViewPlan Asked) Views(TransferOptions options, int size, int seed)
    {
        var plan = new ViewPlan(size, options.Mirror, options.Crops, seed);
        return (plan, options.Folds > 0 ? plan : plan with { Crops = 0 });
    }

    private static HeadMethod OpenHead(
        ImportedModel backbone, TransferImages images, TransferOptions options, string sha256, string device, int seed, IProgress progress,
        CancellationToken cancel)
    {
        var (plan, asked) = Views(options, backbone.ImageSize, seed);
        using var extractor = FeatureExtractor.Open(backbone.Graph, backbone.ImageSize, backbone.FeatureCount, device, new SessionSettings(options.Threads));
        var features = FeatureCache.Use(sha256, extractor.Width, cache => ImageFeatures.Of(extractor, cache, images, plan, asked, progress, cancel));
        return new HeadMethod(features, images.Labels, images.ClassCount, options.ClassWeights, options.Mirror ? 1 : -1);
    }
}
