using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Versioning;

namespace Airbench.Training;

/// <summary>NVIDIA's profiler interface, which comes with every PyTorch for CUDA: it gives the times of all that a GPU does for this process.</summary>
/// <remarks>The records' first fields have had the same places since CUDA 8 (cupti_activity.h: CUpti_ActivityKernel4 and later, Memcpy, Memset).</remarks>
[SupportedOSPlatform("linux")]
internal static unsafe class Cupti
{
    private const int Copy = 1, Fill = 2, Kernel = 10;   // CUpti_ActivityKind
    private const int BeginAt = 16, EndAt = 24, KernelNameAt = 104;   // bytes from a record's start
    private const int BufferBytes = 8 << 20;
    private const int Forced = 1;   // CUPTI_ACTIVITY_FLAG_FLUSH_FORCED
    private static readonly ConcurrentQueue<GpuWork> Seen = [];
    private static readonly ConcurrentDictionary<nint, string> Names = [];   // CUPTI keeps a name's text for as long as the process lives
    private static delegate* unmanaged<byte*, nuint, byte**, int> _next;

    /// <summary>What the GPU does while <paramref name="work"/> runs.</summary>
    /// <param name="work">Waits for the device before it returns.</param>
    /// <exception cref="DeviceException">There is no such library, it refuses, or it saw nothing.</exception>
    public static IReadOnlyCollection<GpuWork> Watch(Action work)
    {
        var library = Load();
        var enable = (delegate* unmanaged<int, int>)Function("cuptiActivityEnable");
        var disable = (delegate* unmanaged<int, int>)Function("cuptiActivityDisable");
        var flush = (delegate* unmanaged<uint, int>)Function("cuptiActivityFlushAll");
        _next = (delegate* unmanaged<byte*, nuint, byte**, int>)Function("cuptiActivityGetNextRecord");
        Check("cuptiActivityRegisterCallbacks", ((delegate* unmanaged<
            delegate* unmanaged[Cdecl]<byte**, nuint*, nuint*, void>, delegate* unmanaged[Cdecl]<nint, uint, byte*, nuint, nuint, void>, int>)
            Function("cuptiActivityRegisterCallbacks"))(&GiveBuffer, &TakeBuffer));
        Seen.Clear();
        int[] kinds = [Kernel, Copy, Fill];
        foreach (var kind in kinds)
        {
            Check("cuptiActivityEnable", enable(kind));
        }
        try
        {
            work();
            Check("cuptiActivityFlushAll", flush(Forced));
        }
        finally
        {
            foreach (var kind in kinds)
            {
                _ = disable(kind);
            }
        }
        return Seen.IsEmpty ? throw new DeviceException("CUPTI saw no work of the GPU") : [.. Seen];

        nint Function(string name) => NativeLibrary.TryGetExport(library, name, out var address)
            ? address
            : throw new DeviceException($"libcupti has no function {name}");
    }

    private static nint Load()
    {
        var folder = TorchRuntime.Load().Folder;
        string[] folders = [folder, .. CudaLibraries.Packages(folder), ""];
        foreach (var file in from place in folders from version in (int[])[13, 12] select Path.Combine(place, $"libcupti.so.{version}"))
        {
            if (NativeLibrary.TryLoad(file, out var library))
            {
                return library;
            }
        }
        throw new DeviceException($"trace: no libcupti.so.13 or .12 beside {folder}, in its nvidia packages or where the loader looks; PyTorch for CUDA has it");
    }

    private static void Check(string call, int result)
    {
        if (result != 0)
        {
            throw new DeviceException($"trace: {call}: error {result}");
        }
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static void GiveBuffer(byte** buffer, nuint* size, nuint* most)
    {
        *buffer = (byte*)NativeMemory.AlignedAlloc(BufferBytes, 8);
        (*size, *most) = (BufferBytes, 0);   // 0: as many records as fit
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static void TakeBuffer(nint context, uint stream, byte* buffer, nuint size, nuint used)
    {
        byte* record = null;
        while (_next(buffer, used, &record) == 0)
        {
            var name = *(int*)record switch
            {
                Kernel => Names.GetOrAdd(*(nint*)(record + KernelNameAt), NameOf),
                Copy => "copy",
                Fill => "fill",
                _ => null,
            };
            if (name is not null)
            {
                Seen.Enqueue(new GpuWork(name, *(long*)(record + BeginAt), *(long*)(record + EndAt)));
            }
        }
        NativeMemory.AlignedFree(buffer);
    }

    /// <summary>As a person writes it: "void at::native::kernel&lt;float&gt;(...)".</summary>
    private static string NameOf(nint text)
    {
        var mangled = Marshal.PtrToStringUTF8(text) ?? "?";
        if (!mangled.StartsWith("_Z", StringComparison.Ordinal))
        {
            return mangled;
        }
        int status;
        var plain = __cxa_demangle(text, 0, 0, &status);
        if (plain == 0)
        {
            return mangled;
        }
        var name = Marshal.PtrToStringUTF8(plain)!;
        NativeMemory.Free((void*)plain);   // of malloc
        return name;
    }

#pragma warning disable IDE1006, SYSLIB1054 // a name of the C++ interface; integers and pointers: nothing to marshal
    [DllImport("libstdc++.so.6")]
    private static extern nint __cxa_demangle(nint mangled, nint output, nint length, int* status);
#pragma warning restore IDE1006, SYSLIB1054
}
