using Airbench.Onnx.Proto;
using static Airbench.Onnx.Proto.TensorProto.Types;

namespace Airbench.Onnx;

/// <summary>
/// Raises a model of opset 7 to 12 to 13: attributes that became inputs, operators that were renamed, and Softmax, which flattened what it reads.
/// </summary>
/// <remarks>
/// Only what differs for a model that infers: https://github.com/onnx/onnx/blob/main/docs/Changelog.md. Files of opset 13 and later stay as they are.
/// </remarks>
internal sealed class OpsetUpgrade
{
    /// <summary>The version that models are raised to.</summary>
    public const int Target = 13;

    private readonly string _path;
    private readonly int _opset;
    private readonly IReadOnlyDictionary<string, long[]> _shapes;
    private readonly GraphProto _main;
    private readonly HashSet<string> _read, _names;

    private OpsetUpgrade(string path, ModelProto model, int opset, IReadOnlyDictionary<string, long[]> shapes)
    {
        (_path, _opset, _shapes, _main) = (path, opset, shapes, model.Graph);
        _read = [.. Graphs.All(model.Graph).SelectMany(graph => graph.Node.SelectMany(node => node.Input).Concat(graph.Output.Select(output => output.Name)))];
        _names = [.. Graphs.All(model.Graph).SelectMany(graph =>
            graph.Node.SelectMany(node => node.Output).Concat(graph.Input.Select(input => input.Name)).Concat(graph.Initializer.Select(tensor => tensor.Name)))];
    }

    /// <summary>Changes <paramref name="model"/>.</summary>
    /// <param name="path">Its file, for messages.</param>
    /// <param name="model">A plain model (<see cref="PlainGraph"/>).</param>
    /// <param name="opset">Its version.</param>
    /// <param name="shapes">Shapes of its values, as far as they are known.</param>
    /// <exception cref="InvalidFileException">A node has no form in opset 13; it is named.</exception>
    public static void Apply(string path, ModelProto model, int opset, IReadOnlyDictionary<string, long[]> shapes)
    {
        if (opset >= Target)
        {
            return;
        }
        var upgrade = new OpsetUpgrade(path, model, opset, shapes);
        foreach (var graph in Graphs.All(model.Graph).ToArray())
        {
            var nodes = graph.Node.ToArray();
            graph.Node.Clear();
            foreach (var node in nodes)
            {
                graph.Node.AddRange(node.Domain.Length == 0 ? upgrade.Raise(node) : [node]);
            }
        }
        foreach (var import in model.OpsetImport.Where(import => import.Domain.Length == 0))
        {
            import.Version = Target;
        }
    }

    private IEnumerable<NodeProto> Raise(NodeProto node)
    {
        switch (node.OpType)
        {
            case "BatchNormalization":
                BatchNormalization(node);
                break;
            case "Dropout":
                return [Dropout(node)];
            case "Clip" when _opset < 11:
                Insert(node, 1, Number(node, "min"));
                Insert(node, 2, Number(node, "max"));
                break;
            case "Pad" when _opset < 11:
                Insert(node, 1, List(node, "pads"));
                Insert(node, 2, Number(node, "value"));
                break;
            case "Slice" when _opset < 10:
                Insert(node, 1, List(node, "starts"));
                Insert(node, 2, List(node, "ends"));
                Insert(node, 3, List(node, "axes"));
                break;
            case "TopK" when _opset < 10:
                Insert(node, 1, Take(node, "k") is { } k ? Add(Tensors.Create<long>($"{node.Name}.k", DataType.Int64, [k.I], 1)) : null);
                break;
            case "Squeeze" or "Unsqueeze" or "ReduceSum":
                Insert(node, 1, List(node, "axes"));
                break;
            case "Split":
                Insert(node, 1, List(node, "split"));
                break;
            case "Upsample":
                Resize(node, Take(node, "scales") is { } scales ? Add(Tensors.Create<float>($"{node.Name}.scales", DataType.Float, [.. scales.Floats], scales.Floats.Count)) : null);
                break;
            case "Resize" when _opset < 11:
                Resize(node, null);
                break;
            case "Scatter":
                node.OpType = "ScatterElements";
                break;
            case "Softmax" or "LogSoftmax" or "Hardmax":
                return Softmax(node);
        }
        return [node];
    }

    /// <summary>Its outputs for training are dropped, and <c>spatial</c>, which only CNTK ever wrote.</summary>
    private void BatchNormalization(NodeProto node)
    {
        if (Take(node, "spatial") is { I: 0 })
        {
            throw new InvalidFileException(_path,
                $"normalizes each position on its own in {PlainGraph.Show(node)} (spatial: 0), which no opset since 9 has; export the model with a common norm of each channel");
        }
        if (node.Output.Skip(1).FirstOrDefault(_read.Contains) is { } statistics)
        {
            throw new InvalidFileException(_path, $"reads the statistics '{statistics}' of {PlainGraph.Show(node)}: it was exported in training mode. Export it for inference");
        }
        while (node.Output.Count > 1)
        {
            node.Output.RemoveAt(node.Output.Count - 1);
        }
    }

