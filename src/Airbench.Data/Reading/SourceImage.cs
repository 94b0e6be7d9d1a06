namespace Airbench.Data;

/// <summary>One image on its way from its source to its use.</summary>
public sealed class SourceImage
{
    /// <summary>Number in its source, from 0, broken images included.</summary>
    public required int Index { get; init; }

    /// <summary>Where it came from, relative to its source or as the user named it.</summary>
    public required string Path { get; init; }

    /// <summary>Its side.</summary>
    public required Split Split { get; init; }

    /// <summary>Its class, an index into <see cref="IImageSource.Classes"/>; -1 where it is not known. Drawn images learn it by drawing.</summary>
    public int Label { get; internal set; } = -1;

    /// <summary>Why it cannot be used; null where it can.</summary>
    public string? Error { get; internal set; }

    /// <summary>The encoded file or record, until it is decoded; empty where the source needs none.</summary>
    internal ReadOnlyMemory<byte> Bytes { get; set; }
}
