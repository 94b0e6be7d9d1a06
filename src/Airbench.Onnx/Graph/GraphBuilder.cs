using System.Globalization;
using Airbench.Onnx.Proto;

namespace Airbench.Onnx;

/// <summary>
/// Collects an ONNX graph, front to back. Values are their names: each method that adds one returns its name, so a chain
/// of layers reads like the network. Nothing is reordered, so the same calls give the same bytes.
/// </summary>
internal sealed class GraphBuilder
{
    /// <summary>Name of the dimension that is open on every input and output.</summary>
    public const string Batch = "N";

    private readonly GraphProto _graph;
    private readonly HashSet<string> _names;
    private readonly GraphBuilder? _outer;   // of an inner graph: the one whose node it belongs to

    /// <summary>A new graph.</summary>
    public GraphBuilder(string name) => (_graph, _names) = (new GraphProto { Name = name }, []);

    /// <summary>Goes on with a graph that exists.</summary>
    public GraphBuilder(GraphProto graph)
    {
        _graph = graph;
        _names =
        [
            .. graph.Input.Select(input => input.Name), .. graph.Initializer.Select(tensor => tensor.Name), .. graph.Node.SelectMany(node => node.Output),
        ];
    }

    private GraphBuilder(string name, GraphBuilder outer)
        : this(name) => _outer = outer;

    /// <summary>A graph for a node such as If or Loop. It may read this graph's values.</summary>
    public GraphBuilder Inner(string name) => new(name, this);

    /// <summary>A finished inner graph, as an attribute of its node.</summary>
    public AttributeProto AsAttribute(string name) => new() { Name = name, Type = AttributeProto.Types.AttributeType.Graph, G = _graph };

    /// <summary>An input whose first dimension is <see cref="Batch"/>, followed by <paramref name="rowShape"/>.</summary>
    public string Input(string name, TensorProto.Types.DataType type, params ReadOnlySpan<long> rowShape)
    {
        _graph.Input.Add(Value(Define(name), type, rowShape));
        return name;
    }

    /// <summary>An input of these extents, numbers or names of what is open.</summary>
    public string Input(string name, TensorProto.Types.DataType type, IReadOnlyList<string> extents)
    {
        _graph.Input.Add(Value(Define(name), type, extents));
        return name;
    }

    /// <summary>Declares an existing value as an output, first dimension <see cref="Batch"/>.</summary>
    public void Output(string name, TensorProto.Types.DataType type, params ReadOnlySpan<long> rowShape) =>
        _graph.Output.Add(Value(Known(name), type, rowShape));

    /// <summary>An input of exactly this shape; empty is a scalar.</summary>
    public string FixedInput(string name, TensorProto.Types.DataType type, params IEnumerable<Extent> shape)
    {
        _graph.Input.Add(Value(Define(name), type, shape));
        return name;
    }

    /// <summary>An input that is a sequence of float32 tensors.</summary>
    public string InputSequence(string name)
    {
        var element = new TypeProto { TensorType = new TypeProto.Types.Tensor { ElemType = (int)TensorProto.Types.DataType.Float } };
        _graph.Input.Add(new ValueInfoProto
        {
            Name = Define(name),
            Type = new TypeProto { SequenceType = new TypeProto.Types.Sequence { ElemType = element } },
        });
        return name;
    }

    /// <summary>Says the type of an existing value, first dimension <see cref="Batch"/>, where a runtime could not know it.</summary>
    public void Describe(string name, TensorProto.Types.DataType type, params ReadOnlySpan<long> rowShape) =>
        _graph.ValueInfo.Add(Value(Known(name), type, rowShape));

    /// <summary>Declares an existing value as an output of exactly this shape.</summary>
    public void FixedOutput(string name, TensorProto.Types.DataType type, params IEnumerable<Extent> shape) =>
        _graph.Output.Add(Value(Known(name), type, shape));

    /// <summary>A float32 constant; <paramref name="shape"/> empty is a scalar.</summary>
    public string Initializer(string name, ReadOnlySpan<float> values, params ReadOnlySpan<long> shape)
    {
        _graph.Initializer.Add(Tensors.Create(Define(name), TensorProto.Types.DataType.Float, values, shape));
        return name;
    }

    /// <summary>A list of int64 constants, stored once however often it is asked for.</summary>
    public string Integers(string name, params ReadOnlySpan<long> values) => Integers(name, values, values.Length);

    /// <summary>An int64 scalar, stored once however often it is asked for.</summary>
    public string Integer(string name, long value) => Integers(name, [value], shape: []);

    private string Integers(string name, ReadOnlySpan<long> values, params ReadOnlySpan<long> shape)
    {
        if (_outer is not null)
        {
            return _outer.Integers(name, values, shape);   // what is stored once stands where every inner graph sees it
        }
        if (_names.Add(name))
        {
            _graph.Initializer.Add(Tensors.Create(name, TensorProto.Types.DataType.Int64, values, shape));
        }
        return name;
    }

    /// <summary>A constant of another graph or of this one, under its name with <paramref name="prefix"/> before it.</summary>
    public string Initializer(TensorProto tensor, string prefix)
    {
        var copy = tensor.Clone();
        copy.Name = Define(prefix + tensor.Name);
        _graph.Initializer.Add(copy);
        return copy.Name;
    }

    /// <summary>A float32 constant, stored once however often it is asked for.</summary>
    public string Constant(string name, ReadOnlySpan<float> values, params ReadOnlySpan<long> shape) =>
        _outer is not null ? _outer.Constant(name, values, shape) : _names.Contains(name) ? name : Initializer(name, values, shape);

