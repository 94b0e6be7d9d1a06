using System.Diagnostics;
using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;

namespace Airbench.Onnx;

/// <summary>
/// A model file in an ONNX Runtime session: uint8 pixels in, logits out. A model that takes uint8 [N,3,S,S], as our own do where nothing else was
/// asked for, reads the caller's pixels in place; for any other they become what its <see cref="ModelInput"/> says.
/// </summary>
public sealed class OnnxClassifier : IDisposable
{
    private readonly string _modelFile;
    private readonly ModelInput _input;
    private readonly ModelOutput _output;
    private readonly SessionSettings _settings;
    private readonly InferenceSession _session;
    private readonly RunOptions _runOptions = new();
    private readonly Stopwatch _clock = new();
    private readonly EncodedRun? _encoded;   // null: the caller's spans are the model's own

    private OnnxClassifier(
        string modelFile, InferenceSession session, ExecutionDevice device, ModelInput input, ModelOutput output, SessionSettings settings)
    {
        (_modelFile, _session, Device, ImageSize, ClassCount) = (modelFile, session, device, input.Size, output.ClassCount);
        (_input, _output, _settings) = (input, output, settings);
        IsBound = settings.IoBinding ?? device.CudaIndex is not null;
        if (IsBound || !input.IsPixels || !output.IsLogits)
        {
            var bound = IsBound ? new BoundBuffers(session, device, input, output, settings.FillsUp ?? device.CudaIndex is not null) : null;
            _encoded = new EncodedRun(modelFile, session, _runOptions, _clock, input, output, bound);
        }
    }

    /// <summary>Version and execution providers of ONNX Runtime, for people.</summary>
    /// <exception cref="DeviceException">It does not load.</exception>
    public static string DescribeRuntime()
    {
        try
        {
            var environment = OnnxRuntime.Start();
            return $"{environment.GetVersionString()}, {string.Join(", ", environment.GetAvailableProviders())}";
        }
        catch (Exception e) when (e is DllNotFoundException or TypeInitializationException or EntryPointNotFoundException)
        {
            throw new DeviceException($"ONNX Runtime does not load: {(e.InnerException ?? e).Message}", e);
        }
    }

    /// <summary>Where it computes.</summary>
    public ExecutionDevice Device { get; }

    /// <summary>Height and width S, pixels.</summary>
    public int ImageSize { get; }

    /// <summary>Classes K.</summary>
    public int ClassCount { get; }

    /// <summary>Whether inputs and outputs are bound to the device.</summary>
    public bool IsBound { get; }

    /// <summary>The execution provider's options, our own among them; none on the CPU.</summary>
    internal IReadOnlyDictionary<string, string> ProviderOptions => Device.ProviderOptions(_settings.ProviderOptions);

    /// <summary>How many nodes each provider computes, for the log. Opens the model once more.</summary>
    internal string DescribeNodes() => NodePlacement.Describe(NodePlacement.Observe(_modelFile, _input, Device, _settings));

    /// <summary>Time inside of ONNX Runtime's calls so far.</summary>
    public TimeSpan SessionTime => _clock.Elapsed;

    /// <summary>Opens a session on any classifier.</summary>
    /// <param name="modelFile">An ONNX file that <see cref="ModelInspector"/> has passed.</param>
    /// <param name="input">What it takes.</param>
    /// <param name="output">What it gives.</param>
    /// <param name="device">auto, cpu, cuda or cuda:N.</param>
    /// <param name="settings">How it runs.</param>
    /// <exception cref="InvalidFileException">ONNX Runtime does not accept it.</exception>
    /// <exception cref="DeviceException">CUDA was asked for and is absent or does not start.</exception>
    internal static OnnxClassifier Open(string modelFile, ModelInput input, ModelOutput output, string device, SessionSettings settings)
    {
        var chosen = ExecutionDevice.Resolve(device, OnnxRuntime.Start().GetAvailableProviders());
        var session = OpenSession(modelFile, ref chosen, settings);
        return new OnnxClassifier(modelFile, session, chosen, input, output, settings with { ProviderOptions = chosen.CudaIndex is null ? null : settings.ProviderOptions });
    }

