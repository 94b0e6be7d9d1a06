using TorchSharp;
using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace Airbench.Training;

/// <summary>
/// What a CUDA device does beyond plain operators, tried once at the start. What does not work costs time, not results: the training goes
/// on without it, and says so.
/// </summary>
/// <param name="CopiesFromPinnedMemory">Whether a copy to the device need not be waited for.</param>
/// <param name="NormalizesByCudnn">Whether batch norm in training gets a weight of ones, without which libtorch takes its own kernel.</param>
/// <param name="Lacks">What was tried in vain, for example "cuDNN autotuning (why)".</param>
internal sealed record CudaAbilities(bool CopiesFromPinnedMemory, bool NormalizesByCudnn, IReadOnlyList<string> Lacks)
{
    /// <summary>Environment variable for measurements: <c>native</c> or <c>cudnn</c> instead of what <see cref="Try"/> chooses.</summary>
    public const string NormVariable = "AIRBENCH_BN";

    /// <summary>Neither of them, as on a CPU.</summary>
    public static CudaAbilities None { get; } = new(false, false, []);

    /// <summary>Tries them, and leaves cuDNN's autotuning on.</summary>
    /// <param name="device">A CUDA device that has started.</param>
    /// <param name="type">Type of the activations.</param>
    public static CudaAbilities Try(Device device, ScalarType type)
    {
        var lacks = new List<string>();
        Works("cuDNN autotuning", () => CudnnTuning.Enabled = true);
        var pinned = Works("copies from pinned memory", () =>
        {
            using var here = zeros(1).pin_memory();
            using var there = here.to(device, non_blocking: true);
            cuda.synchronize(device);
        });
        var cudnn = WantsCudnnNorm(Environment.GetEnvironmentVariable(NormVariable), type) && Works("cuDNN's batch norm", () => CompareNorms(device, type));
        return new(pinned, cudnn, lacks);

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

    /// <summary>
    /// Whether cuDNN is to normalize activations of <paramref name="type"/>. libtorch gives it no bf16; its fast kernel for channels_last
    /// (spatial persistent) is one for fp16, which is also what PyTorch runs there; fp32 it would run by a slow one.
    /// </summary>
    /// <param name="asked">The value of <see cref="NormVariable"/>.</param>
    /// <param name="type">Type of the activations.</param>
    /// <exception cref="ConfigurationException">Another value.</exception>
    internal static bool WantsCudnnNorm(string? asked, ScalarType type) => asked switch
    {
        null or "" => type == ScalarType.Float16,
        "cudnn" => true,
        "native" => false,
        _ => throw new ConfigurationException($"{NormVariable} is '{asked}'; expected native or cudnn"),
    };

    /// <summary>Batch norm, forward and backward, with a weight of ones against none.</summary>
    /// <exception cref="DeviceException">They differ by more than rounding.</exception>
    internal static void CompareNorms(Device device, ScalarType type)
    {
        using var scope = NewDisposeScope();
        const int channels = 64;
        using var generator = new Generator(1, CPU);
        var images = ChannelsLast.Of(randn([16, channels, 7, 7], generator: generator).to(type, device));
        var slope = ChannelsLast.Of(randn([16, channels, 7, 7], generator: generator).to(type, device));
        var (native, nativeGradient) = Normalize(null);
        var (other, otherGradient) = Normalize(ones(channels, device: device));
        foreach (var (one, two) in new[] { (native, other), (nativeGradient, otherGradient) })
        {
            var distance = (one - two).abs().max().item<float>();   // of numbers up to 4
            if (!(distance < 0.05))
            {
                throw new DeviceException(FormattableString.Invariant($"results differ by {distance}"));
            }
        }

        (Tensor Output, Tensor Gradient) Normalize(Tensor? weight)
        {
            var x = images.detach().clone().requires_grad_();
            var y = F.batch_norm(x, zeros(channels, device: device), ones(channels, device: device), weight!, zeros(channels, device: device), true, 0.4, 1e-12);
            var gradient = autograd.grad([y], [x], [slope])[0];
            return (y.detach().to(ScalarType.Float32), gradient.to(ScalarType.Float32));
        }
    }
}
