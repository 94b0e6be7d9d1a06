using System.Runtime.InteropServices;

namespace Airbench.Training;

/// <summary>oneDNN's kernel for small bf16 matrix products on one thread, by the name that GCC gives it in libtorch.</summary>
/// <remarks><c>at::native::cpublas::brgemm</c>. It makes code for each shape once a thread and keeps it.</remarks>
internal static unsafe class Brgemm
{
    private const string Library = "libtorch_cpu.so";
    private const string Product = "_ZN2at6native7cpublas6brgemmEllllllbPKN3c108BFloat16ES5_Pfb";

    private static readonly Lazy<nint> Function = new(Find);

    /// <summary>Whether the function is there and this processor has what it needs: AVX512-BF16.</summary>
    public static bool IsAvailable => Function.Value != 0;

    /// <summary>C += A B for A (m, k), B (k, n) and C (m, n).</summary>
    /// <param name="m">Rows of A and C.</param>
    /// <param name="n">Columns of B and C; both without gaps between rows.</param>
    /// <param name="k">Columns of A and rows of B; even.</param>
    /// <param name="a">Row-major, at any address.</param>
    /// <param name="rowOfA">Elements from one row of A to the next.</param>
    /// <param name="b">In pairs of rows: (k / 2, n, 2).</param>
    /// <param name="c">Row-major, fp32.</param>
    public static void Accumulate(int m, int n, int k, ushort* a, int rowOfA, ushort* b, float* c)
    {
        const byte accumulate = 1, inPairs = 1;
        ((delegate* unmanaged<long, long, long, long, long, long, byte, ushort*, ushort*, float*, byte, void>)Function.Value)(
            m, n, k, rowOfA, n, n, accumulate, a, b, c, inPairs);
    }

    /// <summary>Where oneDNN is told to use less than the processor has, the function would end the process instead of returning an error.</summary>
    private static bool IsLimited =>
        Environment.GetEnvironmentVariable("ONEDNN_MAX_CPU_ISA") is { Length: > 0 }
        || Environment.GetEnvironmentVariable("DNNL_MAX_CPU_ISA") is { Length: > 0 };

    private static nint Find() =>
        OperatingSystem.IsLinux()
        && CpuFeatures.HasAvx512Bf16
        && !IsLimited
        && NativeLibrary.TryLoad(Path.Combine(TorchRuntime.Load().Folder, Library), out var library)
        && NativeLibrary.TryGetExport(library, Product, out var function)
            ? function
            : 0;
}
