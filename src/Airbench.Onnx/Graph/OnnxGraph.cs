using Airbench.Onnx.Proto;

namespace Airbench.Onnx;

/// <summary>
/// A model as a graph that passes read and rewrite: nodes in order of computation, the constants and nodes behind its values, and who reads them.
/// </summary>
/// <remarks>
/// It stands on the file's own messages, so whatever a pass does not know - operators of any domain, attributes of any kind, fields newer than
/// <c>onnx.proto</c> - stays as it is. Change nodes and constants through it alone: it keeps count of who reads what.
/// </remarks>
internal sealed class OnnxGraph
{
    private readonly Dictionary<string, NodeProto> _producers = [];
    private readonly Dictionary<string, List<NodeProto>> _readers = [];
    private readonly Dictionary<string, TensorProto> _constants;

    /// <summary>The graph of <paramref name="model"/>, which is from then on this graph's.</summary>
    public OnnxGraph(ModelProto model)
    {
        Model = model;
        _constants = model.Graph.Initializer.ToDictionary(tensor => tensor.Name);
        foreach (var node in model.Graph.Node)
        {
            Register(node);
        }
    }

    /// <summary>The model, with inputs, outputs and metadata.</summary>
    public ModelProto Model { get; }

    /// <summary>Each behind those whose outputs it reads.</summary>
    public IReadOnlyList<NodeProto> Nodes => Model.Graph.Node;

    /// <summary>In the order of the file.</summary>
    public IReadOnlyList<TensorProto> Constants => Model.Graph.Initializer;

    /// <summary>A copy to change.</summary>
    public OnnxGraph Clone() => new(Model.Clone());

    /// <summary>A copy without nodes, for a pass that writes them anew.</summary>
    public OnnxGraph WithoutNodes()
    {
        var copy = Model.Clone();
        copy.Graph.Node.Clear();
        return new OnnxGraph(copy);
    }

    /// <summary>The node that gives <paramref name="value"/>; null for inputs and constants.</summary>
    public NodeProto? Producer(string value) => _producers.GetValueOrDefault(value);

    /// <summary>The nodes that read <paramref name="value"/>, also in graphs inside of them, in the order in which they were added.</summary>
    public IReadOnlyList<NodeProto> Readers(string value) => _readers.TryGetValue(value, out var nodes) ? nodes : [];

    /// <summary>The constant called <paramref name="name"/>; null where there is none.</summary>
    public TensorProto? Constant(string name) => _constants.GetValueOrDefault(name);

    /// <summary>Whether the model gives <paramref name="value"/> to its caller.</summary>
    public bool IsOutput(string value) => Model.Graph.Output.Any(output => output.Name == value);

    /// <summary>Adds a node behind all others.</summary>
    public void Add(NodeProto node)
    {
        Model.Graph.Node.Add(node);
        Register(node);
    }

    /// <summary>Adds nodes in front of <paramref name="next"/>, or of all others without it.</summary>
    public void Insert(IEnumerable<NodeProto> nodes, NodeProto? next = null)
    {
        var place = next is null ? 0 : Model.Graph.Node.IndexOf(next);
        foreach (var node in nodes)
        {
            Model.Graph.Node.Insert(place++, node);
            Register(node);
        }
    }

    /// <summary>A name that no value and no node has: this one, or this one with a number.</summary>
    public string Fresh(string name)
    {
        var taken = Nodes.Select(node => node.Name).Concat(Model.Graph.Input.Select(input => input.Name)).ToHashSet(StringComparer.Ordinal);
        var fresh = name;
        for (var i = 2; taken.Contains(fresh) || _producers.ContainsKey(fresh) || _constants.ContainsKey(fresh); i++)
        {
            fresh = FormattableString.Invariant($"{name}.{i}");
        }
        return fresh;
    }

    /// <summary>Takes a node out; who read its outputs must read something else by now.</summary>
    public void Remove(NodeProto node)
    {
        Model.Graph.Node.Remove(node);
        foreach (var output in node.Output)
        {
            _producers.Remove(output);
        }
        foreach (var input in Reads(node).Distinct())
        {
            _readers[input].Remove(node);
        }
    }

    /// <summary>Lets a node read another value.</summary>
    public void SetInput(NodeProto node, int index, string value)
    {
        var before = node.Input[index];
        node.Input[index] = value;
        if (!Reads(node).Contains(before))
        {
            _readers[before].Remove(node);
        }
        RegisterReader(value, node);
    }

    /// <summary>Gives a node one more input.</summary>
    public void AddInput(NodeProto node, string value)
    {
        node.Input.Add(value);
        RegisterReader(value, node);
    }

    /// <summary>Lets the nodes that read <paramref name="value"/> read <paramref name="other"/>.</summary>
    public void ReplaceReads(string value, string other)
    {
        foreach (var node in Readers(value).ToArray())
        {
            for (var i = 0; i < node.Input.Count; i++)
            {
                if (node.Input[i] == value)
                {
                    SetInput(node, i, other);
                }
            }
        }
    }

    /// <summary>Gives what a node computes another name, wherever it is read.</summary>
    public void Rename(string value, string name)
    {
        var producer = _producers[value];
        producer.Output[producer.Output.IndexOf(value)] = name;
        _producers.Remove(value);
        _producers.Add(name, producer);
        ReplaceReads(value, name);
        foreach (var output in Model.Graph.Output.Where(output => output.Name == value))
        {
            output.Name = name;
        }
    }

    /// <summary>Adds a constant, right after <paramref name="after"/> or, without it, after all others.</summary>
    public void AddConstant(TensorProto tensor, TensorProto? after = null)
    {
        var constants = Model.Graph.Initializer;
        _constants.Add(tensor.Name, tensor);
        constants.Insert(after is null ? constants.Count : constants.IndexOf(after) + 1, tensor);
    }

    /// <summary>Drops nodes and constants that lead to no output.</summary>
    public void RemoveUnused()
    {
        var needed = Model.Graph.Output.Select(output => output.Name).ToHashSet();
        foreach (var node in Nodes.Reverse().ToArray())
        {
            if (node.Output.Any(needed.Contains))
            {
                needed.UnionWith(Reads(node));
            }
            else
            {
                Remove(node);
            }
        }
        foreach (var tensor in Model.Graph.Initializer.Where(tensor => !needed.Contains(tensor.Name)).ToArray())
        {
            Model.Graph.Initializer.Remove(tensor);
            _constants.Remove(tensor.Name);
        }
    }

    private void Register(NodeProto node)
    {
        foreach (var output in node.Output)
        {
            _producers[output] = node;
        }
        foreach (var input in Reads(node))
        {
            RegisterReader(input, node);
        }
    }

    private void RegisterReader(string value, NodeProto node)
    {
        if (!_readers.TryGetValue(value, out var nodes))
        {
            _readers[value] = nodes = [];
        }
        if (!nodes.Contains(node))
        {
            nodes.Add(node);
        }
    }

    /// <summary>Inputs, and what the bodies of an If or a Loop may read from around them.</summary>
    public static IEnumerable<string> Reads(NodeProto node) => node.Input.Concat(ReadInside(node));

    /// <summary>What the bodies of an If or a Loop read, from inside of them or from around them.</summary>
    public static IEnumerable<string> ReadInside(NodeProto node) =>
        node.Attribute.Where(attribute => attribute.G is not null).SelectMany(attribute => attribute.G.Node).SelectMany(Reads);
}
