using Airbench.Onnx.Proto;
using Google.Protobuf;
using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;
using static Airbench.Onnx.Proto.TensorProto.Types;

namespace Airbench.Onnx;

/// <summary>One dimension of a value: a number, or so many times the number of images.</summary>
/// <param name="Count">The number, or what each image adds.</param>
/// <param name="IsPerImage">Whether it grows with the batch.</param>
internal readonly record struct BatchExtent(long Count, bool IsPerImage)
{
    /// <summary>Whether it is the number of images itself.</summary>
    public bool IsBatch => IsPerImage && Count == 1;

    /// <summary>How many they are in a batch of <paramref name="images"/>.</summary>
    public long In(long images) => IsPerImage ? Count * images : Count;

    /// <inheritdoc/>
    public override string ToString() => !IsPerImage ? FormattableString.Invariant($"{Count}")
        : Count == 1 ? GraphBuilder.Batch : FormattableString.Invariant($"{Count} {GraphBuilder.Batch}");
}

/// <summary>What is known of a value whatever the images are.</summary>
/// <param name="Type">Element type.</param>
/// <param name="Extents">Its shape; empty is a scalar.</param>
/// <param name="Integers">Its content, where it is int64 and follows from constants and from shapes that do not grow with the batch; else null.</param>
internal sealed record ValueShape(DataType Type, IReadOnlyList<BatchExtent> Extents, IReadOnlyList<long>? Integers = null)
{
    /// <summary>Number of dimensions.</summary>
    public int Rank => Extents.Count;

    /// <summary>Whether no dimension grows with the batch.</summary>
    public bool IsFixed => !Extents.Any(extent => extent.IsPerImage);

    /// <inheritdoc/>
    public override string ToString() => $"{Type.ToString().ToLowerInvariant()} [{string.Join(',', Extents)}]";
}

/// <summary>
/// The shapes of all values of a graph whose only open dimension is the batch: measured, not inferred. ONNX Runtime runs the graph as it is
/// with batches of two and of three images. An extent that is the same in both is fixed; one that grows by k for an image is k times their number.
/// </summary>
/// <remarks>
/// So every operator that ONNX Runtime has is covered, also arithmetic with shapes. What grows in another way is unknown, as are values that
/// are not tensors, and those in the bodies of an If or a Loop. An extent that depends on what is in the images, as after NonZero, is not told apart.
/// </remarks>
internal sealed class ValueShapes
{
    private const int Fewer = 2, More = 3;

    private readonly Dictionary<string, ValueShape> _values = [];

    private ValueShapes()
    {
    }

    /// <summary>What is known of <paramref name="value"/>; null where its shape is unknown.</summary>
    public ValueShape? this[string value] => _values.GetValueOrDefault(value);

    /// <summary>Runs the graph twice.</summary>
    /// <param name="graph">The graph; it stays as it is.</param>
    /// <param name="file">Where it came from, for errors.</param>
    /// <exception cref="InvalidFileException">An input has another open dimension than its first, or ONNX Runtime does not run the graph.</exception>
    public static ValueShapes Measure(OnnxGraph graph, string file)
    {
        var shapes = new ValueShapes();
        foreach (var tensor in graph.Constants)
        {
            var isInteger = tensor.DataType == (int)DataType.Int64;
            shapes._values[tensor.Name] = new ValueShape(
                (DataType)tensor.DataType, [.. tensor.Dims.Select(extent => new BatchExtent(extent, false))], isInteger ? Tensors.Integers(tensor) : null);
        }
        var (fewer, more) = Run(graph, file);
        var ofShapes = OfShapes(graph);
        foreach (var (name, value) in fewer)
        {
            if (more.TryGetValue(name, out var other) && Extents(value.Shape, other.Shape) is { } extents)
            {
                var isSame = ofShapes.Contains(name) && value.Integers is not null && other.Integers is not null && value.Integers.SequenceEqual(other.Integers);
                shapes._values[name] = new ValueShape(value.Type, extents, isSame ? value.Integers : null);
            }
        }
        return shapes;
    }

    private sealed record Measured(DataType Type, long[] Shape, long[]? Integers);

    private static BatchExtent[]? Extents(long[] fewer, long[] more)
    {
        if (fewer.Length != more.Length)
        {
            return null;
        }
        var extents = new BatchExtent[fewer.Length];
        for (var i = 0; i < extents.Length; i++)
        {
            var perImage = more[i] - fewer[i];
            if (perImage != 0 && fewer[i] != Fewer * perImage)
            {
                return null;
            }
            extents[i] = perImage == 0 ? new BatchExtent(fewer[i], false) : new BatchExtent(perImage, true);
        }
        return extents;
    }

