namespace Airbench.Onnx;

/// <summary>
/// The nodes that layers become, a method for each kind: <see cref="ForwardWriter"/> walks the network and calls them. Nodes and values are
/// named after the layer, and a layer's tensors are in the graph under their own names. All values are float32 and NCHW.
/// </summary>
internal interface ILayerOperators
{
    /// <summary>Convolution.</summary>
    Differentiable Convolve(ConvLayer layer, string x, Plane input, Plane output);

    /// <summary>Batch norm.</summary>
    Differentiable Normalize(BatchNormLayer layer, string x, Plane plane);

    /// <summary>A non-linearity.</summary>
    Differentiable Activate(ActivationLayer layer, string x);

    /// <summary>Max pool over squares side by side.</summary>
    Differentiable MaxPool(MaxPoolLayer layer, string x, Plane input, Plane output);

    /// <summary>The sum of two values.</summary>
    Differentiable Add(AddLayer layer, string x, string other);

    /// <summary>Maximum over all positions, (N, C, H, W) -> (N, C).</summary>
    Differentiable GlobalMax(GlobalMaxPoolLayer layer, string x, Plane input, Plane output);

    /// <summary>Mean over all positions, (N, C, H, W) -> (N, C).</summary>
    Differentiable GlobalAverage(GlobalAveragePoolLayer layer, string x, Plane input);

    /// <summary>Linear layer with its scale; names its output <c>logits</c>.</summary>
    Differentiable Linear(LinearLayer layer, string x);
}
