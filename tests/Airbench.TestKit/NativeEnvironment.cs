using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.X86;

namespace Airbench.Tests;

/// <summary>Variables that native libraries read in a test process and in those that it starts. What is set already stays.</summary>
internal static class NativeEnvironment
{
    private const int AmdCaches = unchecked((int)0x8000001D);

    /// <summary>
    /// Threads of libtorch that wait for work sleep. By default they spin, on cores that others need where test projects run side by side.
    /// To be called before libtorch is loaded.
    /// </summary>
    public static void LetThreadsSleep() => Set("OMP_WAIT_POLICY", "passive");

    /// <summary>
    /// Keeps oneDNN from AVX-512 on virtual machines that hide the processor's caches. Seen on Zen 5 with libtorch 2.10: its AVX-512
    /// convolutions of fewer than 16 channels are then wrong and write past their buffers, and the tests' networks are that narrow.
    /// Its AVX2 ones are correct, and much slower in bf16. To be called before libtorch computes anything.
    /// </summary>
    public static void AvoidWrongConvolutions()
    {
        if (HidesCaches())
        {
            Set("ONEDNN_MAX_CPU_ISA", "AVX2");
        }
    }

    /// <summary>What programs keep for a user stays beside the tests.</summary>
    public static void KeepCacheBesideTests() => Environment.SetEnvironmentVariable(UserCache.Variable, Path.Combine(AppContext.BaseDirectory, "cache"));

    private static bool HidesCaches() =>
        X86Base.IsSupported && X86Base.CpuId(unchecked((int)0x80000000), 0).Eax >= AmdCaches && X86Base.CpuId(AmdCaches, 0) == (0, 0, 0, 0)
        && X86Base.CpuId(4, 0) == (0, 0, 0, 0);

    private static void Set(string name, string value)
    {
        if (OperatingSystem.IsLinux() && Environment.GetEnvironmentVariable(name) is null)
        {
            _ = setenv(name, value, 0);                        // .NET's own variables do not reach native code
            Environment.SetEnvironmentVariable(name, value);   // for processes that are started, and for our own kernels
        }
    }

#pragma warning disable CA2101, SYSLIB1054, IDE1006 // a libc name; UTF-8 marshalling is stated
    [DllImport("libc")]
    private static extern int setenv([MarshalAs(UnmanagedType.LPUTF8Str)] string name, [MarshalAs(UnmanagedType.LPUTF8Str)] string value, int overwrite);
#pragma warning restore CA2101, SYSLIB1054, IDE1006
}
