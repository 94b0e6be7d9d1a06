using System.Runtime.InteropServices;
using System.Runtime.Versioning;

namespace Airbench.Training;

/// <summary>Functions of NVIDIA's driver (cuda.h).</summary>
internal static unsafe class CudaDriver
{
    private const int NameLength = 256;

    /// <summary>A device's name, for which TorchSharp 0.107 has no binding. For example "NVIDIA H100 80GB HBM3", or null where no driver answers, and on other systems than Linux. <paramref name="index"/> counts as libtorch does.</summary>
    public static string? NameOf(int index)
    {
        if (!OperatingSystem.IsLinux())
        {
            return null;
        }
        try
        {
            Span<byte> name = stackalloc byte[NameLength];
            fixed (byte* start = name)
            {
                return cuInit(0) == 0 && cuDeviceGet(out var device, index) == 0 && cuDeviceGetName(start, NameLength, device) == 0
                    ? Marshal.PtrToStringUTF8((nint)start)
                    : null;
            }
        }
        catch (Exception e) when (e is DllNotFoundException or EntryPointNotFoundException)
        {
            return null;   // no NVIDIA driver on this system
        }
    }

    /// <exception cref="DeviceException">The result of <paramref name="call"/> is an error.</exception>
    [SupportedOSPlatform("linux")]
    public static void Check(string call, int result)
    {
        if (result != 0)
        {
            var name = cuGetErrorName(result, out var text) == 0 ? Marshal.PtrToStringUTF8(text) : null;
            throw new DeviceException($"{call}: error {result} {name}".TrimEnd());
        }
    }

#pragma warning disable IDE1006, SYSLIB1054, CA2101 // names of the driver interface; nothing to marshal but one ASCII name
    [SupportedOSPlatform("linux")]
    [DllImport(CudaLibraries.Driver)]
    public static extern int cuInit(uint flags);

    [SupportedOSPlatform("linux")]
    [DllImport(CudaLibraries.Driver)]
    public static extern int cuDeviceGet(out int device, int ordinal);

    [SupportedOSPlatform("linux")]
    [DllImport(CudaLibraries.Driver)]
    public static extern int cuDeviceGetAttribute(out int value, int attribute, int device);

    [SupportedOSPlatform("linux")]
    [DllImport(CudaLibraries.Driver)]
    public static extern int cuDevicePrimaryCtxRetain(out nint context, int device);

    [SupportedOSPlatform("linux")]
    [DllImport(CudaLibraries.Driver)]
    public static extern int cuCtxGetCurrent(out nint context);

    [SupportedOSPlatform("linux")]
    [DllImport(CudaLibraries.Driver)]
    public static extern int cuCtxSetCurrent(nint context);

    [SupportedOSPlatform("linux")]
    [DllImport(CudaLibraries.Driver)]
    public static extern int cuModuleLoadData(out nint module, byte* image);

    [SupportedOSPlatform("linux")]
    [DllImport(CudaLibraries.Driver)]
    public static extern int cuModuleGetFunction(out nint function, nint module, [MarshalAs(UnmanagedType.LPStr)] string name);

    [SupportedOSPlatform("linux")]
    [DllImport(CudaLibraries.Driver)]
    public static extern int cuFuncGetAttribute(out int value, int attribute, nint function);

    [SupportedOSPlatform("linux")]
    [DllImport(CudaLibraries.Driver)]
    public static extern int cuLaunchKernel(
        nint function, uint gridX, uint gridY, uint gridZ, uint blockX, uint blockY, uint blockZ, uint sharedBytes, nint stream, void** arguments, void** extra);

    [SupportedOSPlatform("linux")]
    [DllImport(CudaLibraries.Driver)]
    public static extern int cuStreamCreate(out nint stream, uint flags);

    [SupportedOSPlatform("linux")]
    [DllImport(CudaLibraries.Driver)]
    public static extern int cuStreamIsCapturing(nint stream, int* status);

    [SupportedOSPlatform("linux")]
    [DllImport(CudaLibraries.Driver)]
    public static extern int cuStreamEndCapture(nint stream, out nint graph);

    [SupportedOSPlatform("linux")]
    [DllImport(CudaLibraries.Driver)]
    public static extern int cuGraphGetNodes(nint graph, nint* nodes, nuint* count);

    [SupportedOSPlatform("linux")]
    [DllImport(CudaLibraries.Driver)]
    private static extern int cuDeviceGetName(byte* name, int length, int device);

    [SupportedOSPlatform("linux")]
    [DllImport(CudaLibraries.Driver)]
    private static extern int cuGetErrorName(int error, out nint name);
#pragma warning restore IDE1006, SYSLIB1054, CA2101
}
