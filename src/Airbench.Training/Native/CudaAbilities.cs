using TorchSharp;
using static TorchSharp.torch;

namespace Airbench.Training;

/// <summary>
/// What a CUDA device does beyond plain operators, tried once at the start. What does not work costs time, not results: the training goes
/// on without it, and says so.
/// </summary>
/// <param name="CopiesFromPinnedMemory">Whether a copy to the device need not be waited for.</param>
/// <param name="Lacks">What was tried in vain, for example "cuDNN autotuning (why)".</param>
internal sealed record CudaAbilities(bool CopiesFromPinnedMemory, IReadOnlyList<string> Lacks)
{
    /// <summary>None, as on a CPU.</summary>
    public static CudaAbilities None { get; } = new(false, []);

    /// <summary>Tries them, and leaves cuDNN's autotuning on.</summary>
    /// <param name="device">A CUDA device that has started.</param>
    public static CudaAbilities Try(Device device)
    {
        var lacks = new List<string>();
        Works("cuDNN autotuning", () => CudnnTuning.Enabled = true);
        var copies = Works("copies from pinned memory", () =>
        {
            using var here = zeros(1).pin_memory();
            using var there = here.to(device, non_blocking: true);
            cuda.synchronize(device);
        });
        return new(copies, lacks);

        bool Works(string what, Action attempt)
        {
            try
            {
                attempt();
                return true;
            }
            catch (Exception e)   // whatever it is: what is tried here can be done without
            {
                lacks.Add($"{what} ({e.Message.Split('\n')[0]})");
                return false;
            }
        }
    }
}
