using Airbench.Onnx.Proto;
using static Airbench.Onnx.Proto.TensorProto.Types;

namespace Airbench.Onnx;

/// <summary>
/// Brings a file into one form: every constant an initializer with raw data, no constant among the inputs, every node with a name of its own, no
/// shape that the file states of its inner values.
/// </summary>
internal static class PlainGraph
{
    /// <summary>Version 4 is the first; 8 is what our own models have.</summary>
    private const int FirstIrWithoutListedConstants = 8;

    /// <summary>Operators that compute on quantized numbers.</summary>
    private static readonly HashSet<string> Quantized =
    [
        "QuantizeLinear", "DequantizeLinear", "DynamicQuantizeLinear", "QLinearConv", "QLinearMatMul", "ConvInteger", "MatMulInteger", "QGemm",
        "DynamicQuantizeMatMul", "MatMulNBits", "QAttention",
    ];

    /// <summary>Changes <paramref name="model"/>.</summary>
    /// <param name="path">Its file, for messages.</param>
    /// <param name="model">The model.</param>
    /// <exception cref="InvalidFileException">It has something that cannot be brought into that form; the message names it.</exception>
    public static void Make(string path, ModelProto model)
    {
        model.IrVersion = Math.Max(model.IrVersion, FirstIrWithoutListedConstants);
        foreach (var import in model.OpsetImport.Where(import => !import.HasDomain || import.Domain == "ai.onnx"))
        {
            import.Domain = "";   // two spellings of one
        }
        foreach (var graph in Graphs.All(model.Graph))
        {
            graph.ValueInfo.Clear();   // of one batch size, one type: both change
            foreach (var node in graph.Node.Where(node => node.Domain == "ai.onnx"))
            {
                node.ClearDomain();
            }
            foreach (var node in graph.Node.Where(node => Quantized.Contains(node.OpType) || node.OpType.StartsWith("QLinear", StringComparison.Ordinal)))
            {
                throw new InvalidFileException(path,
                    $"is quantized already: {Show(node)}. Its weights are steps of 8 bits or less, so it can be evaluated, but neither trained nor quantized again; " +
                    "give the float model that it was made from");
            }
            foreach (var sparse in graph.SparseInitializer)
            {
                graph.Initializer.Add(Dense(path, sparse));
            }
            graph.SparseInitializer.Clear();
            foreach (var node in graph.Node.Where(node => node.OpType == "Constant" && node.Domain.Length == 0).ToArray())
            {
                if (Constant(path, node) is { } tensor)
                {
                    graph.Initializer.Add(tensor);
                    graph.Node.Remove(node);
                }
            }
            foreach (var tensor in Graphs.Tensors(graph))
            {
                Tensors.MakeRaw(tensor);
            }
            var constants = graph.Initializer.Select(tensor => tensor.Name).ToHashSet(StringComparer.Ordinal);
            foreach (var input in graph.Input.Where(input => constants.Contains(input.Name)).ToArray())
            {
                graph.Input.Remove(input);   // as before IR version 4
            }
        }
        RequireSingleAssignment(path, model.Graph);
        Sort(path, model.Graph);
        NameNodes(model.Graph);
    }

    /// <summary>For messages: the operator and the node's name, or that of its output.</summary>
    public static string Show(NodeProto node) => node.Name.Length > 0 ? $"{node.OpType} '{node.Name}'" : $"{node.OpType} (of {node.Output.FirstOrDefault()})";

    /// <summary>The tensor of a Constant; null of text, which has no raw data.</summary>
    private static TensorProto? Constant(string path, NodeProto node)
    {
        var name = node.Output[0];
        var attribute = node.Attribute.FirstOrDefault(attribute => attribute.Name is not ("" or null))
            ?? throw new InvalidFileException(path, $"has a constant without a value: {Show(node)}. Export it again");
        TensorProto? tensor = attribute.Name switch
        {
            "value" when attribute.T is { } value => value,
            "sparse_value" when attribute.SparseTensor is { } sparse => Dense(path, sparse),
            "value_float" => Tensors.Create<float>(name, DataType.Float, [attribute.F]),
            "value_floats" => Tensors.Create<float>(name, DataType.Float, [.. attribute.Floats], attribute.Floats.Count),
            "value_int" => Tensors.Create<long>(name, DataType.Int64, [attribute.I]),
            "value_ints" => Tensors.Create<long>(name, DataType.Int64, [.. attribute.Ints], attribute.Ints.Count),
            _ => null,
        };
        if (tensor is not null)
        {
            tensor.Name = name;
        }
        return tensor;
    }

