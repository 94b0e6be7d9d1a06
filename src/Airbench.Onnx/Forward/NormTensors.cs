namespace Airbench.Onnx;

/// <summary>The tensors of a batch norm as values in the graph.</summary>
internal sealed class NormTensors(GraphBuilder graph, BatchNormLayer norm)
{
    /// <summary>The learned scale, or ones, which are in the graph only if somebody asks.</summary>
    public string Weight => norm.HasScale ? $"{norm.Name}.weight" : graph.Ones(norm.Channels);

    public string Bias => $"{norm.Name}.bias";

    public string Mean => $"{norm.Name}.running_mean";

    public string Variance => $"{norm.Name}.running_var";
}
