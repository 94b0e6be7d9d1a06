namespace Airbench.Data;

/// <summary>A format of image files.</summary>
/// <param name="Name">As people write it: "JPEG", "WebP", "HEIC".</param>
/// <param name="IsRead">Whether <see cref="ImageDecoder"/> decodes it. The others are known so that messages can name them.</param>
/// <param name="Extensions">What the names of its files end in: lower case, with the dot.</param>
public sealed record ImageFormat(string Name, bool IsRead, params string[] Extensions)
{
    /// <summary>The name in a sentence: "a JPEG file", "an ICO file".</summary>
    public string InSentence => $"{("AEIMOSX".Contains(Name[0]) ? "an" : "a")} {Name} file";   // as the letters are spoken: an SVG, an MP4

    /// <inheritdoc/>
    public override string ToString() => Name;
}
