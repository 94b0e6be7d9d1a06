namespace Airbench.Onnx;

/// <summary>The tensors of a batch norm as values in the graph.</summary>
/// <param name="Weight">The learned scale; null where it is 1.</param>
/// <param name="Bias">What is added.</param>
/// <param name="Mean">Running mean.</param>
/// <param name="Variance">Running variance.</param>
internal sealed record NormTensors(string? Weight, string Bias, string Mean, string Variance)
{
    /// <summary>Those of a layer.</summary>
    public static NormTensors Of(BatchNormLayer norm) =>
        new(norm.HasScale ? $"{norm.Name}.weight" : null, $"{norm.Name}.bias", $"{norm.Name}.running_mean", $"{norm.Name}.running_var");
}
