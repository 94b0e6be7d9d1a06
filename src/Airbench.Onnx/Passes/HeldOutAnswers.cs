namespace Airbench.Onnx;

/// <summary>Answers to held-out training images.</summary>
/// <param name="Count">Images n.</param>
/// <param name="Correct">Right answers.</param>
/// <param name="Logits">float32 [n,K].</param>
public sealed record HeldOutAnswers(int Count, int Correct, float[] Logits);