    /// <summary>A sparse tensor with its zeros; the inspection has bounded its size.</summary>
    private static TensorProto Dense(string path, SparseTensorProto sparse)
    {
        var name = sparse.Values?.Name ?? "";
        if (sparse.Values is not { } values || sparse.Indices is not { } list || Tensors.ToIntegers(list) is not { } indices || !Tensors.IsReadable(values.DataType)
            || (ElementTypes.Bits(values.DataType) ?? 0) % 8 != 0)
        {
            throw new InvalidFileException(path, $"has the sparse tensor '{name}', which is not read; expected numbers with int64 indices: export it as a dense one");
        }
        var size = ElementTypes.Bits(values.DataType)!.Value / 8;
        var raw = Tensors.Raw(values).Span;
        var count = raw.Length / size;
        var rank = list.Dims.Count == 2 ? sparse.Dims.Count : 1;
        var elements = Extents.Elements(sparse.Dims);
        if (indices.Length != count * rank)
        {
            throw new InvalidFileException(path, $"has the sparse tensor '{name}' with {count} values and {indices.Length} indices; expected {count * rank} of them. Export it again");
        }
        var dense = new byte[elements * size];
        for (var i = 0; i < count; i++)
        {
            var place = 0L;
            for (var axis = 0; axis < rank; axis++)
            {
                place = rank == 1 ? indices[i] : (place * sparse.Dims[axis]) + indices[(i * rank) + axis];
            }
            if (place < 0 || place >= elements)
            {
                throw new InvalidFileException(path,
                    $"has the sparse tensor '{name}', whose value {i} is outside of [{string.Join(", ", sparse.Dims)}]. Export it again");
            }
            raw.Slice(i * size, size).CopyTo(dense.AsSpan((int)place * size));
        }
        return Tensors.Create<byte>(name, (DataType)values.DataType, dense, [.. sparse.Dims]);
    }

    private static void RequireSingleAssignment(string path, GraphProto graph)
    {
        var names = new HashSet<string>(StringComparer.Ordinal);
        foreach (var name in graph.Input.Select(input => input.Name)
            .Concat(graph.Initializer.Select(tensor => tensor.Name)).Concat(graph.Node.SelectMany(node => node.Output)).Where(name => name.Length > 0))
        {
            if (!names.Add(name))
            {
                throw new InvalidFileException(path, $"gives the value '{name}' twice; expected every value once. Export it again");
            }
        }
    }

    /// <summary>Puts each node behind those whose outputs it reads; ONNX wants that, and ONNX Runtime takes a file without it.</summary>
    private static void Sort(string path, GraphProto graph)
    {
        var known = graph.Input.Select(input => input.Name).Concat(graph.Initializer.Select(tensor => tensor.Name)).Append("").ToHashSet(StringComparer.Ordinal);
        var inside = graph.Node.SelectMany(node => node.Output).ToHashSet(StringComparer.Ordinal);
        var waiting = new Dictionary<string, List<NodeProto>>(StringComparer.Ordinal);   // nodes, by a value that they wait for
        var sorted = new List<NodeProto>();
        var ready = new Queue<NodeProto>();
        foreach (var node in graph.Node)
        {
            Place(node);
            while (ready.TryDequeue(out var next))
            {
                sorted.Add(next);
                known.UnionWith(next.Output);
                foreach (var reader in next.Output.SelectMany(output => waiting.Remove(output, out var readers) ? readers : []))
                {
                    Place(reader);
                }
            }
        }
        if (sorted.Count < graph.Node.Count)
        {
            throw new InvalidFileException(path, $"has nodes that wait for each other, {Show(waiting.First().Value[0])} for '{waiting.First().Key}'. Export it again");
        }
        graph.Node.Clear();
        graph.Node.AddRange(sorted);

        void Place(NodeProto node)
        {
            if (OnnxGraph.Reads(node).FirstOrDefault(input => inside.Contains(input) && !known.Contains(input)) is not { } missing)
            {
                ready.Enqueue(node);
            }
            else if (waiting.TryGetValue(missing, out var others))
            {
                others.Add(node);
            }
            else
            {
                waiting[missing] = [node];
            }
        }
    }

    /// <summary>Names are what messages and passes know nodes by; exporters leave them out or give them twice.</summary>
    private static void NameNodes(GraphProto graph)
    {
        var names = new HashSet<string>(StringComparer.Ordinal);
        foreach (var node in graph.Node)
        {
            var wanted = node.Name.Length > 0 ? node.Name : node.Output.FirstOrDefault(output => output.Length > 0) ?? node.OpType;
            var name = wanted;
            for (var i = 2; !names.Add(name); i++)
            {
                name = FormattableString.Invariant($"{wanted}.{i}");
            }
            node.Name = name;
        }
    }
}
