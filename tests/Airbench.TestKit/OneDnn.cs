using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.X86;

namespace Airbench.Tests;

/// <summary>The instructions that libtorch's convolutions may use in a test process.</summary>
internal static class OneDnn
{
    private const string Variable = "ONEDNN_MAX_CPU_ISA";
    private const int AmdCaches = unchecked((int)0x8000001D);

    /// <summary>
    /// Keeps oneDNN from AVX-512 on virtual machines that hide the processor's caches. Seen on Zen 5 with libtorch 2.10: its AVX-512
    /// convolutions of fewer than 16 channels are then wrong and write past their buffers, and the tests' networks are that narrow.
    /// Its AVX2 ones are correct. To be called before libtorch computes anything.
    /// </summary>
    public static void AvoidWrongConvolutions()
    {
        if (OperatingSystem.IsLinux() && HidesCaches())
        {
            _ = setenv(Variable, "AVX2", 0);                        // for oneDNN: .NET's own variables do not reach native code
            Environment.SetEnvironmentVariable(Variable, "AVX2");   // for our kernels, which ask before they call oneDNN's AVX-512 products
        }
    }

    private static bool HidesCaches() =>
        X86Base.IsSupported && X86Base.CpuId(unchecked((int)0x80000000), 0).Eax >= AmdCaches && X86Base.CpuId(AmdCaches, 0) == (0, 0, 0, 0)
        && X86Base.CpuId(4, 0) == (0, 0, 0, 0);

#pragma warning disable CA2101, SYSLIB1054, IDE1006 // a libc name; UTF-8 marshalling is stated
    [DllImport("libc")]
    private static extern int setenv([MarshalAs(UnmanagedType.LPUTF8Str)] string name, [MarshalAs(UnmanagedType.LPUTF8Str)] string value, int overwrite);
#pragma warning restore CA2101, SYSLIB1054, IDE1006
}
