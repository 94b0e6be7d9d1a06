namespace Airbench.Onnx;

/// <summary>A graph of a model file as far as the sizes of its values follow from it.</summary>
internal sealed class GraphFacts
{
    /// <summary>What the caller gives, in the order of the file.</summary>
    public List<TensorSignature> Inputs { get; } = [];

    /// <summary>What the caller gets.</summary>
    public List<TensorSignature> Outputs { get; } = [];

    /// <summary>Constants, by name.</summary>
    public Dictionary<string, TensorFacts> Constants { get; } = new(StringComparer.Ordinal);

    /// <summary>In the order of the file, which ONNX wants to be one of computation.</summary>
    public List<NodeFacts> Nodes { get; } = [];
}

/// <summary>A function that a file brings along: an operator written as nodes.</summary>
internal sealed record FunctionFacts(IReadOnlyList<string> Inputs, IReadOnlyList<string> Outputs, IReadOnlyList<NodeFacts> Nodes);

/// <summary>A constant: its shape and, where it is small, its numbers.</summary>
/// <param name="Name">Empty for one in an attribute.</param>
/// <param name="Shape">Extents.</param>
/// <param name="Values">The numbers of a short list such as axes, a shape or pads; null for weights.</param>
internal sealed record TensorFacts(string Name, IReadOnlyList<long> Shape, IReadOnlyList<double>? Values);

/// <summary>A node.</summary>
internal sealed record NodeFacts(
    string Name, string Operation, string Domain, IReadOnlyList<string> Inputs, IReadOnlyList<string> Outputs, IReadOnlyDictionary<string, AttributeFacts> Attributes)
{
    /// <summary>An attribute's integer.</summary>
    public long Int(string name, long otherwise) => Attributes.GetValueOrDefault(name)?.Int ?? otherwise;

    /// <summary>An attribute's list of integers; empty where there is none.</summary>
    public IReadOnlyList<long> Ints(string name) => Attributes.GetValueOrDefault(name)?.Ints ?? [];

    /// <summary>An attribute's text.</summary>
    public string Text(string name) => Attributes.GetValueOrDefault(name)?.Text ?? "";

    /// <summary>For messages: the operator, and the node's name where it has one.</summary>
    public override string ToString() => Name.Length == 0 ? $"{Operation} (of {Outputs.FirstOrDefault(output => output.Length > 0)})" : $"{Operation} '{Name}'";
}

/// <summary>An attribute of a node, whichever kind it is.</summary>
internal sealed class AttributeFacts
{
    public long? Int { get; set; }

    public string? Text { get; set; }

    public List<long> Ints { get; } = [];

    public List<double> Floats { get; } = [];

    public TensorFacts? Tensor { get; set; }

    public GraphFacts? Graph { get; set; }
}
