namespace Airbench.Training;

/// <summary>
/// cuDNN's autotuning: the first convolution of each shape tries all algorithms and keeps the fastest. TorchSharp 0.107 has no binding for it.
/// </summary>
/// <remarks>
/// What Python's <c>torch.backends.cudnn.benchmark = True</c> does: <c>at::globalContext().setBenchmarkCuDNN(true)</c>, by the names that GCC
/// gives these functions in libtorch. A build of libtorch without CUDA has the flag too, without effect.
/// </remarks>
internal static unsafe class CudnnTuning
{
    private const string Library = "torch_cpu";
    private const string GlobalContext = "_ZN2at13globalContextEv";
    private const string Set = "_ZN2at7Context17setBenchmarkCuDNNEb";
    private const string Get = "_ZNK2at7Context14benchmarkCuDNNEv";

    /// <summary>Whether the functions have these names: on Linux only.</summary>
    public static bool IsReachable => OperatingSystem.IsLinux();

    /// <summary>The flag, for all threads of the process.</summary>
    /// <exception cref="DeviceException">This libtorch does not have the functions, or does not load.</exception>
    public static bool Enabled
    {
        get => ((delegate* unmanaged<nint, byte>)Function(Get))(Context()) != 0;
        set => ((delegate* unmanaged<nint, byte, void>)Function(Set))(Context(), (byte)(value ? 1 : 0));
    }

    private static nint Context() => ((delegate* unmanaged<nint>)Function(GlobalContext))();

    private static nint Function(string name)
    {
        if (!IsReachable)
        {
            throw new DeviceException("known on Linux only");
        }
        return TorchRuntime.FindExport(name, Library)
            ?? throw new DeviceException($"{Path.Combine(TorchRuntime.Load().Folder, NativeLibraryFile.NameOf(Library))} has no function {name}; libtorch 2.10 has it");
    }
}
