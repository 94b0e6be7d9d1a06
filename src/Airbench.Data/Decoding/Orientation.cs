namespace Airbench.Data;

/// <summary>
/// How a stored image turns into the one to look at: first the axes are exchanged, then mirrored (EXIF orientation 1 to 8).
/// </summary>
/// <param name="Transpose">Column x of what is seen is row x of what is stored.</param>
/// <param name="FlipX">Stored columns run from right to left.</param>
/// <param name="FlipY">Stored rows run from bottom to top.</param>
internal readonly record struct Orientation(bool Transpose, bool FlipX, bool FlipY)
{
    /// <summary>What the value of the tag stands for; any that is not 1 to 8 stands for 1, upright as stored.</summary>
    public static Orientation OfTag(long value) => value switch
    {
        2 => new(Transpose: false, FlipX: true, FlipY: false),
        3 => new(Transpose: false, FlipX: true, FlipY: true),
        4 => new(Transpose: false, FlipX: false, FlipY: true),
        5 => new(Transpose: true, FlipX: false, FlipY: false),
        6 => new(Transpose: true, FlipX: false, FlipY: true),
        7 => new(Transpose: true, FlipX: true, FlipY: true),
        8 => new(Transpose: true, FlipX: true, FlipY: false),
        _ => default,
    };
}