    /// <summary>Opens a session on a file that says itself what it takes, as our own models do.</summary>
    /// <param name="modelFile">An ONNX file.</param>
    /// <param name="device">auto, cpu, cuda or cuda:N; <see cref="Device"/> tells what was taken.</param>
    /// <param name="threads">Threads of one operator; 0 is one per core.</param>
    /// <exception cref="InvalidFileException">The file is missing, not a model, or no classifier of images.</exception>
    /// <exception cref="ConfigurationException">It leaves something open that only options could say.</exception>
    /// <exception cref="DeviceException">CUDA was asked for and is absent or does not start.</exception>
    public static OnnxClassifier Open(string modelFile, string device = "cpu", int threads = 0)
    {
        var description = ModelDescription.Read(modelFile, ModelInspector.Inspect(modelFile), new ClassifierOptions());
        return Open(modelFile, description.Input, description.Output, device, new SessionSettings(threads));
    }

    /// <summary>
    /// Computes the logits of <paramref name="count"/> images. Nothing is copied: the session reads and writes the spans themselves.
    /// </summary>
    /// <param name="images">uint8 [count,3,S,S], planar RGB.</param>
    /// <param name="count">Images, at least 1.</param>
    /// <param name="logits">Receives float32 [count,K].</param>
    public unsafe void Run(ReadOnlySpan<byte> images, int count, Span<float> logits)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 1);
        ArgumentOutOfRangeException.ThrowIfNotEqual(images.Length, checked(count * 3 * ImageSize * ImageSize));
        ArgumentOutOfRangeException.ThrowIfNotEqual(logits.Length, checked(count * ClassCount));
        if (_encoded is not null)
        {
            _encoded.Run(images, count, logits);
            return;
        }
        fixed (byte* input = images)
        fixed (float* output = logits)
        {
            try
            {
                using var pixels = OrtValue.CreateTensorValueWithData(
                    OrtMemoryInfo.DefaultInstance, TensorElementType.UInt8, [count, 3, ImageSize, ImageSize], (nint)input, images.Length);
                using var scores = OrtValue.CreateTensorValueWithData(
                    OrtMemoryInfo.DefaultInstance, TensorElementType.Float, [count, ClassCount], (nint)output, 4L * logits.Length);
                _clock.Start();
                _session.Run(_runOptions, [_input.Name], [pixels], [_output.Name], [scores]);
            }
            catch (OnnxRuntimeException e)
            {
                throw new InvalidFileException(_modelFile, $"failed in ONNX Runtime on {count} images: {e.Message}{Remedy(count)}", e);
            }
            finally
            {
                _clock.Stop();
            }
        }
    }

    private string Remedy(int count) => SingleImage.Remedy(_session, _runOptions, _input, _output, count);

    /// <inheritdoc/>
    public void Dispose()
    {
        _encoded?.Dispose();
        _runOptions.Dispose();
        _session.Dispose();
    }

    internal static InferenceSession OpenSession(string modelFile, ref ExecutionDevice device, SessionSettings settings)
    {
        if (device.CudaIndex is not null)
        {
            // An empty session would do to see whether the GPU starts, but ONNX Runtime has none: so a model that is broken
            // and a GPU that does not start are told apart by opening the model on the CPU.
            try
            {
                using var options = device.CreateOptions(settings);
                return new InferenceSession(modelFile, options);
            }
            catch (OnnxRuntimeException e)
            {
                var cpu = ExecutionDevice.Cpu($"device auto: took cpu, as {device.Name} does not start: {ExecutionDevice.Reason(e)}");
                var session = OpenSession(modelFile, ref cpu, settings with { ProviderOptions = null });
                if (device.IsFallbackAllowed)
                {
                    device = cpu;
                    return session;
                }
                session.Dispose();
                throw device.DoesNotStart(e);
            }
        }
        try
        {
            using var options = device.CreateOptions(settings, modelFile);
            return new InferenceSession(modelFile, options);
        }
        catch (OnnxRuntimeException e)
        {
            throw new InvalidFileException(modelFile, $"is not a model that ONNX Runtime accepts: {e.Message}", e);
        }
    }
}
