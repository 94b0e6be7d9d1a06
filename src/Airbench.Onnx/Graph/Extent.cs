namespace Airbench.Onnx;

/// <summary>One dimension of a shape: a number, or the name of an open one.</summary>
internal readonly record struct Extent(long Value, string? Name = null)
{
    public static implicit operator Extent(long value) => new(value);

    public static implicit operator Extent(string name) => new(0, name);
}
