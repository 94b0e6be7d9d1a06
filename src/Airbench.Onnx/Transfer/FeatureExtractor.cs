using Airbench.Onnx.Proto;
using Google.Protobuf;
using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;
using static Airbench.Onnx.Proto.TensorProto.Types;

namespace Airbench.Onnx;

/// <summary>A backbone in ONNX Runtime: uint8 [n,3,S,S] in, features [n,F] out.</summary>
internal sealed class FeatureExtractor : IDisposable
{
    /// <summary>Images a call: enough for the cores, few enough for the caches.</summary>
    public const int BatchSize = 16;

    private readonly InferenceSession _session;
    private readonly RunOptions _runOptions = new();
    private readonly int _size;

    private readonly string _output;
    private readonly long[] _row;

    private FeatureExtractor(InferenceSession session, int size, string output, long[] row)
    {
        (_session, _size, _output, _row) = (session, size, output, row);
        Width = (int)row.Aggregate((product, extent) => product * extent);
    }

    /// <summary>Features F.</summary>
    public int Width { get; }

    /// <summary>Opens a session.</summary>
    /// <param name="backbone">Input <c>pixels</c> float32 [N,3,S,S], output <c>features</c> float32 [N,F].</param>
    /// <param name="size">S.</param>
    /// <param name="row">Extents of what is given for an image: F of the features.</param>
    /// <param name="device">auto, cpu, cuda or cuda:N.</param>
    /// <param name="settings">How it runs.</param>
    /// <param name="value">A float32 value inside to be given in place of the features; null for the features.</param>
    public static FeatureExtractor Open(OnnxGraph backbone, int size, long[] row, string device, SessionSettings settings, string? value = null)
    {
        var file = Path.Combine(Directory.CreateTempSubdirectory("airbench-backbone-").FullName, TrainedModel.BackboneName);
        try
        {
            NetworkExporter.Save(TakingBytes(value is null ? backbone : EndingAt(backbone, value)), file);
            var chosen = ExecutionDevice.Resolve(device, OnnxRuntime.Start().GetAvailableProviders());
            return new FeatureExtractor(OnnxClassifier.OpenSession(file, ref chosen, settings), size, value ?? ImportedModel.Features, row);
        }
        finally
        {
            Directory.Delete(Path.GetDirectoryName(file)!, recursive: true);
        }
    }

    /// <summary>Computes the features of <paramref name="count"/> images.</summary>
    /// <param name="images">uint8 [count,3,S,S], planar RGB.</param>
    /// <param name="count">At least 1.</param>
    /// <param name="features">Receives float32 [count,F].</param>
    public unsafe void Run(ReadOnlySpan<byte> images, int count, Span<float> features)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(images.Length, checked(count * 3 * _size * _size));
        ArgumentOutOfRangeException.ThrowIfNotEqual(features.Length, checked(count * Width));
        fixed (byte* input = images)
        fixed (float* output = features)
        {
            using var pixels = OrtValue.CreateTensorValueWithData(
                OrtMemoryInfo.DefaultInstance, TensorElementType.UInt8, [count, 3, _size, _size], (nint)input, images.Length);
            using var values = OrtValue.CreateTensorValueWithData(
                OrtMemoryInfo.DefaultInstance, TensorElementType.Float, [count, .. _row], (nint)output, 4L * features.Length);
            _session.Run(_runOptions, ["images"], [pixels], [_output], [values]);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _runOptions.Dispose();
        _session.Dispose();
    }

    private static OnnxGraph EndingAt(OnnxGraph backbone, string value)
    {
        var graph = backbone.Clone();
        graph.Model.Graph.Output.Clear();
        graph.Model.Graph.Output.Add(new ValueInfoProto
        {
            Name = value,
            Type = new TypeProto { TensorType = new TypeProto.Types.Tensor { ElemType = (int)DataType.Float } },
        });
        graph.RemoveUnused();
        return graph;
    }

    private static ModelProto TakingBytes(OnnxGraph backbone)
    {
        var model = backbone.Model.Clone();
        var input = model.Graph.Input.Single();
        var cast = new NodeProto { OpType = "Cast", Name = input.Name };
        cast.Input.Add("images");
        cast.Output.Add(input.Name);
        cast.Attribute.Add(Attribute.Int("to", (long)DataType.Float));
        model.Graph.Node.Insert(0, cast);
        (input.Name, input.Type.TensorType.ElemType) = ("images", (int)DataType.Uint8);
        return model;
    }
}
