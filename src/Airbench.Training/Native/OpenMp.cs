using System.Runtime.InteropServices;
using TorchSharp;

namespace Airbench.Training;

/// <summary>Parallel regions on the threads of libtorch's own OpenMP runtime.</summary>
/// <remarks>
/// Between two operators these threads spin on their cores for a while. Threads of .NET would have to share the cores with them, which costs
/// more than a kernel of ours can win; a region of libgomp wakes the spinning threads themselves.
/// </remarks>
internal static unsafe class OpenMp
{
    private static readonly Lazy<(nint Parallel, nint ThreadIndex, nint SetThreads)> Functions = new(Find);

    /// <summary>Whether libtorch runs on GNU's OpenMP and its entry points are there.</summary>
    public static bool IsAvailable => Functions.Value.Parallel != 0;

    /// <summary>How many threads <see cref="Run"/> is to take for so many pieces of work: those of libtorch, but none without work.</summary>
    public static int ThreadsFor(int count) => Math.Clamp(torch.get_num_threads(), 1, count);

    /// <summary>Has all that <paramref name="work"/> starts run on the calling thread alone. libtorch's own setting would change MKL's as well, for good.</summary>
    public static T OnThisThread<T>(Func<T> work)
    {
        var threads = torch.get_num_threads();   // sets the thread up as libtorch does with each one, which must not come later
        SetThreads(1);
        try
        {
            return work();
        }
        finally
        {
            SetThreads(threads);
        }
    }

    private static void SetThreads(int threads) => ((delegate* unmanaged<int, void>)Functions.Value.SetThreads)(threads);

    /// <summary>Shares pieces of work out between threads, this one among them, and waits for all.</summary>
    /// <param name="count">Pieces of work.</param>
    /// <param name="threads">1 to <paramref name="count"/>.</param>
    /// <param name="body">
    /// Called once on each thread with <paramref name="state"/>, the thread's place from 0, its first piece and the one after its last.
    /// Must not throw: nothing above it could catch.
    /// </param>
    /// <param name="state">Handed to each call.</param>
    public static void Run(int count, int threads, delegate*<void*, int, int, int, void> body, void* state)
    {
        var region = new Region { Count = count, Threads = threads, Body = body, State = state };
        ((delegate* unmanaged<delegate* unmanaged<void*, void>, void*, uint, uint, void>)Functions.Value.Parallel)(&RunThread, &region, (uint)threads, 0);
    }

    [UnmanagedCallersOnly]
    private static void RunThread(void* state)
    {
        var region = (Region*)state;
        var thread = ((delegate* unmanaged<int>)Functions.Value.ThreadIndex)();
        region->Body(region->State, thread, First(thread), First(thread + 1));

        int First(int thread) => (int)((long)region->Count * thread / region->Threads);
    }

    private struct Region
    {
        public int Count, Threads;
        public delegate*<void*, int, int, int, void> Body;
        public void* State;
    }

    /// <summary>The functions of the library that libtorch has loaded, not of another copy, whose threads would be others.</summary>
    private static (nint Parallel, nint ThreadIndex, nint SetThreads) Find()
    {
        var folder = TorchRuntime.Load().Folder;
        return OperatingSystem.IsLinux()
            && Directory.EnumerateFiles(folder, "libgomp*.so*").FirstOrDefault() is { } path
            && NativeLibrary.TryLoad(path, out var library)
            && NativeLibrary.TryGetExport(library, "GOMP_parallel", out var parallel)
            && NativeLibrary.TryGetExport(library, "omp_get_thread_num", out var index)
            && NativeLibrary.TryGetExport(library, "omp_set_num_threads", out var set)
                ? (parallel, index, set)
                : default;
    }
}
