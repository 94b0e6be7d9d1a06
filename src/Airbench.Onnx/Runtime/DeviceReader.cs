using Airbench.Onnx.Proto;
using Google.Protobuf;
using Microsoft.ML.OnnxRuntime;

namespace Airbench.Onnx;

/// <summary>
/// Copies float32 tensors from the memory of a session's device to ours. <see cref="OrtEnv.CopyTensors"/> is only for providers that are
/// registered as plug-ins, which CUDA's is not. A model of one node does the same: ONNX Runtime delivers outputs in the CPU's memory.
/// </summary>
internal sealed class DeviceReader : IDisposable
{
    private readonly InferenceSession _session;
    private readonly RunOptions _runOptions = new();

    /// <exception cref="OnnxRuntimeException">The device does not start.</exception>
    public DeviceReader(ExecutionDevice device)
    {
        using var options = device.CreateOptions(threads: 1);
        _session = new InferenceSession(Model().ToByteArray(), options);
    }

    /// <summary>The values of <paramref name="value"/>, row-major.</summary>
    public float[] Read(OrtValue value)
    {
        using var copies = _session.Run(_runOptions, ["x"], [value], ["y"]);
        return copies[0].GetTensorDataAsSpan<float>().ToArray();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _runOptions.Dispose();
        _session.Dispose();
    }

    /// <summary>y = x, of any shape.</summary>
    private static ModelProto Model()
    {
        var type = new TypeProto { TensorType = new TypeProto.Types.Tensor { ElemType = (int)TensorProto.Types.DataType.Float } };
        return new ModelProto
        {
            IrVersion = 8,
            ProducerName = Product.Name,
            OpsetImport = { new OperatorSetIdProto { Domain = "", Version = 17 } },
            Graph = new GraphProto
            {
                Name = "copy",
                Input = { new ValueInfoProto { Name = "x", Type = type } },
                Output = { new ValueInfoProto { Name = "y", Type = type } },
                Node = { new NodeProto { OpType = "Identity", Name = "copy", Input = { "x" }, Output = { "y" } } },
            },
        };
    }
}
