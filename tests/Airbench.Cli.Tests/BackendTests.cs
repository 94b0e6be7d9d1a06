using System.Diagnostics;
using System.Text.Json;

namespace Airbench.Tests;

/// <summary>Which native packages each backend selects, as MSBuild evaluates the project.</summary>
public sealed class BackendTests
{
    [Theory]
    [InlineData("cpu", "libtorch-cpu-linux-x64 2.10.0", "Microsoft.ML.OnnxRuntime 1.31.1")]
    [InlineData("cuda", "TorchSharp-cuda-linux 0.107.0", "Microsoft.ML.OnnxRuntime.Gpu 1.31.0")]
    [InlineData("external", "Microsoft.ML.OnnxRuntime.Gpu.Linux 1.31.0")]
    [InlineData("external-cpu", "Microsoft.ML.OnnxRuntime 1.31.1")]
    public void A_backend_selects_exactly_its_packages(string backend, params string[] expected)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "the cpu packages differ on other systems");
        Assert.Equal(expected.Order(), NativePackages(backend));
    }

    [Fact]
    public void Each_backend_has_a_lock_file_of_its_own()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "lock files are kept for Linux");
        Assert.Equal("packages.cuda.lock.json", Evaluate("cuda", "-getProperty:NuGetLockFilePath").Trim());
    }

    /// <summary>The program is built for every system, so that its list of files has those for Windows too.</summary>
    [Fact]
    public void Native_libraries_come_without_their_debug_symbols()
    {
        var files = File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "airbench.deps.json"));
        Assert.Contains("runtimes/win-x64/native/libSkiaSharp.dll", files, StringComparison.Ordinal);
        Assert.DoesNotContain(".pdb\"", files, StringComparison.Ordinal);
    }

    /// <summary>Packages of the command line's project that bring native libraries for TorchSharp or ONNX Runtime, with versions.</summary>
    private static IEnumerable<string> NativePackages(string backend)
    {
        using var json = JsonDocument.Parse(Evaluate(backend, "-getItem:PackageReference", "-getItem:PackageVersion"));
        var items = json.RootElement.GetProperty("Items");
        var versions = items.GetProperty("PackageVersion").EnumerateArray().ToDictionary(i => i.GetProperty("Identity").GetString()!, i => i.GetProperty("Version").GetString());
        return items.GetProperty("PackageReference").EnumerateArray()
            .Select(i => i.GetProperty("Identity").GetString()!)
            .Where(id => id.Contains("torch", StringComparison.OrdinalIgnoreCase) || id.Contains("OnnxRuntime", StringComparison.Ordinal))
            .Select(id => $"{id} {versions[id]}")
            .Order()
            .ToList();
    }

    private static string Evaluate(string backend, params string[] queries)
    {
        var project = Path.Combine(Workplace.Repository, "src", "Airbench.Cli", "Airbench.Cli.csproj");
        var start = new ProcessStartInfo("dotnet", ["msbuild", project, $"-p:Backend={backend}", .. queries]) { RedirectStandardOutput = true };
        start.Environment.Remove("MSBuildSDKsPath");   // set by an enclosing `dotnet test`; the child finds its own
        using var process = Process.Start(start)!;
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return process.ExitCode == 0 ? output : throw new InvalidOperationException(output);
    }
}
