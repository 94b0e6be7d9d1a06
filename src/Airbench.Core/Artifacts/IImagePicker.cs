namespace Airbench;

/// <summary>Makes pictures of single images, for people, from the files that they came from.</summary>
public interface IImagePicker
{
    /// <summary>Some images of a folder, an archive or a CSV file that was evaluated without being prepared; one that cannot be decoded is missing.</summary>
    /// <param name="source">The folder or file, as the evaluation read it.</param>
    /// <param name="split">Which side is taken where there is train/ or test/.</param>
    /// <param name="sha256">What the evaluation recorded of the source.</param>
    /// <param name="fit">How those that are not square became so.</param>
    /// <param name="indices">Numbers in the source, from 0, broken images included.</param>
    /// <returns>Pictures by number.</returns>
    /// <exception cref="DataException">The source is not there, or has changed since.</exception>
    IReadOnlyDictionary<int, Picture> Pick(ImageFiles source, Split split, string sha256, Fit fit, IReadOnlySet<int> indices);

    /// <summary>
    /// The files that prepared images were made from, as far as they are still there and unchanged: such a file is one that decodes to the
    /// very pixels that were prepared.
    /// </summary>
    /// <param name="source">The folder or archive that was prepared, as it was read then.</param>
    /// <param name="prepared">Pixels, uint8 [3,S,S] planar RGB, by path in the source.</param>
    /// <param name="imageSize">Height and width S.</param>
    /// <param name="fit">How those that are not square became so.</param>
    /// <returns>Pictures by path; empty where the source is not there.</returns>
    /// <exception cref="DataException">The source cannot be read.</exception>
    IReadOnlyDictionary<string, Picture> PickOriginals(ImageFiles source, IReadOnlyDictionary<string, byte[]> prepared, int imageSize, Fit fit);
}

/// <summary>Where image files are, and how they are read.</summary>
/// <param name="Path">A folder, an archive, or a CSV file that names them.</param>
/// <param name="NameEncoding">Of the names in a .zip that are not marked as UTF-8; null for UTF-8.</param>
public sealed record ImageFiles(string Path, string? NameEncoding = null);

/// <summary>An image file of a bounded size.</summary>
/// <param name="MediaType">image/png or image/jpeg.</param>
/// <param name="Bytes">The file.</param>
public sealed record Picture(string MediaType, byte[] Bytes);
