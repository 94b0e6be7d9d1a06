namespace Airbench.Onnx;

/// <summary>A batch norm's output and, where the batch's statistics counted, the running ones after it.</summary>
internal sealed record NormalizedBatch(Differentiable Result, string? NextMean, string? NextVariance);
