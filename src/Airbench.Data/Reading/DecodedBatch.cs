namespace Airbench.Data;

/// <summary>Some images in the order of their source, and the pixels of those that can be used.</summary>
/// <param name="Images">All images, broken ones included.</param>
/// <param name="ReadableCount">How many of them have pixels: those without an error.</param>
/// <param name="Pixels">uint8 [<paramref name="ReadableCount"/>,3,S,S], planar RGB, in the order of the images.</param>
public readonly record struct DecodedBatch(IReadOnlyList<SourceImage> Images, int ReadableCount, ReadOnlyMemory<byte> Pixels);
