using System.Runtime.Intrinsics.X86;

namespace Airbench.Training;

/// <summary>What measured rates hold for. Found without loading libtorch.</summary>
/// <param name="Processor">By its own instruction.</param>
/// <param name="Limits">Variables that keep libtorch from some of its instructions, and what .NET may use of them.</param>
/// <param name="Libtorch">Build of libtorch.</param>
/// <param name="Product">Version and build of our kernels.</param>
/// <param name="Threads">Of libtorch.</param>
/// <param name="Convolutions">What was measured.</param>
internal sealed record RatesKey(string Processor, string Limits, string Libtorch, string Product, string Threads, string Convolutions)
{
    /// <summary>Variables by which oneDNN is kept from instructions, in the order in which it looks at them.</summary>
    public static readonly IReadOnlyList<string> OneDnnLimits = ["ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA"];

    private static readonly string[] Variables =
        [.. OneDnnLimits, "ONEDNN_DEFAULT_FPMATH_MODE", "DNNL_DEFAULT_FPMATH_MODE", "ATEN_CPU_CAPABILITY"];

    /// <summary>That of this machine.</summary>
    /// <param name="convolutions">What is measured.</param>
    /// <param name="threads">As the options say; 0 leaves it to libtorch.</param>
    public static RatesKey For(IReadOnlyList<TypicalConvolution> convolutions, int threads) => new(
        CpuFeatures.Id,
        string.Join(", ", Variables.Select(name => (Name: name, Value: Environment.GetEnvironmentVariable(name)))
            .Where(variable => !string.IsNullOrEmpty(variable.Value)).Select(variable => $"{variable.Name}={variable.Value}")
            .Append($".NET has {(Avx512BW.IsSupported ? "AVX-512" : Avx2.IsSupported ? "AVX2" : "neither AVX-512 nor AVX2")}")),
        TorchRuntime.LibtorchBuild,
        $"{Airbench.Product.Version} build {typeof(RatesKey).Module.ModuleVersionId:N}",
        TorchRuntime.ThreadsOf(threads),
        string.Join("; ", convolutions));
}
