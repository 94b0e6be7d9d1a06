namespace Airbench.Onnx;

/// <summary>Values that hold gradients; null where not wanted or where there is none.</summary>
internal sealed record Gradients(string? Input, string? Weight = null, string? Bias = null);
