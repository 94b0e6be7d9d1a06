using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using TorchSharp;
using static Airbench.Training.CudaDriver;
using static TorchSharp.torch;

namespace Airbench.Training;

/// <summary>libtorch's CUDA graphs, by the names that GCC gives <c>at::cuda::CUDAGraph</c>: TorchSharp 0.107 has no binding for them.</summary>
/// <remarks>
/// A graph is recorded on a stream that is not the default one, and autograd's threads follow the forward pass onto it: so a whole training
/// is on one stream of ours (<see cref="Enter"/>), and nothing in it has to wait for another. An exception of C++ that passes through C# ends
/// the process; what can be asked of the driver beforehand is asked.
/// </remarks>
[SupportedOSPlatform("linux")]
internal sealed unsafe class CudaGraphs : IGraphs
{
    private const string Library = "torch_cuda";
    private const string Trial = "a trial";
    private const int Size = 4096;   // of at::cuda::CUDAGraph, at most
    private const ulong Pool = 0x6169_7262;   // of memory, for all graphs: the second number of an id, which libtorch counts up from 1
    private const int NonBlocking = 1, IsCapturing = 1, Relaxed = 2;   // of the driver
    private readonly Device _device;
    private readonly int _index;
    private readonly nint _stream;
    private readonly IProgress _progress;
    private readonly HashSet<string> _told = [];
    private readonly delegate* unmanaged<nint, byte, void> _construct = (delegate* unmanaged<nint, byte, void>)Member("C1Eb");
    private readonly delegate* unmanaged<nint, void> _destruct = (delegate* unmanaged<nint, void>)Member("D1Ev");
    private readonly delegate* unmanaged<nint, ulong, ulong, int, void> _begin =
        (delegate* unmanaged<nint, ulong, ulong, int, void>)Member("13capture_beginESt4pairIyyE21cudaStreamCaptureMode");
    private readonly delegate* unmanaged<nint, void> _end = (delegate* unmanaged<nint, void>)Member("11capture_endEv");
    private readonly delegate* unmanaged<nint, nint> _raw = (delegate* unmanaged<nint, nint>)Member("14raw_cuda_graphEv");
    private readonly delegate* unmanaged<nint, void> _instantiate = (delegate* unmanaged<nint, void>)Member("11instantiateEv");
    private readonly delegate* unmanaged<nint, void> _replay = (delegate* unmanaged<nint, void>)Member("6replayEv");
    private readonly delegate* unmanaged<int, nint*, int> _currentStream =
        (delegate* unmanaged<int, nint*, int>)TorchPointers.Function(Library, "aoti_torch_get_current_cuda_stream");
    private readonly delegate* unmanaged<nint, int, nint*, int> _createGuard =
        (delegate* unmanaged<nint, int, nint*, int>)TorchPointers.Function(Library, "aoti_torch_create_cuda_stream_guard");
    private readonly delegate* unmanaged<nint, int> _deleteGuard =
        (delegate* unmanaged<nint, int>)TorchPointers.Function(Library, "aoti_torch_delete_cuda_stream_guard");
    private IGraph? _first;   // never let go of: while a graph uses it the pool keeps its memory for the next one
    private bool _isBroken;   // libtorch was left in the middle of a recording

    private CudaGraphs(Device device, IProgress progress)
    {
        (_device, _index, _progress) = (device, Math.Max(0, device.index), progress);
        Check("cuDeviceGet", cuDeviceGet(out var number, _index));
        Check("cuDevicePrimaryCtxRetain", cuDevicePrimaryCtxRetain(out var context, number));
        Check("cuCtxSetCurrent", cuCtxSetCurrent(context));
        Check("cuStreamCreate", cuStreamCreate(out _stream, NonBlocking));
    }

