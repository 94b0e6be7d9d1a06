using System.Runtime.InteropServices;
using TorchSharp;

namespace Airbench.Training;

/// <summary>Parallel regions on the threads of libtorch's own OpenMP runtime.</summary>
/// <remarks>Threads of .NET would have to share the cores with them, which costs more than a kernel of ours can win.</remarks>
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

    /// <summary>
    /// Shares pieces of work out between threads, this one among them, and waits for all. For sums: a thread has the same pieces each time.
    /// </summary>
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
        Start(&RunShare, &region);
    }

    /// <summary>
    /// Has threads take some pieces of work whenever they have done those before, and waits for all: one that the system stops, as beside other
    /// programs, holds up nothing but what it has taken. For work that is the same whoever does it.
    /// </summary>
    /// <param name="count">Pieces of work.</param>
    /// <param name="body">As of <see cref="Run"/>, but called more than once.</param>
    /// <param name="state">Handed to each call.</param>
    public static void Distribute(int count, delegate*<void*, int, int, int, void> body, void* state)
    {
        const int shares = 16;   // of a thread
        var threads = ThreadsFor(count);
        var region = new Region { Count = count, Threads = threads, Taken = Math.Max(1, count / (threads * shares)), Body = body, State = state };
        Start(&TakeShares, &region);
    }

    private static void Start(delegate* unmanaged<void*, void> thread, Region* region) =>
        ((delegate* unmanaged<delegate* unmanaged<void*, void>, void*, uint, uint, void>)Functions.Value.Parallel)(thread, region, (uint)region->Threads, 0);

    [UnmanagedCallersOnly]
    private static void RunShare(void* state)
    {
        var region = (Region*)state;
        var thread = ThreadIndex;
        region->Body(region->State, thread, First(thread), First(thread + 1));

        int First(int thread) => (int)((long)region->Count * thread / region->Threads);
    }

    [UnmanagedCallersOnly]
    private static void TakeShares(void* state)
    {
        var region = (Region*)state;
        var thread = ThreadIndex;
        while (Interlocked.Add(ref region->Next, region->Taken) - region->Taken is var first && first < region->Count)
        {
            region->Body(region->State, thread, first, Math.Min(first + region->Taken, region->Count));
        }
    }

    private static int ThreadIndex => ((delegate* unmanaged<int>)Functions.Value.ThreadIndex)();

    private struct Region
    {
        public int Count, Threads;
        public int Taken, Next;   // pieces that are taken at once, and the first that is not yet
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
