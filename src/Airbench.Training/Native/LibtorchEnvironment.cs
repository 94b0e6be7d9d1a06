using System.Runtime.InteropServices;
using System.Runtime.Versioning;

namespace Airbench.Training;

/// <summary>Variables that libtorch and its OpenMP read when they are loaded. What the user has set stays.</summary>
[SupportedOSPlatform("linux")]
internal static class LibtorchEnvironment
{
    /// <summary>To be called before libtorch is loaded.</summary>
    public static void SetDefaults()
    {
        // Tensors in huge pages: one page fault for 512. On virtual machines where faults are dear, the first steps take half as long.
        Set("THP_MEM_ALLOC_ENABLE", "1");
        if (Environment.GetEnvironmentVariable("OMP_WAIT_POLICY") is null)
        {
            // Threads that wait sleep at once. By default they spin, on time that other programs need, and then lack it themselves.
            Set("GOMP_SPINCOUNT", "0");
        }
    }

    /// <summary>.NET's own variables do not reach native code.</summary>
    private static void Set(string name, string value)
    {
        try
        {
            _ = setenv(name, value, overwrite: 0);
        }
        catch (Exception e) when (e is DllNotFoundException or EntryPointNotFoundException)
        {
            // a C library under another name: it keeps its own settings
        }
    }

#pragma warning disable CA2101, SYSLIB1054, IDE1006 // a libc name; UTF-8 marshalling is stated
    [DllImport("libc")]
    private static extern int setenv([MarshalAs(UnmanagedType.LPUTF8Str)] string name, [MarshalAs(UnmanagedType.LPUTF8Str)] string value, int overwrite);
#pragma warning restore CA2101, SYSLIB1054, IDE1006
}
