using Airbench.Onnx.Proto;
using static Airbench.Onnx.Proto.TensorProto.Types;

namespace Airbench.Onnx;

/// <summary>
/// Opens the batch of a model that was exported for a fixed one: finds on which axis each value has its images, and rewrites the constants that hold
/// their number. That the result is right is seen by running it (<see cref="ImportParity"/>); what is not understood stays and fails there by name.
/// </summary>
internal sealed class BatchOpening
{
    private readonly OnnxGraph _graph;
    private readonly IReadOnlyDictionary<string, long[]> _shapes;
    private readonly long _batch;
    private readonly string _path;
    private readonly Dictionary<string, int> _axes = new(StringComparer.Ordinal);   // of the images, by value
    private int _rewritten;

    private BatchOpening(string path, OnnxGraph graph, IReadOnlyDictionary<string, long[]> shapes, long batch) =>
        (_path, _graph, _shapes, _batch) = (path, graph, shapes, batch);

    /// <summary>Changes <paramref name="graph"/>; returns how many constants were rewritten.</summary>
    /// <param name="path">Its file, for messages.</param>
    /// <param name="graph">The graph.</param>
    /// <param name="input">The input with the images.</param>
    /// <param name="shapes">Shapes of its values with its own batch.</param>
    /// <param name="batch">That batch.</param>
    public static int Apply(string path, OnnxGraph graph, string input, IReadOnlyDictionary<string, long[]> shapes, long batch)
    {
        var pass = new BatchOpening(path, graph, shapes, batch);
        pass._axes[input] = 0;
        foreach (var node in graph.Nodes.ToArray())
        {
            if (node.OpType is not ("Shape" or "Size") && node.Input.FirstOrDefault(pass._axes.ContainsKey) is { } data)
            {
                pass.Open(node, data);
            }
        }
        return pass._rewritten;
    }

    private void Open(NodeProto node, string data)
    {
        var axis = _axes[data];
        foreach (var output in node.Output.Where(output => output.Length > 0))
        {
            if (_shapes.TryGetValue(data, out var before) && _shapes.TryGetValue(output, out var behind) && Axis(node, before, behind, axis) is { } found)
            {
                _axes[output] = found;
            }
        }
        if (!_axes.TryGetValue(node.Output[0], out var images))
        {
            return;
        }
        switch (node.OpType)
        {
            case "Reshape" when node.Input[0] == data:
                SetExtent(node, 1, _shapes[node.Output[0]], images, -1);
                break;
            case "Expand" when node.Input[0] == data:
                SetExtent(node, 1, _shapes[node.Output[0]], images, 1);   // an extent of 1 stays what the value has
                break;
            case "Resize" when node.Input.Count > 3 && node.Input[3].Length > 0 && node.Attribute.All(attribute => attribute.Name != "axes"):
                Resize(node, images);
                break;
            case "Concat":
                Repeat(node, images);
                break;
            case "Add" or "Sub" or "Mul" or "Div" or "Pow" or "Min" or "Max" or "Where" or "MatMul" or "PRelu" when _batch > 1:
                TakeFirst(node, images);
                break;
        }
    }

    /// <summary>Where an output has its images: behind as many values as before; by rank, for operators that work on the last axes.</summary>
    private static int? Axis(NodeProto node, long[] input, long[] output, int axis)
    {
        if (node.OpType == "Transpose")
        {
            var order = node.Attribute.FirstOrDefault(attribute => attribute.Name == "perm")?.Ints;
            return order is null ? output.Length - 1 - axis : order.IndexOf(axis);
        }
        if (node.OpType is not ("Reshape" or "Flatten" or "Squeeze" or "Unsqueeze") && input.Length == output.Length)
        {
            return axis;
        }
        if (node.OpType is "Reshape" or "Flatten" or "Squeeze" or "Unsqueeze" or "Gather" or "ArgMax" || node.OpType.StartsWith("Reduce", StringComparison.Ordinal))
        {
            var before = Extents.Elements(input.Take(axis));
            for (var i = 0; i < output.Length; i++)
            {
                if (Extents.Elements(output.Take(i)) == before)
                {
                    return i;
                }
            }
            return null;
        }
        return output.Length - input.Length + axis is >= 0 and var aligned ? aligned : null;
    }

    /// <summary>Gives a node its own constant shape, with <paramref name="extent"/> for the images.</summary>
    private void SetExtent(NodeProto node, int index, long[] shape, int images, long extent)
    {
        if (_graph.Constant(node.Input[index]) is not { } constant || Tensors.ToIntegers(constant) is not { } asked || asked.Length != shape.Length
            || asked[images] == extent || (asked[images] == 0 && images == 0))
        {
            return;
        }
        var opened = shape.ToArray();
        opened[images] = extent;
        _graph.SetInput(node, index, Constant($"{node.Name}.shape", opened));
        _rewritten++;
    }

