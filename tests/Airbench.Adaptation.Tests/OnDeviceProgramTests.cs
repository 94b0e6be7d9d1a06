using System.Reflection;
using Airbench.OnnxModel.OnDevice;
using Airbench.OnnxModel.Training;

namespace Airbench.Tests;

/// <summary>
/// airbench-ondevice as this repository builds it: its sources compile against today's managed API, and the runtime with training, which
/// is not in every package source, is missed in one sentence.
/// </summary>
public sealed class OnDeviceProgramTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Without_a_runtime_with_training_it_says_so_in_one_sentence()
    {
        var spec = new TrainingSpec(RandomNetwork.Small(), TrainedPart.Head);
        var weights = RandomNetwork.WriteWeights(_folder.Path, spec.Network, RandomNetwork.Weights(spec.Network, 1));
        OnDeviceArtifacts.Write(_folder.Path, spec, new OnDeviceOptions(0.1, 0.9, 0), weights);
        File.WriteAllText(
            _folder.File(OnDeviceSettings.FileName), Json.Write(new OnDeviceSettings(spec.Network.ImageSize, 3, 1, 0.9f, 0, ["head.weight"])));

        var (exitCode, output) = Programs.Run("dotnet", Program, _folder.Path);

        Assert.Equal(1, exitCode);
        Assert.Equal(
            "this build of airbench-ondevice carries no ONNX Runtime with training; build it with -p:OnDeviceTraining=true, " +
            "where NuGet has Microsoft.ML.OnnxRuntime.Training 1.19.2, or fine-tune with engine: onnx", output.Trim());
    }

    [Fact]
    public void Without_a_folder_it_says_how_it_is_called()
    {
        var (exitCode, output) = Programs.Run("dotnet", Program);
        Assert.Equal(2, exitCode);
        Assert.StartsWith("usage: airbench-ondevice FOLDER", output, StringComparison.Ordinal);
    }

    /// <summary>Where this test's build put it.</summary>
    private static string Program => typeof(OnDeviceProgramTests).Assembly
        .GetCustomAttributes<AssemblyMetadataAttribute>().Single(a => a.Key == "OnDeviceProgram").Value!;
}
