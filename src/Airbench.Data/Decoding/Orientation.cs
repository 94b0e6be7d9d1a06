namespace Airbench.Data;

/// <summary>
/// How a stored image turns into the one to look at: first the axes are exchanged, then mirrored (EXIF orientation 1 to 8).
/// </summary>
/// <param name="Transpose">Column x of what is seen is row x of what is stored.</param>
/// <param name="FlipX">Stored columns run from right to left.</param>
/// <param name="FlipY">Stored rows run from bottom to top.</param>
internal readonly record struct Orientation(bool Transpose, bool FlipX, bool FlipY);