    /// <summary>Sizes are for every axis: that of the images is asked of the value itself.</summary>
    private void Resize(NodeProto node, int images)
    {
        if (_graph.Constant(node.Input[3]) is { } sizes && Tensors.ToIntegers(sizes) is { } asked)
        {
            _graph.SetInput(node, 3, WithImages(node, node.Input[0], images, asked));
            _rewritten++;
        }
    }

    /// <summary>Constants beside images, such as the class token of a transformer, once for each image.</summary>
    private void Repeat(NodeProto concat, int images)
    {
        var data = concat.Input.First(_axes.ContainsKey);
        var rank = _shapes[data].Length;
        var axis = concat.Attribute.Single(attribute => attribute.Name == "axis").I;
        if ((axis < 0 ? axis + rank : axis) == images)
        {
            return;   // images put together with images, or a mistake that shows when it runs
        }
        for (var i = 0; i < concat.Input.Count; i++)
        {
            if (_graph.Constant(concat.Input[i]) is { } constant && constant.Dims.Count == rank)
            {
                var first = First(concat, constant, images);
                var name = _graph.Fresh($"{concat.Name}/repeated");
                var shape = WithImages(concat, data, images, [.. _graph.Constant(first)!.Dims]);
                _graph.Insert([new NodeProto { Name = name, OpType = "Expand", Input = { first, shape }, Output = { name } }], concat);
                _graph.SetInput(concat, i, name);
                _rewritten++;
            }
        }
    }

    private void TakeFirst(NodeProto node, int images)
    {
        var rank = _shapes[node.Output[0]].Length;
        for (var i = 0; i < node.Input.Count; i++)
        {
            if (_graph.Constant(node.Input[i]) is { } constant && images - (rank - constant.Dims.Count) is >= 0 and var axis && constant.Dims[axis] == _batch)
            {
                _graph.SetInput(node, i, First(node, constant, axis));
                _rewritten++;
            }
        }
    }

    /// <summary>A constant that has the same for each image of the batch, for one.</summary>
    private string First(NodeProto node, TensorProto constant, int axis)
    {
        if (constant.Dims[axis] == 1)
        {
            return constant.Name;
        }
        var raw = constant.RawData.Span;
        var before = (int)Extents.Elements(constant.Dims.Take(axis));
        var (row, count) = (raw.Length / before / (int)constant.Dims[axis], (int)constant.Dims[axis]);
        var first = new byte[raw.Length / count];
        for (var i = 0; i < before; i++)
        {
            var rows = raw.Slice(i * row * count, row * count);
            for (var image = 1; image < count; image++)
            {
                if (!rows.Slice(image * row, row).SequenceEqual(rows[..row]))
                {
                    throw new InvalidFileException(_path,
                        $"was exported for {_batch} images a call, and {PlainGraph.Show(node)} has other constants for each of them ('{constant.Name}'). Export it with an open batch");
                }
            }
            rows[..row].CopyTo(first.AsSpan(i * row));
        }
        var dims = constant.Dims.ToArray();
        dims[axis] = 1;
        var tensor = Tensors.Create<byte>(_graph.Fresh($"{node.Name}.first"), (DataType)constant.DataType, first, dims);
        _graph.AddConstant(tensor);
        return tensor.Name;
    }

    /// <summary>A shape whose extent of the images is that of <paramref name="value"/>.</summary>
    private string WithImages(NodeProto next, string value, int images, long[] shape)
    {
        var name = _graph.Fresh($"{next.Name}/shape");
        var count = new NodeProto { Name = $"{name}/images", OpType = "Gather", Input = { $"{name}/of", Constant($"{next.Name}.axis", [images]) }, Output = { $"{name}/images" } };
        var together = new NodeProto { Name = name, OpType = "Concat", Output = { name }, Attribute = { Attribute.Int("axis", 0) } };
        together.Input.AddRange([.. Part(shape[..images]), count.Output[0], .. Part(shape[(images + 1)..])]);
        _graph.Insert([new NodeProto { Name = $"{name}/of", OpType = "Shape", Input = { value }, Output = { $"{name}/of" } }, count, together], next);
        return name;

        string[] Part(long[] extents) => extents.Length == 0 ? [] : [Constant($"{next.Name}.extents", extents)];
    }

    private string Constant(string name, long[] values)
    {
        var tensor = Tensors.Create<long>(_graph.Fresh(name), DataType.Int64, values, values.Length);
        _graph.AddConstant(tensor);
        return tensor.Name;
    }
}
