namespace Airbench.Onnx;

/// <summary>A layer that is in a graph.</summary>
/// <param name="Layer">The layer.</param>
/// <param name="Source">Name of the layer whose output it reads; null for the images.</param>
/// <param name="Result">Its output, and its way back where it has one.</param>
internal sealed record WrittenLayer(Layer Layer, string? Source, Differentiable Result);
