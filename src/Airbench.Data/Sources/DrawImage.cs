namespace Airbench.Data;

/// <summary>
/// Draws image <paramref name="index"/> of a split as planar RGB [3, 32, 32] and returns its label; equal arguments give equal images.
/// </summary>
internal delegate int DrawImage(int seed, Split split, int index, Span<byte> planarRgb);
