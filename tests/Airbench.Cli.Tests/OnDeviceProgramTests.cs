using System.Diagnostics;
using System.Reflection;
using Airbench.Onnx;

namespace Airbench.Tests;

/// <summary>
/// airbench-ondevice as this repository builds it: its sources compile against today's managed API, and the runtime with training, which
/// is not in every package source, is missed in one sentence.
/// </summary>
public sealed class OnDeviceProgramTests : IDisposable
{
    private const string Missing =
        "this build of airbench-ondevice carries no ONNX Runtime with training; build it with -p:OnDeviceTraining=true, " +
        "where NuGet has Microsoft.ML.OnnxRuntime.Training 1.19.2, or fine-tune with engine: onnx";

    private readonly TemporaryFolder _folder = new();

    /// <summary>Where the build put it.</summary>
    private static string Program { get; } = typeof(OnDeviceProgramTests).Assembly
        .GetCustomAttributes<AssemblyMetadataAttribute>().Single(a => a.Key == "OnDeviceProgram").Value!;

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Without_a_runtime_with_training_the_program_says_so_in_one_sentence_and_the_engine_passes_it_on()
    {
        var error = Assert.Throws<DeviceException>(() => Open(Path.GetDirectoryName(Program)!));
        Assert.Equal(Missing, error.Message);

        var (exitCode, output, errors) = Run(_folder.Path);   // the artifacts are there from the try before
        Assert.Equal((1, "", Missing), (exitCode, output, errors.Trim()));
    }

    [Fact]
    public void Where_there_is_no_program_the_engine_says_how_to_get_one()
    {
        var error = Assert.Throws<DeviceException>(() => Open(_folder.File("nowhere")));
        Assert.StartsWith($"engine: ort_training needs {_folder.File("nowhere/airbench-ondevice.dll")}, which does not exist; publish", error.Message, StringComparison.Ordinal);
        Assert.Contains(OnDeviceProgram.FolderVariable, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Without_a_folder_the_program_says_how_it_is_called()
    {
        var (exitCode, _, errors) = Run();
        Assert.Equal(2, exitCode);
        Assert.StartsWith("usage: airbench-ondevice FOLDER", errors, StringComparison.Ordinal);
    }

    private OnDeviceProgram Open(string program)
    {
        var network = RandomNetwork.Small();
        var weights = RandomNetwork.WriteWeights(_folder.Path, network, RandomNetwork.Weights(network, 1));
        return OnDeviceProgram.Open(
            new FinetuneRequest(network, weights, TrainedPart.Head, 0.1, FrozenStatistics: false, "cpu", Threads: 1, _folder.Path),
            new TrainingSpec(network, TrainedPart.Head), momentum: 0.9, weightDecay: 0, program);
    }

    private static (int ExitCode, string Output, string Errors) Run(params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo("dotnet", ["exec", Program, .. arguments])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
        var errors = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return (process.ExitCode, output, errors.Result);
    }
}
