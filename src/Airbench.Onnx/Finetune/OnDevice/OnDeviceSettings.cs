using System.ComponentModel.DataAnnotations;

namespace Airbench.Onnx;

/// <summary><c>settings.json</c> beside on-device-training artifacts: what the program that runs them cannot see in them.</summary>
/// <param name="ImageSize">Height and width of the images, pixels.</param>
/// <param name="ClassCount">Rows of the head.</param>
/// <param name="Threads">Threads of one operator; 0 is one per core.</param>
/// <param name="Momentum">The momentum that the optimizer's model holds.</param>
/// <param name="WeightDecay">The weight decay that the training model holds.</param>
/// <param name="Tensors">Names of the tensors that change: what learns, and running statistics.</param>
public sealed record OnDeviceSettings(
    [property: Range(NetworkSpec.MinImageSize, NetworkSpec.MaxImageSize)] int ImageSize, [property: Range(1, int.MaxValue)] int ClassCount,
    [property: Range(0, int.MaxValue)] int Threads, [property: Range(0.0, 1.0)] float Momentum, [property: Range(0, double.MaxValue)] float WeightDecay,
    IReadOnlyList<string> Tensors)
{
    /// <summary>Name of the file.</summary>
    public const string FileName = "settings.json";
}
