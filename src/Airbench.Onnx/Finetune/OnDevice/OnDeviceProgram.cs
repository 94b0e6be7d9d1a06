using System.ComponentModel;
using System.Diagnostics;

namespace Airbench.Onnx;

/// <summary>
/// airbench-ondevice as an engine: the program with ONNX Runtime's on-device training, which cannot share a folder with the newer runtime
/// of this one. It gets artifacts for the request in a folder, and its steps over its standard input and output.
/// </summary>
internal sealed class OnDeviceProgram : IFinetuneEngine
{
    /// <summary>Names the folder of the program; without it, the folder on-device-training beside this one's.</summary>
    public const string FolderVariable = "AIRBENCH_ON_DEVICE_TRAINING";

    private const string FileName = "airbench-ondevice.dll";
    private readonly Process _process;
    private readonly Task<string> _complaints;
    private readonly RemoteEngine _engine;

    private OnDeviceProgram(Process process, int classCount)
    {
        _process = process;
        _complaints = process.StandardError.ReadToEndAsync();
        _engine = new RemoteEngine(process.StandardInput.BaseStream, process.StandardOutput.BaseStream, classCount, Gone);
    }

    /// <inheritdoc/>
    public string Description => _engine.Description;

    /// <summary>Where the program is looked for.</summary>
    public static string DefaultFolder => Environment.GetEnvironmentVariable(FolderVariable) is { Length: > 0 } named
        ? named : Path.Combine(AppContext.BaseDirectory, "on-device-training");

    /// <summary>Writes the artifacts and starts the program.</summary>
    /// <param name="request">What to train.</param>
    /// <param name="spec">The same as a training graph.</param>
    /// <param name="momentum">Of every step: the artifacts hold it.</param>
    /// <param name="weightDecay">Of every step: the artifacts hold it.</param>
    /// <param name="folder">The program's.</param>
    /// <exception cref="DeviceException">There is no such program, or it carries no runtime with training.</exception>
    /// <exception cref="InvalidFileException">The weights do not fit the network.</exception>
    public static OnDeviceProgram Open(FinetuneRequest request, TrainingSpec spec, double momentum, double weightDecay, string folder)
    {
        var program = Path.Combine(folder, FileName);
        if (!File.Exists(program))
        {
            throw new DeviceException(
                $"engine: ort_training needs {program}, which does not exist; publish src/Airbench.OnDeviceTraining with -p:OnDeviceTraining=true, " +
                $"name its folder in {FolderVariable}, or take engine: onnx");
        }
        OnDeviceArtifacts.Write(
            request.Folder, spec, new OnDeviceOptions(OnDeviceArtifacts.InitialLearningRate, momentum, weightDecay), request.WeightsFile);
        var settings = new OnDeviceSettings(
            request.Network.ImageSize, request.Network.ClassCount, request.Threads, (float)momentum, (float)weightDecay,
            [.. spec.Trained.Concat(spec.MovingStatistics).Select(t => t.Name)]);
        File.WriteAllText(Path.Combine(request.Folder, OnDeviceSettings.FileName), Json.Write(settings));
        var process = Start(program, request.Folder);
        try
        {
            return new OnDeviceProgram(process, request.Network.ClassCount);
        }
        catch
        {
            process.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public float Step(ReadOnlySpan<byte> images, ReadOnlySpan<long> labels, StepSettings settings) => _engine.Step(images, labels, settings);

    /// <inheritdoc/>
    public void Answer(ReadOnlySpan<byte> images, int count, Span<float> logits) => _engine.Answer(images, count, logits);

    /// <inheritdoc/>
    public Dictionary<string, float[]> ReadWeights() => _engine.ReadWeights();

    /// <inheritdoc/>
    public void Dispose()
    {
        _engine.Dispose();   // the end of its input is the end of the program
        _process.WaitForExit();
        _process.Dispose();
    }

    private static Process Start(string program, string folder)
    {
        try
        {
            return Process.Start(new ProcessStartInfo("dotnet", ["exec", program, folder])
            {
                RedirectStandardInput = true,
                RedirectStandardOutput = true,
                RedirectStandardError = true,
            })!;
        }
        catch (Win32Exception e)
        {
            throw new DeviceException($"engine: ort_training starts {program} with dotnet, which is not on the path: {e.Message}", e);
        }
    }

    /// <summary>The program's own words, where it had any.</summary>
    private DeviceException Gone()
    {
        _process.WaitForExit();
        var words = _complaints.GetAwaiter().GetResult().Trim();
        return new DeviceException(words.Length > 0 ? words : $"{FileName} ended with exit code {_process.ExitCode} and said nothing");
    }
}
