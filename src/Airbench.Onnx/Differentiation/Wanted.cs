namespace Airbench.Onnx;

/// <summary>Which gradients a backward pass must give; the others cost nothing.</summary>
/// <param name="Input">That of the layer's input.</param>
/// <param name="Parameters">Those of its weight and bias.</param>
internal readonly record struct Wanted(bool Input, bool Parameters);
