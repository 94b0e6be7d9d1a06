using System.Globalization;
using System.Reflection;
using System.Runtime.InteropServices;
using Airbench.Pipeline;
using Airbench.Training;

namespace Airbench.Cli;

/// <summary>What results depend on beside options and artifacts. Found without loading libtorch or ONNX Runtime: a plan asks for it.</summary>
internal static class Factors
{
    /// <summary>The pipeline's seed.</summary>
    public static Dictionary<string, string> Seed(StageContext context) => new() { ["seed"] = Text(context.Seed) };

    /// <summary>The device as it was asked for, and the kind of processor: floating-point results differ between them.</summary>
    public static Dictionary<string, string> Device(StageContext context)
    {
        string[] features =
        [
            .. CpuFeatures.HasAvx512Bf16 ? ["avx512-bf16"] : (string[])[],
            .. CpuFeatures.HasAmxBf16 ? ["amx-bf16"] : (string[])[],
            .. CpuFeatures.HasVnni ? ["vnni"] : (string[])[],
        ];
        var device = new Dictionary<string, string>
        {
            ["device"] = context.Device,
            ["cpu"] = string.Join(' ', features.Prepend(RuntimeInformation.ProcessArchitecture.ToString().ToLowerInvariant())),
        };
        if (context.Device != "cpu")
        {
            device["gpu"] = BenchmarkMachine.Gpus() ?? "none";
            device["cuda_visible_devices"] = System.Environment.GetEnvironmentVariable("CUDA_VISIBLE_DEVICES") ?? "all";
        }
        return device;
    }

    /// <summary>Threads of libtorch: sums are split among them, and rounded accordingly.</summary>
    /// <param name="threads">As the options say; 0 leaves it to libtorch.</param>
    public static Dictionary<string, string> Threads(int threads) => new()
    {
        ["threads"] = TorchRuntime.ThreadsOf(threads),
    };

    /// <summary>All of <paramref name="parts"/>.</summary>
    public static Dictionary<string, string> All(params Dictionary<string, string>[] parts) =>
        parts.SelectMany(part => part).ToDictionary(fact => fact.Key, fact => fact.Value);

    /// <summary>Version and build of the product's assemblies that hold <paramref name="types"/>.</summary>
    /// <remarks>
    /// The version has the source commit, as the artifacts have it too. The build changes with the code alone (builds are deterministic), so that
    /// changes without a commit count as well.
    /// </remarks>
    public static Dictionary<string, string> Code(params Type[] types) => types.Append(typeof(Product)).Select(type => type.Assembly).Distinct().ToDictionary(
        assembly => assembly.GetName().Name!,
        assembly => $"{Version(assembly)} build {assembly.ManifestModule.ModuleVersionId.ToString("N")[..12]}");

    /// <summary>Versions of the packages that hold <paramref name="types"/>.</summary>
    public static Dictionary<string, string> Packages(params Type[] types) =>
        types.Select(type => type.Assembly).ToDictionary(assembly => assembly.GetName().Name!, assembly => Version(assembly).Split('+')[0]);

    /// <summary>libtorch, by its file: the one beside the program or an installed PyTorch's.</summary>
    public static Dictionary<string, string> Libtorch() => new() { ["libtorch"] = TorchRuntime.LibtorchBuild };

    /// <summary>ONNX Runtime's native library, which is another for CPU and CUDA.</summary>
    public static Dictionary<string, string> OnnxRuntime() => new()
    {
        ["libonnxruntime"] = NativeLibraryFile.Build(NativeLibraryFile.Find(NativeLibraryFile.NameOf("onnxruntime"))),
    };

    private static string Version(Assembly assembly) =>
        assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? assembly.GetName().Version!.ToString();

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
