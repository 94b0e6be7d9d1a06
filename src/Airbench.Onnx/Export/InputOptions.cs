namespace Airbench.Onnx;

/// <summary>What a model is to take.</summary>
/// <param name="Format">Type and layout.</param>
/// <param name="AnySize">Whether height and width are open and the model resizes.</param>
public sealed record InputOptions(InputFormat Format = InputFormat.Uint8Nchw, bool AnySize = false)
{
    /// <summary>Planar bytes of the network's own size.</summary>
    public static InputOptions Default { get; } = new();
}
