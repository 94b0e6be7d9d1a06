using System.Buffers;
using System.Runtime.InteropServices;
using System.Text;

namespace Airbench.Data;

/// <summary>Writes one split front to back. In memory stay 8 bytes of label and the path of each image; never pixels.</summary>
internal sealed class SplitWriter : IDisposable
{
    private readonly TensorFileWriter _file;
    private readonly List<long> _labels = [];
    private readonly ArrayBufferWriter<byte> _paths = new();

    /// <summary>Creates the file.</summary>
    public SplitWriter(string path, int imageSize)
    {
        _file = new TensorFileWriter(path);
        _file.Begin("images", TensorType.U8, 3, imageSize, imageSize);
    }

    /// <summary>Images so far.</summary>
    public int Count => _labels.Count;

    /// <summary>Class of each image so far.</summary>
    public IReadOnlyList<long> Labels => _labels;

    /// <summary>Appends one image.</summary>
    public void Append(SourceImage image, ReadOnlySpan<byte> planarRgb)
    {
        _file.Append(planarRgb);
        _labels.Add(image.Label);
        // One line an image, so a line break inside a file name cannot stay.
        Encoding.UTF8.GetBytes(image.Path.ReplaceLineEndings("\uFFFD") + "\n", _paths);
    }

    /// <summary>Writes labels and paths behind the images, and the header; closes the file.</summary>
    public void Finish()
    {
        _file.Begin("labels", TensorType.I64);
        _file.Append<long>(CollectionsMarshal.AsSpan(_labels));
        _file.Begin("paths", TensorType.U8);
        _file.Append(_paths.WrittenSpan);
        _file.Finish();
        _file.Dispose();   // so that the file can be read for its hash
    }

    /// <inheritdoc/>
    public void Dispose() => _file.Dispose();
}
