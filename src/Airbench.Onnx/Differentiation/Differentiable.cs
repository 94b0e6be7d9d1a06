namespace Airbench.Onnx;

/// <summary>A layer's output, and how its backward pass is written.</summary>
/// <param name="Output">The value.</param>
/// <param name="Backward">
/// Writes the nodes that take the output's gradient to those of the input and the parameters; null where no gradient goes through.
/// </param>
internal sealed record Differentiable(string Output, Func<string, Wanted, Gradients>? Backward = null);
