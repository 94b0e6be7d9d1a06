namespace Airbench;

/// <summary>A layer in its place in a network.</summary>
/// <param name="Layer">The layer.</param>
/// <param name="Source">Name of the layer whose output it reads; null for the images.</param>
/// <param name="Input">Shape of what it reads.</param>
/// <param name="Output">Shape of what it gives.</param>
public sealed record SizedLayer(Layer Layer, string? Source, Plane Input, Plane Output);