    /// <summary>A float32 scalar, stored once however often it is asked for.</summary>
    public string Scalar(string name, float value) => Constant(name, [value]);

    /// <summary>A float32 list of ones, stored once however often it is asked for.</summary>
    public string Ones(int count)
    {
        var values = new float[count];
        Array.Fill(values, 1);
        return Constant(FormattableString.Invariant($"ones.{count}"), values, count);
    }

    /// <summary>An int64 list, stored once however often it is asked for: axes, shapes and the like.</summary>
    public string Integers(params ReadOnlySpan<long> values) => Integers($"int64.{string.Join('_', values.ToArray())}", values);

    /// <summary><paramref name="name"/>, or that with a number behind it where the graph has such a value already.</summary>
    public string Unused(string name)
    {
        var free = name;
        for (var i = 2; Has(free); i++)
        {
            free = FormattableString.Invariant($"{name}.{i}");
        }
        return free;
    }

    /// <summary>A node with any outputs, of any domain. An empty name leaves out an optional input or output.</summary>
    public void Node(
        string op, string name, ReadOnlySpan<string> inputs, ReadOnlySpan<string> outputs, ReadOnlySpan<AttributeProto> attributes, string domain = "")
    {
        var node = new NodeProto { Name = name, OpType = op, Domain = domain };
        foreach (var input in inputs)
        {
            node.Input.Add(input.Length == 0 ? input : Known(input));
        }
        foreach (var output in outputs)
        {
            node.Output.Add(output.Length == 0 ? output : Define(output));
        }
        node.Attribute.AddRange(attributes.ToArray());
        _graph.Node.Add(node);
    }

    /// <summary>A node with one output; returns the output's name.</summary>
    /// <param name="op">Operator type of the default domain.</param>
    /// <param name="name">Name of the node and, without <paramref name="output"/>, of its output.</param>
    /// <param name="inputs">Values that exist already.</param>
    /// <param name="attributes">See <see cref="Attribute"/>.</param>
    /// <param name="output">Name of the output where it is not the node's.</param>
    public string Node(
        string op, string name, ReadOnlySpan<string> inputs, ReadOnlySpan<AttributeProto> attributes = default, string? output = null)
    {
        var node = new NodeProto { Name = name, OpType = op };
        foreach (var input in inputs)
        {
            node.Input.Add(Known(input));
        }
        node.Output.Add(Define(output ?? name));
        node.Attribute.AddRange(attributes.ToArray());
        _graph.Node.Add(node);
        return output ?? name;
    }

    /// <summary>A node as it is.</summary>
    public void Add(NodeProto node)
    {
        foreach (var input in node.Input.Where(input => input.Length > 0))
        {
            Known(input);
        }
        foreach (var output in node.Output.Where(output => output.Length > 0))
        {
            Define(output);
        }
        _graph.Node.Add(node);
    }

    /// <summary>
    /// States the extents of a value, numbers or names of what is counted, where shape inference finds none: it does not add up images.
    /// </summary>
    public string Shape(string value, TensorProto.Types.DataType type, params IReadOnlyList<string> extents)
    {
        _graph.ValueInfo.Add(Value(Known(value), type, extents));
        return value;
    }

    /// <summary>The finished model, IR version 8.</summary>
    public ModelProto Build(int opset) => new()
    {
        IrVersion = 8,
        ProducerName = Product.Name,
        ProducerVersion = Product.Version,
        OpsetImport = { new OperatorSetIdProto { Domain = "", Version = opset } },
        Graph = _graph,
    };

    /// <summary>Every name is given once: ONNX graphs are in static single assignment form, inner graphs included.</summary>
    private string Define(string name) =>
        _outer?.Has(name) != true && _names.Add(name) ? name : throw new InvalidOperationException($"the graph already has a value '{name}'");

    private string Known(string name) =>
        Has(name) ? name : throw new InvalidOperationException($"the graph has no value '{name}' yet");

    private bool Has(string name) => _names.Contains(name) || _outer?.Has(name) == true;

    private static ValueInfoProto Value(string name, TensorProto.Types.DataType type, ReadOnlySpan<long> rowShape) =>
        Value(name, type, [Batch, .. rowShape.ToArray().Select(extent => extent.ToString(CultureInfo.InvariantCulture))]);

    private static ValueInfoProto Value(string name, TensorProto.Types.DataType type, IReadOnlyList<string> extents) => Declare(name, type, extents);

    /// <summary>The declaration of an input or output, extents as numbers or names of what is open.</summary>
    public static ValueInfoProto Declare(string name, TensorProto.Types.DataType type, IReadOnlyList<string> extents)
    {
        var shape = new TensorShapeProto();
        foreach (var extent in extents)
        {
            shape.Dim.Add(long.TryParse(extent, NumberStyles.None, CultureInfo.InvariantCulture, out var number)
                ? new TensorShapeProto.Types.Dimension { DimValue = number }
                : new TensorShapeProto.Types.Dimension { DimParam = extent });
        }
        return new ValueInfoProto
        {
            Name = name,
            Type = new TypeProto { TensorType = new TypeProto.Types.Tensor { ElemType = (int)type, Shape = shape } },
        };
    }

    private static ValueInfoProto Value(string name, TensorProto.Types.DataType type, IEnumerable<Extent> shape) =>
        Value(name, type, [.. shape.Select(extent => extent.Name ?? extent.Value.ToString(CultureInfo.InvariantCulture))]);
}
