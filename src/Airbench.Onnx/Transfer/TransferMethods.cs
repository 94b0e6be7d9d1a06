namespace Airbench.Onnx;

/// <summary>Opens the way to learn that the options ask for.</summary>
internal static class TransferMethods
{
    public static ITransferMethod Open(
        ImportedModel backbone, TransferImages images, TransferOptions options, string sha256, string device, int seed, IProgress progress,
        CancellationToken cancel) => options.Train switch
        {
            TransferPart.Head => HeadMethod.Open(backbone, images, options, sha256, device, seed, progress, cancel),
            _ => GradientMethod.Open(backbone, images, options, sha256, device, seed, progress, cancel),
        };
}
