using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;

namespace Airbench.Onnx;

/// <summary>Trains with <c>train_step.onnx</c>, and answers with a second model that reads the same state in place.</summary>
public sealed class OnnxFinetuneEngine : IFinetuneEngine
{
    private readonly string _evaluationFile;
    private readonly TrainStepSession _step;
    private readonly InferenceSession _evaluation;
    private readonly OrtIoBinding _binding;
    private readonly RunOptions _runOptions = new();
    private readonly int _pixels;

    private OnnxFinetuneEngine(string evaluationFile, TrainStepSession step, InferenceSession evaluation, int imageSize)
    {
        (_evaluationFile, _step, _evaluation, _pixels) = (evaluationFile, step, evaluation, 3 * imageSize * imageSize);
        _binding = evaluation.CreateIoBinding();
    }

    /// <inheritdoc/>
    public string Description => $"ONNX Runtime {OnnxRuntime.Start().GetVersionString()} on {_step.Device.Name}";

    /// <summary>Opens both models with the weights of the request.</summary>
    /// <param name="request">What to train.</param>
    /// <param name="trainStepFile"><c>train_step.onnx</c>.</param>
    /// <param name="evaluationFile">The model that answers.</param>
    /// <param name="state">Names and shapes of the state; what the weights do not have starts at zero.</param>
    /// <exception cref="InvalidFileException">A file is damaged, or they do not fit together.</exception>
    /// <exception cref="DeviceException">CUDA was asked for and is absent or does not start.</exception>
    public static OnnxFinetuneEngine Open(
        FinetuneRequest request, string trainStepFile, string evaluationFile, IReadOnlyList<(string Name, long[] Shape)> state)
    {
        var initial = new Dictionary<string, (long[] Shape, float[] Values)>();
        using (var weights = TensorFile.Open(request.WeightsFile))
        {
            foreach (var (name, shape) in state)
            {
                initial.Add(name, (shape, weights.Tensors.ContainsKey(name)
                    ? weights.Read<float>(weights.Require(name, TensorType.F32, shape)).ToArray()
                    : new float[shape.Aggregate(1L, (product, extent) => product * extent)]));
            }
        }
        var step = TrainStepSession.Open(trainStepFile, initial, request.Device, request.Threads);
        try
        {
            var device = step.Device;
            var evaluation = OnnxClassifier.OpenSession(evaluationFile, ref device, new SessionSettings(request.Threads));
            return new OnnxFinetuneEngine(evaluationFile, step, evaluation, request.Network.ImageSize) { HeadLr = request.Backbone?.HeadLr ?? 1 };
        }
        catch
        {
            step.Dispose();
            throw;
        }
    }

    /// <summary>Learning rate of the head, as a multiple of that of the rest; only of models that have two.</summary>
    private double HeadLr { get; init; } = 1;

    /// <inheritdoc/>
    public float Step(ReadOnlySpan<byte> images, ReadOnlySpan<long> labels, StepSettings settings) =>
        _step.Step(images, labels, settings with { HeadLr = (float)(settings.Lr * HeadLr) });

    /// <inheritdoc/>
    public unsafe void Answer(ReadOnlySpan<byte> images, int count, Span<float> logits)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 1);
        ArgumentOutOfRangeException.ThrowIfNotEqual(images.Length, checked(count * _pixels));
        ArgumentOutOfRangeException.ThrowIfNotEqual(logits.Length, checked(count * _step.ClassCount));
        var shape = _evaluation.InputMetadata["images"].Dimensions;
        fixed (byte* pixels = images)
        {
            try
            {
                using var value = OrtValue.CreateTensorValueWithData(
                    OrtMemoryInfo.DefaultInstance, TensorElementType.UInt8, [count, shape[1], shape[2], shape[3]], (nint)pixels, images.Length);
                _binding.BindInput("images", value);
                foreach (var name in _evaluation.InputNames.Where(name => name != "images"))
                {
                    _binding.BindInput(name, _step[name]);
                }
                _binding.BindOutputToDevice("logits", OrtMemoryInfo.DefaultInstance);
                _binding.SynchronizeBoundInputs();
                _evaluation.RunWithBinding(_runOptions, _binding);
                _binding.SynchronizeBoundOutputs();
                using var outputs = _binding.GetOutputValues();
                outputs[0].GetTensorDataAsSpan<float>().CopyTo(logits);
            }
            catch (OnnxRuntimeException e)
            {
                throw new InvalidFileException(_evaluationFile, $"failed in ONNX Runtime on {count} images: {e.Message}", e);
            }
            finally
            {
                _binding.ClearBoundInputs();
                _binding.ClearBoundOutputs();
            }
        }
    }

    /// <inheritdoc/>
    public Dictionary<string, float[]> ReadWeights()
    {
        var weights = _step.ReadState();
        foreach (var name in weights.Keys.Where(name => name.EndsWith(".velocity", StringComparison.Ordinal)).ToList())
        {
            weights.Remove(name);
        }
        return weights;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _binding.Dispose();
        _runOptions.Dispose();
        _evaluation.Dispose();
        _step.Dispose();
    }
}
