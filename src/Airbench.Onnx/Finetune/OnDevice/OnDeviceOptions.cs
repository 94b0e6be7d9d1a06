namespace Airbench.Onnx;

/// <summary>What is fixed in on-device-training artifacts: the numbers of the update rule.</summary>
/// <param name="LearningRate">What a session's initial learning rate of 0.001 stands for.</param>
/// <param name="Momentum">Heavy-ball momentum, 0 to below 1.</param>
/// <param name="WeightDecay">Multiple of a tensor that is added to its gradient.</param>
public sealed record OnDeviceOptions(double LearningRate, double Momentum, double WeightDecay);
