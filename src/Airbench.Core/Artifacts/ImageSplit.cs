using System.Text;

namespace Airbench;

/// <summary>One split of a prepared set, memory-mapped: <c>images</c> uint8 [N,3,S,S], <c>labels</c> int64 [N], <c>paths</c> uint8 (UTF-8 lines).</summary>
public sealed class ImageSplit : IDisposable
{
    private readonly TensorFile _file;
    private readonly TensorInfo _images;

    private ImageSplit(TensorFile file, TensorInfo images, long[] labels)
    {
        _file = file;
        _images = images;
        Labels = labels;
    }

    /// <summary>File name of a split.</summary>
    public static string FileName(Split split) => split == Split.Train ? "train.safetensors" : "test.safetensors";

    /// <summary>Images N.</summary>
    public int Count => Labels.Length;

    /// <summary>Height and width S, pixels.</summary>
    public int ImageSize => (int)_images.Shape[2];

    /// <summary>Class of each image.</summary>
    public long[] Labels { get; }

    /// <summary>Address of the uint8 [N,3,S,S] block, for native code; valid until disposed.</summary>
    public nint ImagesAddress => _file.Address(_images);

    /// <summary>Pixels of images <paramref name="first"/> to <paramref name="first"/> + <paramref name="count"/>, planar RGB, row-major.</summary>
    public ReadOnlySpan<byte> Images(int first, int count) => _file.Rows<byte>(_images, first, count);

    /// <summary>Where each image came from, relative to its source, one after the other; read on demand.</summary>
    /// <exception cref="InvalidFileException">There are more or fewer than images, before the first is given.</exception>
    public IEnumerable<string> Paths()
    {
        var info = _file.Require("paths", TensorType.U8, -1);
        var lines = CountLines(_file.Read<byte>(info));
        if (lines != Count)
        {
            throw new InvalidFileException(_file.Path, $"has {lines} paths for {Count} images");
        }
        return Lines(info);
    }

    /// <summary><see cref="Paths"/>, all at once.</summary>
    public string[] ReadPaths() => [.. Paths()];

    private static int CountLines(ReadOnlySpan<byte> text)
    {
        var count = 0;
        foreach (var line in text.Split((byte)'\n'))
        {
            count += text[line].IsEmpty ? 0 : 1;
        }
        return count;
    }

    private IEnumerable<string> Lines(TensorInfo info)
    {
        for (var at = 0; at < info.Length;)
        {
            var rest = _file.Read<byte>(info)[at..];
            var end = rest.IndexOf((byte)'\n') is >= 0 and var found ? found : rest.Length;
            var line = Encoding.UTF8.GetString(rest[..end]);
            at += end + 1;
            if (line.Length > 0)
            {
                yield return line;
            }
        }
    }

    internal static ImageSplit Open(Dataset dataset, Split split)
    {
        var manifest = dataset.Manifest;
        var path = dataset.File(FileName(split));
        var file = TensorFile.Open(path);
        try
        {
            var count = split == Split.Train ? manifest.TrainCount : manifest.TestCount;
            if (count < 0 || manifest.ImageSize < 1)   // -1 would pass for "any" below
            {
                throw new InvalidFileException(
                    dataset.File(Dataset.ManifestName), $"has {count} images of size {manifest.ImageSize}; expected 0 or more, of size 1 or more");
            }
            var images = file.Require("images", TensorType.U8, count, 3, manifest.ImageSize, manifest.ImageSize);
            var labels = file.Read<long>(file.Require("labels", TensorType.I64, count)).ToArray();
            var bad = Array.FindIndex(labels, label => label < 0 || label >= manifest.Classes.Count);
            return bad < 0
                ? new ImageSplit(file, images, labels)
                : throw new InvalidFileException(path, $"label {labels[bad]} of image {bad} is outside 0 to {manifest.Classes.Count - 1}");
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _file.Dispose();
}
