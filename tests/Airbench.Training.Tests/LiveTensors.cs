using TorchSharp;

namespace Airbench.Tests;

/// <summary>Native tensors of this process that something still needs.</summary>
internal static class LiveTensors
{
    /// <summary>Without those that earlier tests dropped, which a collection at any later moment would take from the count.</summary>
    public static long Count()
    {
        GC.Collect();
        GC.WaitForPendingFinalizers();
        return torch.Tensor.TotalCount;
    }
}
