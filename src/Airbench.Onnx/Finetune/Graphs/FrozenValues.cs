namespace Airbench.Onnx;

/// <summary>Values of a tensor by name, row-major.</summary>
internal delegate ReadOnlySpan<float> FrozenValues(string tensor);
