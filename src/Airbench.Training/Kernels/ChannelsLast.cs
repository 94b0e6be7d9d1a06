using static TorchSharp.torch;

namespace Airbench.Training;

/// <summary>The channels_last memory format, for which TorchSharp has no argument.</summary>
internal static class ChannelsLast
{
    /// <summary>The same (N, C, H, W) values, with C contiguous in memory.</summary>
    public static Tensor Of(Tensor tensor) => Pixels(tensor).permute(0, 3, 1, 2);

    /// <summary>(N, H, W, C), contiguous, of (N, C, H, W): a view of what is channels_last, a copy of anything else.</summary>
    public static Tensor Pixels(Tensor tensor) => tensor.permute(0, 2, 3, 1).contiguous();
}
