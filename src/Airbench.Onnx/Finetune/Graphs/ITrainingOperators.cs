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

/// <summary>A layer's output, and how its backward pass is written.</summary>
/// <param name="Output">The value.</param>
/// <param name="Backward">Writes the nodes that take the output's gradient to those of the input and the parameters.</param>
internal sealed record Differentiable(string Output, Func<string, Wanted, Gradients> Backward);

/// <summary>Which gradients a backward pass must give; the others cost nothing.</summary>
/// <param name="Input">That of the layer's input.</param>
/// <param name="Parameters">Those of its weight and bias.</param>
internal readonly record struct Wanted(bool Input, bool Parameters);

/// <summary>Values that hold gradients; null where not wanted or where there is none.</summary>
internal sealed record Gradients(string? Input, string? Weight = null, string? Bias = null);

/// <summary>The tensors of a batch norm as values in the graph.</summary>
internal sealed class NormTensors(GraphBuilder graph, BatchNormLayer norm)
{
    /// <summary>The learned scale, or ones, which are in the graph only if somebody asks.</summary>
    public string Weight => norm.HasScale ? $"{norm.Name}.weight" : graph.Ones(norm.Channels);

    public string Bias => $"{norm.Name}.bias";

    public string Mean => $"{norm.Name}.running_mean";

    public string Variance => $"{norm.Name}.running_var";
}

/// <summary>A batch norm's output and, where the batch's statistics counted, the running ones after it.</summary>
internal sealed record NormalizedBatch(Differentiable Result, string? NextMean, string? NextVariance);
