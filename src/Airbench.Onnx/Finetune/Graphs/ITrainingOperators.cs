namespace Airbench.Onnx;

/// <summary>
/// The operators that forward and backward passes are made of, where back ends differ. <see cref="TrainingGraph"/> walks the layers,
/// adds up gradients and asks a back end for each layer that a gradient goes through. All values are float32 and NCHW; nodes and values
/// are named after the layer.
/// </summary>
internal interface ITrainingOperators
{
    /// <summary>Convolution; <paramref name="bias"/> may be null.</summary>
    Differentiable Convolve(ConvLayer layer, string x, string weight, string? bias, Plane input, Plane output);

    /// <summary>Max pool over <paramref name="size"/> x <paramref name="size"/> squares side by side; of equal values the first counts.</summary>
    Differentiable MaxPool(string name, string x, int size, Plane input, Plane output);

    /// <summary>Batch norm with the statistics of the batch, or with the running ones where <paramref name="isFrozen"/>.</summary>
    NormalizedBatch Normalize(BatchNormLayer layer, string x, NormTensors tensors, TrainingSpec spec, bool isFrozen, Plane plane);

    /// <summary>A non-linearity.</summary>
    Differentiable Activate(ActivationLayer layer, string x);

    /// <summary>
    /// Softmax cross-entropy, mean over the batch. Names its scalar output <c>loss</c>, and returns that and the gradient of the logits.
    /// </summary>
    /// <param name="logits">(N, K).</param>
    /// <param name="labels">int64 (N).</param>
    /// <param name="smoothing">Share of probability that is spread over all classes.</param>
    (string Loss, string LogitsGradient) Loss(string logits, string labels, double smoothing);
}
