using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;

namespace Airbench.Onnx;

/// <summary>
/// <c>train_step.onnx</c> in ONNX Runtime: every call is one step of training. The state stays where the session computes, each step's
/// output being the next one's input; only the batch goes in and the loss and the logits come out.
/// </summary>
public sealed class TrainStepSession : IDisposable
{
    private static readonly string[] Required = ["images", "labels", "lr", "momentum", "weight_decay"];
    private static readonly string[] NotState = [.. Required, GraphTrainStep.Weights, GraphTrainStep.HeadLr];

    private readonly string _modelFile;
    private readonly InferenceSession _session;
    private readonly OrtIoBinding _binding;
    private readonly OrtMemoryInfo _stateMemory;
    private readonly RunOptions _runOptions = new();
    private readonly string[] _names;
    private OrtValue[] _state;
    private long _classes;
    private IDisposableReadOnlyCollection<OrtValue>? _held;   // the last step's outputs, of which the state is a part

    private TrainStepSession(string modelFile, InferenceSession session, ExecutionDevice device)
    {
        (_modelFile, _session, Device) = (modelFile, session, device);
        _names = [.. session.InputNames.Except(NotState)];
        _state = [];
        _binding = session.CreateIoBinding();
        _stateMemory = device.CudaIndex is { } index
            ? new OrtMemoryInfo(OrtMemoryInfo.allocatorCUDA, OrtAllocatorType.DeviceAllocator, index, OrtMemType.Default)
            : OrtMemoryInfo.DefaultInstance;
    }

    /// <summary>Where it computes.</summary>
    public ExecutionDevice Device { get; }

    /// <summary>Opens the model with an initial state.</summary>
    /// <param name="modelFile"><c>train_step.onnx</c>.</param>
    /// <param name="state">Shape and values of every tensor of its state.</param>
    /// <param name="device">auto, cpu, cuda or cuda:N.</param>
    /// <param name="threads">Threads of one operator; 0 is one per core.</param>
    /// <exception cref="InvalidFileException">It is no such model, or the state does not fit it.</exception>
    /// <exception cref="DeviceException">CUDA was asked for and is absent or does not start.</exception>
    public static TrainStepSession Open(
        string modelFile, IReadOnlyDictionary<string, (long[] Shape, float[] Values)> state, string device = "cpu", int threads = 0)
    {
        var chosen = ExecutionDevice.Resolve(device, OnnxRuntime.Start().GetAvailableProviders());
        var session = OnnxClassifier.OpenSession(modelFile, ref chosen, new SessionSettings(threads));
        var step = new TrainStepSession(modelFile, session, chosen);
        try
        {
            step.Load(state);
            return step;
        }
        catch
        {
            step.Dispose();
            throw;
        }
    }

    /// <summary>One step on images as bytes.</summary>
    /// <param name="images">uint8 [n,3,S,S], planar RGB.</param>
    /// <param name="labels">n rows of the head.</param>
    /// <param name="settings">Hyperparameters.</param>
    /// <param name="logits">Receives float32 [n,K], before the update; may be empty.</param>
    /// <param name="weights">n factors on the losses; empty is 1 for each. Only models with the input <c>weights</c> take others.</param>
    /// <returns>The mean loss, before the update.</returns>
    /// <exception cref="DataException">The head has no row for a label.</exception>
    public float Step(
        ReadOnlySpan<byte> images, ReadOnlySpan<long> labels, StepSettings settings, Span<float> logits = default, ReadOnlySpan<float> weights = default) =>
        Step(images, TensorElementType.UInt8, labels, settings, logits, weights);

    /// <summary>One step on images as numbers, or on what a frozen part of the network made of them.</summary>
    /// <param name="images">float32 [n,...], as the model takes them.</param>
    /// <param name="labels">n rows of the head.</param>
    /// <param name="settings">Hyperparameters.</param>
    /// <param name="logits">Receives float32 [n,K], before the update; may be empty.</param>
    /// <param name="weights">n factors on the losses; empty is 1 for each. Only models with the input <c>weights</c> take others.</param>
    /// <returns>The mean loss, before the update.</returns>
    /// <exception cref="DataException">The head has no row for a label.</exception>
    public float Step(
        ReadOnlySpan<float> images, ReadOnlySpan<long> labels, StepSettings settings, Span<float> logits = default, ReadOnlySpan<float> weights = default) =>
        Step(images, TensorElementType.Float, labels, settings, logits, weights);

