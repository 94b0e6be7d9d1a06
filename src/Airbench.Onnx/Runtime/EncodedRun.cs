using System.Diagnostics;
using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;

namespace Airbench.Onnx;

/// <summary>
/// Calls of a model whose input or output is not as ours: pixels are encoded into a buffer, scores become float32 logits. With binding, input
/// and output are bound to the session's device for the call, so that a batch crosses to the device once and only the scores come back.
/// </summary>
internal sealed class EncodedRun : IDisposable
{
    private readonly string _modelFile;
    private readonly InferenceSession _session;
    private readonly RunOptions _runOptions;
    private readonly Stopwatch _clock;
    private readonly ModelInput _input;
    private readonly ModelOutput _output;
    private readonly PixelEncoder _encoder;
    private readonly OrtIoBinding? _binding;
    private AlignedBuffer _values = new(0);

    public EncodedRun(
        string modelFile, InferenceSession session, RunOptions runOptions, Stopwatch clock, ModelInput input, ModelOutput output, bool isBound)
    {
        (_modelFile, _session, _runOptions, _clock, _input, _output) = (modelFile, session, runOptions, clock, input, output);
        _encoder = new PixelEncoder(input);
        _binding = isBound ? session.CreateIoBinding() : null;
    }

    /// <summary>See <see cref="OnnxClassifier.Run"/>.</summary>
    public void Run(ReadOnlySpan<byte> images, int count, Span<float> logits)
    {
        var (pixels, batch) = (images.Length / count, _input.FixedBatch ?? count);
        for (var first = 0; first < count; first += batch)
        {
            var n = Math.Min(batch, count - first);
            Call(images.Slice(first * pixels, n * pixels), batch, logits.Slice(first * _output.ClassCount, n * _output.ClassCount));
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _binding?.Dispose();
        _values.Dispose();
    }

    private unsafe void Call(ReadOnlySpan<byte> images, int count, Span<float> logits)
    {
        var bytes = checked(count * 3 * _input.Size * _input.Size * _input.ValueBytes);
        if (_values.Span.Length < bytes)
        {
            _values.Dispose();
            _values = new AlignedBuffer(bytes);
        }
        ReadOnlySpan<byte> source = images;
        if (!_input.IsPixels)
        {
            _encoder.Encode(images, _values.Span);
            source = _values.Span[..bytes];   // behind a short last batch of a fixed size is what was there before
        }
        var type = _input.Type switch { "uint8" => TensorElementType.UInt8, "float16" => TensorElementType.Float16, _ => TensorElementType.Float };
        try
        {
            fixed (byte* start = source)
            {
                using var value = OrtValue.CreateTensorValueWithData(OrtMemoryInfo.DefaultInstance, type, _input.Shape(count), (nint)start, bytes);
                if (_binding is { } binding)
                {
                    _clock.Start();
                    binding.BindInput(_input.Name, value);
                    binding.BindOutputToDevice(_output.Name, OrtMemoryInfo.DefaultInstance);
                    binding.SynchronizeBoundInputs();
                    _session.RunWithBinding(_runOptions, binding);
                    binding.SynchronizeBoundOutputs();
                    _clock.Stop();
                    using var scores = binding.GetOutputValues();
                    Take(scores.Single(), count, logits);
                    binding.ClearBoundInputs();
                    binding.ClearBoundOutputs();
                }
                else
                {
                    _clock.Start();
                    using var scores = _session.Run(_runOptions, [_input.Name], [value], [_output.Name]);
                    _clock.Stop();
                    Take(scores[0], count, logits);
                }
            }
        }
        catch (OnnxRuntimeException e)
        {
            throw new InvalidFileException(_modelFile, $"failed in ONNX Runtime on {count} images: {e.Message}", e);
        }
        finally
        {
            _clock.Stop();
        }
    }

    private void Take(OrtValue scores, int count, Span<float> logits)
    {
        var shape = scores.GetTensorTypeAndShape().Shape;
        if (!shape.AsSpan().SequenceEqual([count, _output.ClassCount]))
        {
            throw new InvalidFileException(
                _modelFile, $"gave {_output.Name} [{string.Join(", ", shape)}] for {count} images; expected [{count}, {_output.ClassCount}]");
        }
        if (_output.Type == "float16")
        {
            var halves = scores.GetTensorDataAsSpan<Float16>();
            for (var i = 0; i < logits.Length; i++)
            {
                logits[i] = (float)BitConverter.UInt16BitsToHalf(halves[i].value);
            }
        }
        else
        {
            scores.GetTensorDataAsSpan<float>()[..logits.Length].CopyTo(logits);
        }
        if (_output.Kind == OutputKind.Probabilities)
        {
            foreach (ref var score in logits)
            {
                if (score is < 0 or > 1.001f)
                {
                    throw new ConfigurationException(
                        FormattableString.Invariant($"{_modelFile}: output {_output.Name} has the value {score}, which is not a probability; set output_kind: logits"));
                }
                score = MathF.Log(Math.Max(score, float.Epsilon));   // NaN stays NaN; 0 becomes -103
            }
        }
    }
}
