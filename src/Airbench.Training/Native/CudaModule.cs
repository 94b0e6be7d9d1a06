using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using static Airbench.Training.CudaDriver;

namespace Airbench.Training;

/// <summary>
/// Machine code or PTX in the context that libtorch uses (the device's primary one), launched on the stream that libtorch uses.
/// Nothing here waits for the device.
/// </summary>
[SupportedOSPlatform("linux")]
internal sealed unsafe class CudaModule : KernelLibrary
{
    private const int ProcessorCount = 16, MajorVersion = 75, MinorVersion = 76;   // CUdevice_attribute
    private readonly int _index;
    private readonly nint _context;
    private readonly nint _module;
    private readonly Dictionary<string, nint> _functions = [];
    private readonly delegate* unmanaged<int, nint*, int> _currentStream;

    /// <summary>Compiles and loads it.</summary>
    /// <param name="index">The device, as libtorch counts.</param>
    /// <param name="text">CUDA C++.</param>
    /// <param name="options">Of the compiler.</param>
    /// <exception cref="DeviceException">The compiler or the driver refuses; the message names the call.</exception>
    public CudaModule(int index, string text, string[] options)
    {
        _index = index;
        _currentStream = (delegate* unmanaged<int, nint*, int>)TorchPointers.Function("torch_cuda", "aoti_torch_get_current_cuda_stream");
        Check("cuInit", cuInit(0));
        Check("cuDeviceGet", cuDeviceGet(out var device, index));
        Check("cuDeviceGetAttribute", cuDeviceGetAttribute(out var processors, ProcessorCount, device));
        Check("cuDeviceGetAttribute", cuDeviceGetAttribute(out var major, MajorVersion, device));
        Check("cuDeviceGetAttribute", cuDeviceGetAttribute(out var minor, MinorVersion, device));
        (Processors, Capability) = (processors, (10 * major) + minor);
        Check("cuDevicePrimaryCtxRetain", cuDevicePrimaryCtxRetain(out _context, device));
        EnterContext();
        fixed (byte* code = Compile(text, options))
        {
            Check("cuModuleLoadData", cuModuleLoadData(out _module, code));
        }
    }

    public override int Processors { get; }

    /// <summary>Compute capability: 90 for 9.0.</summary>
    public int Capability { get; }

    public override void Launch(string kernel, int slices, int blocks, int threads, void** arguments)
    {
        if (!_functions.TryGetValue(kernel, out var function))
        {
            EnterContext();
            Check($"cuModuleGetFunction {kernel}", cuModuleGetFunction(out function, _module, kernel));
            _functions.Add(kernel, function);
        }
        nint stream;
        Check("aoti_torch_get_current_cuda_stream", _currentStream(_index, &stream));
        EnterContext();
        Check($"cuLaunchKernel {kernel}", cuLaunchKernel(function, (uint)slices, (uint)blocks, 1, (uint)threads, 1, 1, 0, stream, arguments, null));
    }

    /// <summary>Registers, bytes of local memory (spills) and of shared memory of a kernel.</summary>
    public (int Registers, int Local, int Shared) Resources(string kernel)
    {
        const int SharedBytes = 1, LocalBytes = 3, Registers = 4;   // CUfunction_attribute
        EnterContext();
        Check("cuModuleGetFunction", cuModuleGetFunction(out var function, _module, kernel));
        Check("cuFuncGetAttribute", cuFuncGetAttribute(out var registers, Registers, function));
        Check("cuFuncGetAttribute", cuFuncGetAttribute(out var local, LocalBytes, function));
        Check("cuFuncGetAttribute", cuFuncGetAttribute(out var shared, SharedBytes, function));
        return (registers, local, shared);
    }

    /// <summary>Machine code or, where the compiler does not know the GPU yet, PTX.</summary>
    private byte[] Compile(string text, string[] options)
    {
        try
        {
            return Nvrtc.Compile(text, $"sm_{Capability}", options);
        }
        catch (DeviceException) when (Nvrtc.IsAvailable)
        {
            return Nvrtc.Compile(text, "compute_80", options);
        }
    }

    /// <summary>Autograd's thread may have no context of its own yet.</summary>
    private void EnterContext()
    {
        Check("cuCtxGetCurrent", cuCtxGetCurrent(out var current));
        if (current != _context)
        {
            Check("cuCtxSetCurrent", cuCtxSetCurrent(_context));
        }
    }

}
