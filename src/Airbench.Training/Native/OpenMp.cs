using System.Runtime.InteropServices;

namespace Airbench.Training.Native;

/// <summary>Parallel regions on the threads of libtorch's own OpenMP runtime.</summary>
/// <remarks>
/// Between two operators these threads spin on their cores for a while. Threads of .NET would have to share the cores with them, which costs
/// more than a kernel of ours can win; a region of libgomp wakes the spinning threads themselves.
/// </remarks>
internal static unsafe class OpenMp
{
    private static readonly Lazy<(nint Parallel, nint ThreadIndex)> Functions = new(Find);

    /// <summary>Whether libtorch runs on GNU's OpenMP and its entry points are there.</summary>
    public static bool IsAvailable => Functions.Value.Parallel != 0;

    /// <summary>Runs <paramref name="body"/> once on each of <paramref name="threads"/> threads, this one among them, and waits for all.</summary>
    /// <param name="threads">At least 1.</param>
    /// <param name="body">Must not throw: nothing above it could catch.</param>
    /// <param name="state">Handed to each call.</param>
    public static void Run(int threads, delegate* unmanaged<void*, void> body, void* state) =>
        ((delegate* unmanaged<delegate* unmanaged<void*, void>, void*, uint, uint, void>)Functions.Value.Parallel)(body, state, (uint)threads, 0);

    /// <summary>In a region, the calling thread's place in it, from 0.</summary>
    public static int ThreadIndex => ((delegate* unmanaged<int>)Functions.Value.ThreadIndex)();

    /// <summary>The part of <paramref name="count"/> pieces of work that falls to a thread: the first, and the one after the last.</summary>
    public static (int First, int End) Share(int count, int thread, int threads) =>
        ((int)((long)count * thread / threads), (int)((long)count * (thread + 1) / threads));

    /// <summary>The functions of the library that libtorch has loaded, not of another copy, whose threads would be others.</summary>
    private static (nint Parallel, nint ThreadIndex) Find()
    {
        var folder = TorchRuntime.Load().Folder;
        return OperatingSystem.IsLinux()
            && Directory.EnumerateFiles(folder, "libgomp*.so*").FirstOrDefault() is { } path
            && NativeLibrary.TryLoad(path, out var library)
            && NativeLibrary.TryGetExport(library, "GOMP_parallel", out var parallel)
            && NativeLibrary.TryGetExport(library, "omp_get_thread_num", out var index)
                ? (parallel, index)
                : default;
    }
}
