using Airbench.Onnx;
using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;

namespace Airbench.OnDeviceTraining;

/// <summary>A TrainingSession of ONNX Runtime on the artifacts that the product writes.</summary>
internal sealed class OnDeviceEngine : IFinetuneEngine
{
    private readonly string _folder;
    private readonly OnDeviceSettings _settings;
    private readonly CheckpointState _state;
    private readonly TrainingSession _session;

    private OnDeviceEngine(string folder, OnDeviceSettings settings, CheckpointState state, TrainingSession session) =>
        (_folder, _settings, _state, _session) = (folder, settings, state, session);

    /// <inheritdoc/>
    public string Description => $"ONNX Runtime {OrtEnv.Instance().GetVersionString()} on-device training on cpu, heavy-ball momentum";

    /// <summary>Opens the four files of <paramref name="folder"/>.</summary>
    /// <exception cref="DeviceException">This build carries no runtime with training.</exception>
    /// <exception cref="InvalidFileException">The runtime does not take the files.</exception>
    public static OnDeviceEngine Open(string folder, OnDeviceSettings settings)
    {
        CheckpointState? state = null;
        try
        {
            state = CheckpointState.LoadCheckpoint(File("checkpoint"));
            using var options = new SessionOptions { IntraOpNumThreads = settings.Threads };
            return new OnDeviceEngine(
                folder, settings, state, new TrainingSession(options, state, File("training_model.onnx"), File("eval_model.onnx"), File("optimizer_model.onnx")));
        }
        catch (Exception e) when (IsWithoutTraining(e))
        {
            throw new DeviceException(
                "this build of airbench-ondevice carries no ONNX Runtime with training; build it with -p:OnDeviceTraining=true, " +
                "where NuGet has Microsoft.ML.OnnxRuntime.Training 1.19.2, or fine-tune with engine: onnx", e);
        }
        catch (OnnxRuntimeException e)
        {
            state?.Dispose();
            throw new InvalidFileException(folder, $"ONNX Runtime does not take these on-device-training artifacts: {e.Message}", e);
        }

        string File(string name) => Path.GetFullPath(Path.Combine(folder, name));
    }

    /// <inheritdoc/>
    public float Step(ReadOnlySpan<byte> images, ReadOnlySpan<long> labels, StepSettings settings)
    {
        if (settings.Momentum != _settings.Momentum || settings.WeightDecay != _settings.WeightDecay)
        {
            throw new ConfigurationException(FormattableString.Invariant(
                $"momentum {settings.Momentum}, weight decay {settings.WeightDecay}; these artifacts hold {_settings.Momentum} and {_settings.WeightDecay}"));
        }
        using var imagesValue = Images(images, labels.Length);
        using var labelsValue = Labels(labels);
        return Try(() =>
        {
            _session.SetLearningRate(settings.Lr);
            using var outputs = _session.TrainStep([imagesValue, labelsValue]);
            _session.OptimizerStep();
            _session.LazyResetGrad();
            return outputs[0].GetTensorDataAsSpan<float>()[0];
        });
    }

    /// <inheritdoc/>
    public void Answer(ReadOnlySpan<byte> images, int count, Span<float> logits)
    {
        using var imagesValue = Images(images, count);
        using var labelsValue = Labels(new long[count]);   // for the evaluation model's loss, which nobody reads
        Try(() =>
        {
            using var outputs = _session.EvalStep([imagesValue, labelsValue]);
            return outputs[1].GetTensorDataAsSpan<float>().ToArray();
        }).CopyTo(logits);
    }

    /// <inheritdoc/>
    public Dictionary<string, float[]> ReadWeights() => Try(() => _settings.Tensors.ToDictionary(name => name, name =>
    {
        using var value = _state.GetParameter(name);
        return value.GetTensorDataAsSpan<float>().ToArray();
    }));

    /// <inheritdoc/>
    public void Dispose()
    {
        _session.Dispose();
        _state.Dispose();
    }

    /// <summary>No native library at all, one without the training API, or one that says so itself.</summary>
    private static bool IsWithoutTraining(Exception e) => e switch
    {
        DllNotFoundException or EntryPointNotFoundException or InvalidOperationException => true,
        TypeInitializationException { InnerException: { } inner } => IsWithoutTraining(inner),
        _ => false,
    };

    private OrtValue Images(ReadOnlySpan<byte> images, int count)
    {
        var value = OrtValue.CreateAllocatedTensorValue(
            OrtAllocator.DefaultInstance, TensorElementType.UInt8, [count, 3, _settings.ImageSize, _settings.ImageSize]);
        images.CopyTo(value.GetTensorMutableDataAsSpan<byte>());
        return value;
    }

    private static OrtValue Labels(ReadOnlySpan<long> labels)
    {
        var value = OrtValue.CreateAllocatedTensorValue(OrtAllocator.DefaultInstance, TensorElementType.Int64, [labels.Length]);
        labels.CopyTo(value.GetTensorMutableDataAsSpan<long>());
        return value;
    }

    private T Try<T>(Func<T> work)
    {
        try
        {
            return work();
        }
        catch (OnnxRuntimeException e)
        {
            throw new InvalidFileException(_folder, $"failed in ONNX Runtime: {e.Message}", e);
        }
    }
}
