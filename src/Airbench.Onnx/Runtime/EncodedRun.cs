using System.Diagnostics;
using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;

namespace Airbench.Onnx;

/// <summary>
/// Calls of a model whose input or output is not as ours: pixels are encoded into a buffer, scores become float32 logits. With binding, the
/// input is in a buffer that every call uses again (<see cref="BoundBuffers"/>).
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
    private readonly BoundBuffers? _bound;
    private AlignedBuffer _values = new(0);

    public EncodedRun(
        string modelFile, InferenceSession session, RunOptions runOptions, Stopwatch clock, ModelInput input, ModelOutput output, BoundBuffers? bound)
    {
        (_modelFile, _session, _runOptions, _clock, _input, _output, _bound) = (modelFile, session, runOptions, clock, input, output, bound);
        _encoder = new PixelEncoder(input);
    }

    /// <summary>See <see cref="OnnxClassifier.Run"/>.</summary>
    public void Run(ReadOnlySpan<byte> images, int count, Span<float> logits)
    {
        var (pixels, batch) = (images.Length / count, _input.FixedBatch ?? count);
        for (var first = 0; first < count; first += batch)
        {
            var n = Math.Min(batch, count - first);
            var source = images.Slice(first * pixels, n * pixels);
            var target = logits.Slice(first * _output.ClassCount, n * _output.ClassCount);
            try
            {
                if (_bound is not null)
                {
                    CallBound(_bound, source, n, target);
                }
                else
                {
                    Call(source, batch, target);
                }
            }
            catch (OnnxRuntimeException e)
            {
                throw new InvalidFileException(_modelFile, $"failed in ONNX Runtime on {n} images: {e.Message}{Remedy(n)}", e);
            }
            finally
            {
                _clock.Stop();
            }
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _bound?.Dispose();
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
        fixed (byte* start = source)
        {
            using var value = OrtValue.CreateTensorValueWithData(
                OrtMemoryInfo.DefaultInstance, _input.ElementType, _input.Shape(count), (nint)start, bytes);
            _clock.Start();
            using var scores = _session.Run(_runOptions, [_input.Name], [value], [_output.Name]);
            _clock.Stop();
            Take(scores[0], count, logits);
        }
    }

    private void CallBound(BoundBuffers bound, ReadOnlySpan<byte> images, int count, Span<float> logits)
    {
        var batch = bound.Require(_input.FixedBatch ?? count, isExact: _input.FixedBatch is not null);
        if (_input.IsPixels)
        {
            images.CopyTo(bound.Pixels);
        }
        else
        {
            _encoder.Encode(images, bound.Pixels);
        }
        _clock.Start();
        bound.Run(_runOptions);
        _clock.Stop();
        Take(bound.Scores, batch, logits);
    }

    private string Remedy(int count) => SingleImage.Remedy(_session, _runOptions, _input, _output, count);

    private void Take(OrtValue scores, int count, Span<float> logits)
    {
        var shape = scores.GetTensorTypeAndShape().Shape;
        if (!_output.Fits(shape, count))
        {
            throw new InvalidFileException(
                _modelFile, $"gave {_output.Name} [{string.Join(", ", shape)}] for {count} images; expected [{count}, {_output.ClassCount}]{Remedy(count)}");
        }
        if (_output.Type == "double")
        {
            var doubles = scores.GetTensorDataAsSpan<double>();
            for (var i = 0; i < logits.Length; i++)
            {
                logits[i] = (float)doubles[i];
            }
        }
        else if (_output.Type == "float16")
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
