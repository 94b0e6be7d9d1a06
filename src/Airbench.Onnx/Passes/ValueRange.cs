namespace Airbench.Onnx;

/// <summary>Values that an activation takes, both ends included.</summary>
public readonly record struct ValueRange(double Low, double High);