    /// <summary>Drops nothing in a model that infers.</summary>
    private NodeProto Dropout(NodeProto node) => node.Output.Skip(1).Any(_read.Contains)
        ? throw new InvalidFileException(_path, $"reads the mask of {PlainGraph.Show(node)}: it was exported in training mode. Export it for inference")
        : new NodeProto { Name = node.Name, OpType = "Identity", Input = { node.Input[0] }, Output = { node.Output[0] } };

    /// <summary>Before opset 11 samples lay at i * scale, and the nearest was the one below.</summary>
    private static void Resize(NodeProto node, string? scales)
    {
        if (scales is null)
        {
            scales = node.Input[1];
            node.Input.RemoveAt(1);
        }
        node.OpType = "Resize";
        node.Input.Add("");
        node.Input.Add(scales);
        node.Attribute.Add(Text("coordinate_transformation_mode", "asymmetric"));
        if (node.Attribute.FirstOrDefault(attribute => attribute.Name == "mode")?.S?.ToStringUtf8() is null or "nearest")
        {
            node.Attribute.Add(Text("nearest_mode", "floor"));
        }
    }

    /// <summary>
    /// Before opset 13 everything from <c>axis</c> on, 1 by default, was one distribution. That is one axis in almost every file, the others having an
    /// extent of 1; where it is not, or the shape is not known, the value is flattened as the old operator did.
    /// </summary>
    private NodeProto[] Softmax(NodeProto node)
    {
        var axis = Take(node, "axis")?.I ?? 1;
        if (_shapes.GetValueOrDefault(node.Input[0]) is { Length: > 0 } shape)
        {
            var first = axis < 0 ? axis + shape.Length : axis;
            int[] wide = [.. Enumerable.Range(0, shape.Length).Where(i => i >= first && shape[i] != 1)];
            if (wide.Length <= 1 && first > 0)
            {
                node.Attribute.Add(Attribute.Int("axis", wide.Length == 1 ? wide[0] : shape.Length - 1));
                return [node];
            }
        }
        var (name, x, y) = (node.Name, node.Input[0], node.Output[0]);
        var extents = Fresh($"{name}/shape");
        node.Input[0] = Fresh($"{name}/flat");
        node.Output[0] = Fresh($"{name}/flat_scores");
        node.Attribute.Add(Attribute.Int("axis", -1));
        return
        [
            new NodeProto { Name = $"{name}/flatten", OpType = "Flatten", Input = { x }, Output = { node.Input[0] }, Attribute = { Attribute.Int("axis", axis) } },
            node,
            new NodeProto { Name = $"{name}/shape", OpType = "Shape", Input = { x }, Output = { extents } },
            new NodeProto { Name = $"{name}/reshape", OpType = "Reshape", Input = { node.Output[0], extents }, Output = { y } },
        ];
    }

    /// <summary>Gives a node an input at <paramref name="index"/>; left out where it is null.</summary>
    private static void Insert(NodeProto node, int index, string? value)
    {
        if (value is null && node.Input.Count <= index)
        {
            return;
        }
        while (node.Input.Count < index)
        {
            node.Input.Add("");
        }
        node.Input.Insert(index, value ?? "");
    }

    private string? Number(NodeProto node, string attribute) =>
        Take(node, attribute) is { } found ? Add(Tensors.Create<float>($"{node.Name}.{attribute}", DataType.Float, [found.F])) : null;

    private string? List(NodeProto node, string attribute) =>
        Take(node, attribute) is { } found ? Add(Tensors.Create<long>($"{node.Name}.{attribute}", DataType.Int64, [.. found.Ints], found.Ints.Count)) : null;

    private static AttributeProto? Take(NodeProto node, string name)
    {
        var attribute = node.Attribute.FirstOrDefault(attribute => attribute.Name == name);
        if (attribute is not null)
        {
            node.Attribute.Remove(attribute);
        }
        return attribute;
    }

    private string Add(TensorProto tensor)
    {
        tensor.Name = Fresh(tensor.Name);
        _main.Initializer.Add(tensor);   // of the outermost graph, which those inside of it see
        return tensor.Name;
    }

    private string Fresh(string name) => _names.Add(name) ? name : Fresh($"{name}'");

    private static AttributeProto Text(string name, string value) =>
        new() { Name = name, Type = AttributeProto.Types.AttributeType.String, S = Google.Protobuf.ByteString.CopyFromUtf8(value) };
}
