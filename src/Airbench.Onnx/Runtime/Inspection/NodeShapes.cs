namespace Airbench.Onnx;

/// <summary>A node with what is known of its inputs, for <see cref="ShapeRules"/>.</summary>
/// <param name="Node">The node.</param>
/// <param name="Shapes">Least shape of each value that is known.</param>
/// <param name="Numbers">Numbers of short lists such as shapes and pads.</param>
internal readonly record struct NodeShapes(NodeFacts Node, Func<string, long[]?> Shapes, Func<string, IReadOnlyList<double>?> Numbers)
{
    /// <summary>Shape of an input; null where it is unknown or left out.</summary>
    public long[]? Shape(int input) => input < Node.Inputs.Count ? Shapes(Node.Inputs[input]) : null;

    /// <summary>Numbers of an input; null where they are unknown or left out.</summary>
    public IReadOnlyList<double>? Number(int input) => input < Node.Inputs.Count ? Numbers(Node.Inputs[input]) : null;

    /// <summary>A list that was an attribute in earlier opsets and is an input in later ones.</summary>
    public IReadOnlyList<double>? List(string attribute, int input) =>
        Node.Attributes.GetValueOrDefault(attribute) is { } given ? [.. given.Ints.Select(number => (double)number), .. given.Floats] : Number(input);
}
