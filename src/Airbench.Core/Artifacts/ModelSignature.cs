namespace Airbench;

/// <summary>Inputs and outputs of a model file, in its order.</summary>
public sealed record ModelSignature(IReadOnlyList<TensorSignature> Inputs, IReadOnlyList<TensorSignature> Outputs);

/// <summary>One input or output.</summary>
/// <param name="Name">Its name in the graph.</param>
/// <param name="Type">ONNX element type in lower case: uint8, float, float16.</param>
/// <param name="Shape">Extents; -1 is open.</param>
public sealed record TensorSignature(string Name, string Type, IReadOnlyList<long> Shape)
{
    /// <summary>For people: "images uint8 [N, 3, 32, 32]".</summary>
    public override string ToString() => $"{Name} {Type} [{string.Join(", ", Shape.Select((d, i) => d >= 0 ? $"{d}" : i == 0 ? "N" : "?"))}]";

    /// <summary>Same name, type and extents.</summary>
    public bool Equals(TensorSignature? other) =>
        other is not null && Name == other.Name && Type == other.Type && Shape.SequenceEqual(other.Shape);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Name, Type, Shape.Count);
}
