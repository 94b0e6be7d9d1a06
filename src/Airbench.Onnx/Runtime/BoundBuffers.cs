using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;

namespace Airbench.Onnx;

/// <summary>
/// Input and output of a session, bound to its device. The input is in a buffer that every call uses again; for a GPU it is page-locked, so that
/// the GPU copies it itself, without a detour. A new number of images costs a GPU a search for algorithms. So a call of fewer images than an earlier one is filled up to that number
/// or to half, a quarter, an eighth of it.
/// </summary>
internal sealed class BoundBuffers : IDisposable
{
    private readonly InferenceSession _session;
    private readonly ModelInput _input;
    private readonly ModelOutput _output;
    private readonly OrtIoBinding _binding;
    private readonly OrtMemoryInfo? _pinned;
    private readonly OrtAllocator? _allocator;
    private readonly bool _fillsUp;
    private OrtValue? _pixels;
    private IDisposableReadOnlyCollection<OrtValue>? _scores;
    private int _largest;
    private int _count;

    /// <param name="session">The model; it stays the caller's.</param>
    /// <param name="device">Where it computes.</param>
    /// <param name="input">Its input.</param>
    /// <param name="output">Its output.</param>
    /// <param name="fillsUp">Whether numbers of images are rounded up as said above.</param>
    public BoundBuffers(InferenceSession session, ExecutionDevice device, ModelInput input, ModelOutput output, bool fillsUp)
    {
        (_session, _input, _output) = (session, input, output);
        _binding = session.CreateIoBinding();
        _fillsUp = fillsUp;
        if (device.CudaIndex is not null)
        {
            // Host memory of the driver's: ONNX Runtime counts it as the CPU's, with the number 0 whatever the GPU.
            _pinned = new OrtMemoryInfo(OrtMemoryInfo.allocatorCUDA_PINNED, OrtAllocatorType.DeviceAllocator, 0, OrtMemType.CpuOutput);
            _allocator = new OrtAllocator(session, _pinned);
        }
    }

    /// <summary>Bytes of the input, of as many images as <see cref="Require"/> returned.</summary>
    public Span<byte> Pixels => _pixels!.GetTensorMutableRawData();

    /// <summary>The scores of the last call, [images, K].</summary>
    public OrtValue Scores => _scores!.Single();

    /// <summary>Makes place for a call of <paramref name="count"/> images.</summary>
    /// <param name="count">Images, at least 1.</param>
    /// <param name="isExact">The call must have exactly as many.</param>
    /// <returns>Images of the call: those, and others in front of whose scores nobody looks.</returns>
    public int Require(int count, bool isExact)
    {
        _largest = Math.Max(_largest, count);
        var size = isExact || !_fillsUp ? count : RoundUp(count, _largest);
        if (size != _count)
        {
            Release();
            _pixels = OrtValue.CreateAllocatedTensorValue(_allocator ?? OrtAllocator.DefaultInstance, _input.ElementType, _input.Shape(size));
            _pixels.GetTensorMutableRawData().Clear();
            _count = size;
        }
        return size;
    }

    /// <summary>The call.</summary>
    /// <exception cref="OnnxRuntimeException">The session fails.</exception>
    public void Run(RunOptions options)
    {
        _scores?.Dispose();
        _scores = null;
        _binding.BindInput(_input.Name, _pixels!);   // this is when the input goes to the device
        _binding.BindOutputToDevice(_output.Name, OrtMemoryInfo.DefaultInstance);
        _binding.SynchronizeBoundInputs();
        _session.RunWithBinding(options, _binding);
        _binding.SynchronizeBoundOutputs();
        _scores = _binding.GetOutputValues();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Release();
        _binding.Dispose();
        _allocator?.Dispose();
        _pinned?.Dispose();
    }

    /// <summary>The smallest of <paramref name="largest"/> and its halves that is at least <paramref name="count"/>.</summary>
    internal static int RoundUp(int count, int largest)
    {
        var size = largest;
        while ((size + 1) / 2 >= count && size > 1)
        {
            size = (size + 1) / 2;
        }
        return size;
    }

    private void Release()
    {
        _binding.ClearBoundInputs();
        _binding.ClearBoundOutputs();
        _pixels?.Dispose();
        _scores?.Dispose();
        (_pixels, _scores, _count) = (null, null, 0);
    }
}