    private unsafe float Step<T>(
        ReadOnlySpan<T> images, TensorElementType type, ReadOnlySpan<long> labels, StepSettings settings, Span<float> logits, ReadOnlySpan<float> weights)
        where T : unmanaged
    {
        var input = _session.InputMetadata["images"];
        if (input.ElementDataType != type)
        {
            throw new ArgumentException($"the model takes images of type {input.ElementDataType}, found {type}");
        }
        long[] shape = [labels.Length, .. input.Dimensions.Skip(1).Select(extent => (long)extent)];
        ArgumentOutOfRangeException.ThrowIfLessThan(labels.Length, 1);
        ArgumentOutOfRangeException.ThrowIfNotEqual(images.Length, checked((int)shape.Aggregate((product, extent) => product * extent)));
        for (var i = 0; i < labels.Length; i++)
        {
            if (labels[i] < 0 || labels[i] >= _classes)
            {
                throw new DataException($"label {labels[i]} of image {i} is outside the head, which has the rows 0 to {_classes - 1}");
            }
        }
        var factors = Factors(labels.Length, weights);
        fixed (T* pixels = images)
        fixed (long* classes = labels)
        {
            try
            {
                using var imagesValue = OrtValue.CreateTensorValueWithData(
                    OrtMemoryInfo.DefaultInstance, type, shape, (nint)pixels, (long)sizeof(T) * images.Length);
                using var labelsValue = OrtValue.CreateTensorValueWithData(
                    OrtMemoryInfo.DefaultInstance, TensorElementType.Int64, [labels.Length], (nint)classes, 8L * labels.Length);
                _binding.BindInput("images", imagesValue);
                _binding.BindInput("labels", labelsValue);
                using var lr = Bind("lr", settings.Lr);
                using var momentum = Bind("momentum", settings.Momentum);
                using var decay = Bind("weight_decay", settings.WeightDecay);
                using var headLr = _session.InputNames.Contains(GraphTrainStep.HeadLr) ? Bind(GraphTrainStep.HeadLr, settings.HeadLr ?? settings.Lr) : null;
                using var factorsValue = factors is null ? null : OrtValue.CreateTensorValueFromMemory(factors, [labels.Length]);
                if (factorsValue is not null)
                {
                    _binding.BindInput(GraphTrainStep.Weights, factorsValue);
                }
                _binding.BindOutputToDevice("loss", OrtMemoryInfo.DefaultInstance);
                _binding.BindOutputToDevice("logits", OrtMemoryInfo.DefaultInstance);
                for (var i = 0; i < _names.Length; i++)
                {
                    _binding.BindInput(_names[i], _state[i]);
                    _binding.BindOutputToDevice(_names[i] + ".next", _stateMemory);
                }
                _binding.SynchronizeBoundInputs();
                _session.RunWithBinding(_runOptions, _binding);
                _binding.SynchronizeBoundOutputs();
                return Take(logits);
            }
            catch (OnnxRuntimeException e)
            {
                throw new InvalidFileException(_modelFile, $"failed in ONNX Runtime on {labels.Length} images: {e.Message}", e);
            }
            finally
            {
                _binding.ClearBoundInputs();
                _binding.ClearBoundOutputs();
            }
        }
    }

    /// <summary>Where a tensor of the state is stored now; until the next step.</summary>
    internal OrtValue this[string name] => _state[Array.IndexOf(_names, name)];

    /// <summary>Names of the state's tensors.</summary>
    internal IReadOnlyList<string> StateNames => _names;

    /// <summary>Rows of the head.</summary>
    public int ClassCount => (int)_classes;

    /// <summary>The state after the last step, row-major by name.</summary>
    public Dictionary<string, float[]> ReadState()
    {
        using var reader = Device.CudaIndex is null ? null : new DeviceReader(Device);
        return _names.Zip(_state).ToDictionary(
            pair => pair.First, pair => reader?.Read(pair.Second) ?? pair.Second.GetTensorDataAsSpan<float>().ToArray());
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Release();
        _binding.Dispose();
        _runOptions.Dispose();
        _session.Dispose();
        if (Device.CudaIndex is not null)
        {
            _stateMemory.Dispose();
        }
    }

    private void Load(IReadOnlyDictionary<string, (long[] Shape, float[] Values)> state)
    {
        string[] missing = [.. _names.Except(state.Keys), .. Required.Except(_session.InputNames).Select(name => $"input {name}")];
        string[] unanswered = [.. _names.Select(name => name + ".next").Append("loss").Append("logits").Except(_session.OutputNames)];
        if (missing.Length > 0 || unanswered.Length > 0 || state.Keys.Except(_names).Any())
        {
            throw new InvalidFileException(_modelFile,
                $"takes the state {string.Join(", ", _names)}; found {string.Join(", ", state.Keys)}; " +
                $"expected the same names, inputs {string.Join(", ", Required)} and each state with an output .next");
        }
        _state = new OrtValue[_names.Length];
        for (var i = 0; i < _names.Length; i++)
        {
            var (shape, values) = state[_names[i]];
            if (_session.InputMetadata[_names[i]].SymbolicDimensions.ElementAtOrDefault(0) == "K")
            {
                _classes = shape[0];
            }
            _state[i] = OrtValue.CreateAllocatedTensorValue(OrtAllocator.DefaultInstance, TensorElementType.Float, shape);
            values.CopyTo(_state[i].GetTensorMutableDataAsSpan<float>());
        }
    }

    /// <summary>What the input for weights gets; null where the model has none.</summary>
    private float[]? Factors(int count, ReadOnlySpan<float> weights)
    {
        if (weights.Length > 0)
        {
            ArgumentOutOfRangeException.ThrowIfNotEqual(weights.Length, count);
        }
        if (_session.InputNames.Contains(GraphTrainStep.Weights))
        {
            return weights.Length > 0 ? weights.ToArray() : [.. Enumerable.Repeat(1f, count)];
        }
        return weights.Length == 0 ? null : throw new ArgumentException("the model has no input 'weights'", nameof(weights));
    }

    private OrtValue Bind(string name, float value)
    {
        var scalar = OrtValue.CreateAllocatedTensorValue(OrtAllocator.DefaultInstance, TensorElementType.Float, []);
        scalar.GetTensorMutableDataAsSpan<float>()[0] = value;
        _binding.BindInput(name, scalar);
        return scalar;
    }

    /// <summary>Takes the loss and the logits out of the outputs, and makes the rest the state.</summary>
    private float Take(Span<float> logits)
    {
        var outputs = _binding.GetOutputValues();   // in the order of binding
        if (logits.Length > 0)
        {
            outputs[1].GetTensorDataAsSpan<float>().CopyTo(logits);
        }
        Release();
        (_held, _state) = (outputs, [.. outputs.Skip(2)]);
        return outputs[0].GetTensorDataAsSpan<float>()[0];
    }

    private void Release()
    {
        if (_held is not null)
        {
            _held.Dispose();
            return;
        }
        foreach (var value in _state)
        {
            value?.Dispose();
        }
    }
}
