using System.Runtime.InteropServices;

namespace Airbench.Tests;

/// <summary>A call of a native function that a system does not have is an exception, or worse: each stands behind a question for the system.</summary>
public sealed class NativeCallTests
{
    /// <summary>Methods that call what is there on every system, or only with a pointer that a guarded method found; each with the reason.</summary>
    private static readonly Dictionary<string, string> Exempt = new()
    {
        ["TorchRuntime.LoadLibrary"] = "a file that is there, by this system's name",
        ["TorchRuntime.LoadBridge"] = "a file that is there, by this system's name",
        ["TorchRuntime.FindExport"] = "a library that is loaded, by this system's name",
        ["TorchRuntime.get_LibtorchVersion"] = "libtorch's C interface, where it has the function",
        ["TorchPointers.Of"] = "libtorch's C interface, where it has the function",
        ["CudaLibraries.Load"] = "CudaLibraries.Load() asks",
        ["CudaLibraries.Version"] = "CudaLibraries.Load() asks",
        ["Brgemm.Accumulate"] = "Brgemm.Find asks",
        ["OpenMp.Start"] = "OpenMp.Find asks",
        ["OpenMp.get_ThreadIndex"] = "OpenMp.Find asks",
        ["OpenMp.SetThreads"] = "OpenMp.Find asks",
        ["CudnnTuning.get_Enabled"] = "CudnnTuning.get_IsReachable asks",
        ["CudnnTuning.set_Enabled"] = "CudnnTuning.get_IsReachable asks",
        ["CudnnTuning.Context"] = "CudnnTuning.get_IsReachable asks",
    };

    [Fact]
    public void Every_native_call_asks_first_which_system_this_is()
    {
        var assemblies = Directory.GetFiles(AppContext.BaseDirectory, "*.dll")
            .Where(file => Path.GetFileName(file).StartsWith("airbench", StringComparison.OrdinalIgnoreCase))
            .Where(file => Path.GetFileName(file) is not ("Airbench.Cli.Tests.dll" or "Airbench.TestKit.dll"))
            .ToList();
        Assert.True(assemblies.Count >= 7, string.Join(", ", assemblies));
        var walks = assemblies.Select(NativeCalls.In).ToList();

        Assert.Empty(walks.SelectMany(walk => walk.Unguarded).Except(Exempt.Keys));
        Assert.Empty(walks.SelectMany(walk => walk.WithoutSystem));
        Assert.Empty(Exempt.Keys.Except(walks.SelectMany(walk => walk.Unguarded)));   // what is no exception any more
        Assert.Superset(new HashSet<string> { "FlushToDisk.fsync", "HeldFile.dup", "GlibcAllocator.mallopt" }, walks.SelectMany(walk => walk.Externs).ToHashSet());

        // What the exceptions rely on.
        Assert.Superset(
            Exempt.Values.Where(why => why.EndsWith(" asks", StringComparison.Ordinal)).Select(why => why.Split(' ')[0].TrimEnd('(', ')')).ToHashSet(),
            walks.SelectMany(walk => walk.Asking).ToHashSet());
    }

    [Fact]
    public void A_call_without_a_question_is_found_and_so_is_one_before_it()
    {
        var walk = NativeCalls.In(typeof(NativeCallTests).Assembly.Location);
        Assert.Equal(["Unguarded.Before", "Unguarded.Never", "Unguarded.Pointer"], walk.Unguarded.Where(name => name.StartsWith("Unguarded", StringComparison.Ordinal)).Order());
        Assert.Equal(["Unguarded.getpid"], walk.WithoutSystem.Where(name => name.StartsWith("Unguarded", StringComparison.Ordinal)));
    }

#pragma warning disable SYSLIB1054, IDE1006, IDE0051 // never called: what the walk has to tell apart
    private static unsafe class Unguarded
    {
        public static int Never() => getpid();

        public static bool Before() => getpid() > 0 && OperatingSystem.IsLinux();

        public static int Pointer(nint function) => ((delegate* unmanaged<int>)function)();

        public static bool After() => OperatingSystem.IsLinux() && getpid() > 0;

        [DllImport("libc")]
        private static extern int getpid();
    }
#pragma warning restore SYSLIB1054, IDE1006, IDE0051
}
