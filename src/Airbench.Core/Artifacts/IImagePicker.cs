namespace Airbench;

/// <summary>Reads single images from a folder, an archive or a CSV file that was evaluated without being prepared.</summary>
public interface IImagePicker
{
    /// <summary>Some images, by their number in the source; one that cannot be decoded is missing.</summary>
    /// <param name="source">The folder or file.</param>
    /// <param name="split">Which side is taken where there is train/ or test/.</param>
    /// <param name="sha256">What the evaluation recorded of the source.</param>
    /// <param name="indices">Numbers in the source, from 0, broken images included.</param>
    /// <param name="imageSize">Height and width S of the pixels.</param>
    /// <returns>uint8 [3,S,S], planar RGB, by number.</returns>
    /// <exception cref="DataException">The source is not there, or has changed since.</exception>
    IReadOnlyDictionary<int, byte[]> Pick(string source, Split split, string sha256, IReadOnlySet<int> indices, int imageSize);
}