    /// <summary>Graphs, tried on a small one; null where they do not work.</summary>
    /// <param name="device">CUDA.</param>
    /// <param name="progress">Told of each kind of graph, and warned.</param>
    public static CudaGraphs? Make(Device device, IProgress progress)
    {
        try
        {
            var graphs = new CudaGraphs(device, progress);
            return graphs.Counts() ? graphs : throw new DeviceException("a replayed graph computes something else");
        }
        catch (Exception e) when (e is DeviceException or DllNotFoundException or EntryPointNotFoundException or ExternalException)
        {
            progress.Warn($"CUDA graph: none, because they do not work: {e.Message.Split('\n')[0]}");
            return null;
        }
    }

    public IDisposable Enter()
    {
        cuda.synchronize(_device);   // what comes from the default stream is there
        nint guard;
        Check("aoti_torch_create_cuda_stream_guard", _createGuard(_stream, _index, &guard));
        return new OnStream(this, guard);
    }

    public IGraph? Capture(Func<Tensor[]> work, string what)
    {
        nint current;
        if (_isBroken || _currentStream(_index, &current) != 0 || current != _stream)
        {
            return null;
        }
        var clock = Stopwatch.StartNew();
        cuda.synchronize(_device);
        var graph = (nint)NativeMemory.AlignedAlloc(Size, 64);
        NativeMemory.Clear((void*)graph, Size);
        _construct(graph, 1);
        // Relaxed: autograd's thread and the collector's may do what they like; only what is asked of this stream is recorded.
        _begin(graph, 0, Pool, Relaxed);
        Exception? failure = null;
        try
        {
            _ = work();
        }
        catch (Exception e)
        {
            failure = e;
        }
        var status = 0;
        var asked = cuStreamIsCapturing(_stream, &status);
        if (failure is not null || asked != 0 || status != IsCapturing)
        {
            // libtorch would end the process here. The graph's memory is left to it.
            _isBroken = true;
            _ = cuStreamEndCapture(_stream, out _);
            _progress.Warn($"CUDA graph: none for {what}: {failure?.Message.Split('\n')[0] ?? $"the recording is not valid ({asked}, {status})"}");
            return null;
        }
        _end(graph);
        nuint nodes = 0;
        Check("cuGraphGetNodes", cuGraphGetNodes(_raw(graph), null, &nodes));
        if (nodes == 0)
        {
            _destruct(graph);
            NativeMemory.AlignedFree((void*)graph);
            _progress.Warn($"CUDA graph: none for {what}: nothing was recorded");
            return null;
        }
        _instantiate(graph);
        if (what != Trial && _told.Add(what))
        {
            _progress.Info(FormattableString.Invariant($"CUDA graph: captured for {what}: {nodes} nodes, {clock.Elapsed.TotalMilliseconds:0.0} ms"));
        }
        return new Graph(this, graph);
    }

    private static nint Member(string name) => TorchPointers.Function(Library, $"_ZN2at4cuda9CUDAGraph{name}");

    /// <summary>Whether a graph that adds 1 does so when replayed, and only then.</summary>
    private bool Counts()
    {
        using var stream = Enter();
        using var scope = NewDisposeScope();
        using var noGradients = no_grad();
        var count = zeros(4, device: _device);
        Add();
        _first = Capture(Add, Trial);
        for (var i = 0; i < 3; i++)
        {
            _first?.Replay();
        }
        return _first is not null && count.sum().item<float>() == 4 * 4;

        Tensor[] Add()
        {
            using var inner = NewDisposeScope();
            count.copy_(count.Plus(1.0));
            return [count];
        }
    }

    private sealed class Graph(CudaGraphs graphs, nint graph) : IGraph
    {
        private nint _graph = graph;

        public void Replay() => graphs._replay(_graph);

        public void Dispose()
        {
            if (_graph != 0)
            {
                cuda.synchronize(graphs._device);   // it may be at work
                graphs._destruct(_graph);
                NativeMemory.AlignedFree((void*)_graph);
                _graph = 0;
            }
        }
    }

    private sealed class OnStream(CudaGraphs graphs, nint guard) : IDisposable
    {
        private nint _guard = guard;

        public void Dispose()
        {
            if (_guard != 0)
            {
                cuda.synchronize(graphs._device);
                _ = graphs._deleteGuard(_guard);
                _guard = 0;
            }
        }
    }
}
