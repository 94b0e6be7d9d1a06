using System.Runtime.InteropServices;
using System.Runtime.Versioning;

namespace Airbench.Training;

/// <summary>Names of CUDA devices, from the driver itself: TorchSharp 0.107 has no binding for them.</summary>
internal static unsafe class CudaDriver
{
    private const int NameLength = 256;

    /// <summary>For example "NVIDIA H100 80GB HBM3", or null where no driver answers, and on other systems than Linux. <paramref name="index"/> counts as libtorch does.</summary>
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

#pragma warning disable IDE1006, SYSLIB1054 // names of the driver interface; integers and one pointer: nothing to marshal
    [SupportedOSPlatform("linux")]
    [DllImport("libcuda.so.1")]
    private static extern int cuInit(uint flags);

    [SupportedOSPlatform("linux")]
    [DllImport("libcuda.so.1")]
    private static extern int cuDeviceGet(out int device, int ordinal);

    [SupportedOSPlatform("linux")]
    [DllImport("libcuda.so.1")]
    private static extern int cuDeviceGetName(byte* name, int length, int device);
#pragma warning restore IDE1006, SYSLIB1054
}