    /// <summary>Values that constants and shapes decide, whatever is in the images.</summary>
    private static HashSet<string> OfShapes(OnnxGraph graph)
    {
        var values = graph.Constants.Select(tensor => tensor.Name).Append("").ToHashSet();
        foreach (var node in graph.Nodes)
        {
            var hasBody = node.Attribute.Any(attribute => attribute.G is not null);
            if (node.OpType is "Shape" or "Size" || (node.Input.All(values.Contains) && !RandomNodes.Draws(node) && !hasBody))
            {
                values.UnionWith(node.Output);
            }
        }
        return values;
    }

    private static (Dictionary<string, Measured> Fewer, Dictionary<string, Measured> More) Run(OnnxGraph graph, string file)
    {
        OnnxRuntime.Start();
        var source = graph.Model.Graph;
        var inputs = source.Input.Where(input => graph.Constant(input.Name) is null).ToArray();
        string[] names = [.. inputs.Select(input => input.Name), .. source.Node.SelectMany(node => node.Output).Where(name => name.Length > 0)];
        try
        {
            using var options = ExecutionDevice.Cpu("cpu").CreateOptions(new SessionSettings(GraphOptimization: GraphOptimization.Disabled));
            options.EnableCpuMemArena = false;   // the values are large and short-lived
            options.EnableMemoryPattern = false;
            using var session = new InferenceSession(WithOutputs(graph.Model, names[inputs.Length..]).ToByteArray(), options);
            return (Once(Fewer), Once(More));

            Dictionary<string, Measured> Once(int images)
            {
                using var run = new RunOptions();
                var values = inputs.Select(input => Zeros(input, images, file)).ToArray();
                try
                {
                    using var outputs = session.Run(run, [.. inputs.Select(input => input.Name)], values, names[inputs.Length..]);
                    return names.Zip(values.Concat(outputs)).Where(pair => pair.Second.IsTensor).ToDictionary(pair => pair.First, pair => Measure(pair.Second));
                }
                finally
                {
                    Array.ForEach(values, value => value.Dispose());
                }
            }
        }
        catch (OnnxRuntimeException e)
        {
            throw new InvalidFileException(file, $"does not run in ONNX Runtime with {Fewer} or {More} images of zeros: {e.Message}", e);
        }
    }

    private static Measured Measure(OrtValue value)
    {
        var info = value.GetTensorTypeAndShape();
        var isInteger = info.ElementDataType == TensorElementType.Int64;
        return new Measured((DataType)(int)info.ElementDataType, info.Shape, isInteger ? value.GetTensorDataAsSpan<long>().ToArray() : null);
    }

    /// <summary>The same nodes and constants with these values as its outputs.</summary>
    private static ModelProto WithOutputs(ModelProto model, IEnumerable<string> outputs)
    {
        var graph = new GraphProto
        {
            Name = model.Graph.Name,
            Node = { model.Graph.Node },
            Initializer = { model.Graph.Initializer },
            Input = { model.Graph.Input },
            ValueInfo = { model.Graph.ValueInfo },
        };
        var declared = model.Graph.Output.ToDictionary(output => output.Name);
        graph.Output.AddRange(outputs.Select(name => declared.GetValueOrDefault(name) ?? new ValueInfoProto { Name = name }));
        return new ModelProto { IrVersion = model.IrVersion, OpsetImport = { model.OpsetImport }, Graph = graph };
    }

    private static OrtValue Zeros(ValueInfoProto input, int images, string file)
    {
        var tensor = input.Type?.TensorType ?? throw new InvalidFileException(file, $"input '{input.Name}' is not a tensor; expected images as one tensor");
        if (tensor.Shape is not { } shape || shape.Dim.Skip(1).Any(extent => !IsNumber(extent)))
        {
            throw new InvalidFileException(file,
                $"input '{input.Name}' has open dimensions besides the number of images; expected one of fixed size: set its height and width first");
        }
        var extents = shape.Dim.Select(extent => IsNumber(extent) ? extent.DimValue : images).ToArray();
        var value = OrtValue.CreateAllocatedTensorValue(OrtAllocator.DefaultInstance, (TensorElementType)tensor.ElemType, extents);
        value.GetTensorMutableRawData().Clear();
        return value;

        static bool IsNumber(TensorShapeProto.Types.Dimension extent) =>
            extent.ValueCase == TensorShapeProto.Types.Dimension.ValueOneofCase.DimValue && extent.DimValue > 0;
    }
}
