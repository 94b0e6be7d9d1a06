namespace Airbench.Onnx;

/// <summary>A way to learn from images that are numbered from 0: those of the training split, then those of the test split.</summary>
internal interface ITransferMethod : IDisposable
{
    /// <summary>Learns some of the images.</summary>
    /// <param name="images">Which.</param>
    /// <param name="seed">Of all that is left to chance.</param>
    /// <param name="progress">Told of the steps, where there are any worth telling.</param>
    /// <param name="cancel">Answered within a step.</param>
    ITransferred Learn(int[] images, int seed, IProgress progress, CancellationToken cancel);
}

/// <summary>What was learned.</summary>
internal interface ITransferred
{
    /// <summary>The new layer.</summary>
    LinearHead Head { get; }

    /// <summary>Penalty on its squared weights.</summary>
    double L2 { get; }

    /// <summary>Steps of gradient descent; 0 where there were none.</summary>
    int Steps { get; }

    /// <summary>Weights of the backbone that are others now, by name.</summary>
    IReadOnlyDictionary<string, float[]> Changed { get; }

    /// <summary>Logits of some images, float64 [n,K].</summary>
    /// <param name="images">Which.</param>
    /// <param name="mirror">Whether of their mirror images, which test images alone have.</param>
    /// <param name="cancel">Answered between batches.</param>
    double[] Answer(int[] images, bool mirror, CancellationToken cancel);
}
