using System.Buffers.Binary;
using System.IO.Compression;
using System.Text;
using Airbench.Data;

namespace Airbench.Onnx;

/// <summary>Files that people take for ONNX models, by their first bytes: what each is, and how to get an ONNX model instead.</summary>
internal static class OtherFormat
{
    private const int Beginning = 512;

    /// <summary>What the file is; null where it may be ONNX.</summary>
    public static string? Name(string path)
    {
        using var stream = File.OpenRead(path);
        var buffer = new byte[Beginning];
        var bytes = buffer.AsSpan(0, stream.ReadAtLeast(buffer, Beginning, throwOnEndOfStream: false));
        return bytes switch
        {
            _ when bytes.StartsWith("version https://git-lfs"u8) =>
                $"is a pointer of Git LFS, not the model itself{PointedSize(bytes)}: run `git lfs pull` there, or download the file through the web page of the repository",
            _ when bytes.StartsWith("PK"u8) => Archive(stream),
            _ when bytes.Length > 8 && bytes.Slice(4, 4).SequenceEqual("ORTM"u8) =>
                "is in ONNX Runtime's own format (.ort); give the .onnx file that it was made from",
            _ when bytes.Length > 8 && bytes.Slice(4, 4).SequenceEqual("TFL3"u8) => "is a TensorFlow Lite model; convert it (python -m tf2onnx.convert --tflite)",
            _ when bytes.StartsWith((ReadOnlySpan<byte>)[0x89, (byte)'H', (byte)'D', (byte)'F']) =>
                "is an HDF5 file, such as Keras saves (.h5); export the model (python -m tf2onnx.convert, or model.export with format=\"onnx\")",
            _ when bytes.StartsWith("GGUF"u8) => "is a GGUF model, which is for language models; expected an ONNX model",
            _ when bytes.Length > 1 && bytes[0] == 0x80 && bytes[1] is >= 2 and <= 5 => "is a Python pickle, such as PyTorch saves (.pt, .pth); export the model with torch.onnx.export",
            _ when IsSafetensors(bytes, stream.Length) =>
                "is a safetensors file: weights without their network; export the model to ONNX (torch.onnx.export, or optimum-cli export onnx)",
            _ when bytes.StartsWith((ReadOnlySpan<byte>)[0x1F, 0x8B]) => "is compressed by gzip; unpack it",
            _ when bytes.StartsWith((ReadOnlySpan<byte>)[8, 1, 0x12]) && path.EndsWith("saved_model.pb", StringComparison.OrdinalIgnoreCase) =>
                "is a TensorFlow SavedModel; convert its folder (python -m tf2onnx.convert --saved-model)",
            _ => Text(bytes),
        };
    }

    private static string? Text(ReadOnlySpan<byte> bytes)
    {
        var text = Encoding.UTF8.GetString(bytes).TrimStart('\uFEFF', ' ', '\t', '\r', '\n');
        return text.StartsWith("<!doctype html", StringComparison.OrdinalIgnoreCase) || text.StartsWith("<html", StringComparison.OrdinalIgnoreCase)
                ? "is a web page (HTML), not a model: the address leads to a page about it, or asks for a login. Download the file itself"
            : text.StartsWith("<?xml", StringComparison.OrdinalIgnoreCase) || text.StartsWith("<net", StringComparison.OrdinalIgnoreCase)
                ? "is an XML file, such as OpenVINO has; give the ONNX model that it was made from"
            : text.StartsWith('{') && text.Contains('"', StringComparison.Ordinal) ? "is a JSON file; expected an ONNX model"
            : null;
    }

    /// <summary>What a file is that turned out to be no ONNX: an image or a text; null where its bytes say nothing to people either.</summary>
    public static string? NameOfDamaged(string path)
    {
        using var stream = File.OpenRead(path);
        var buffer = new byte[Beginning];
        var bytes = buffer.AsSpan(0, stream.ReadAtLeast(buffer, Beginning, throwOnEndOfStream: false));
        if (ImageFormats.Of(bytes) is { } format)
        {
            return $"is a {format.Name} file, not a model; expected an ONNX model (--model), and images by themselves";
        }
        var isText = !bytes.ContainsAnyInRange((byte)0, (byte)8) && !bytes.ContainsAnyInRange((byte)14, (byte)31);
        return isText ? $"is a text file, not an ONNX model: it begins with {Quote.Show(Encoding.UTF8.GetString(bytes).Split('\n')[0].Trim())}. Download or export the model again" : null;
    }

    /// <summary>The size that a pointer names, for people who wonder why their model has 130 bytes.</summary>
    private static string PointedSize(ReadOnlySpan<byte> bytes)
    {
        var line = Encoding.UTF8.GetString(bytes).Split('\n').FirstOrDefault(line => line.StartsWith("size ", StringComparison.Ordinal));
        return long.TryParse(line?["size ".Length..].Trim(), out var size) ? FormattableString.Invariant($", which has {size:N0} bytes") : "";
    }

    private static bool IsSafetensors(ReadOnlySpan<byte> bytes, long length) =>
        bytes.Length > 9 && BinaryPrimitives.ReadUInt64LittleEndian(bytes) is > 1 and var header && header < (ulong)length && bytes[8] == '{';

    private static string Archive(Stream stream)
    {
        try
        {
            using var archive = new ZipArchive(stream, ZipArchiveMode.Read, leaveOpen: true);
            var names = archive.Entries.Take(10_000).Select(entry => entry.FullName).ToList();
            return names.Exists(name => name.EndsWith("/constants.pkl", StringComparison.Ordinal))
                    ? "is a TorchScript model; load it with torch.jit.load and export it with torch.onnx.export"
                : names.Exists(name => name.EndsWith("/data.pkl", StringComparison.Ordinal))
                    ? "is a file of PyTorch (.pt, .pth); load it there and export the model with torch.onnx.export"
                : names.Contains("model.weights.h5") ? "is a Keras model (.keras); export it (model.export with format=\"onnx\")"
                : names.Exists(name => name.EndsWith(".npy", StringComparison.Ordinal)) ? "is a file of NumPy arrays (.npz); expected an ONNX model"
                : names.Find(name => name.EndsWith(".onnx", StringComparison.OrdinalIgnoreCase)) is { } model ? $"is a zip archive with {model} in it; unpack it"
                : "is a zip archive; expected an ONNX model";
        }
        catch (InvalidDataException)
        {
            return "begins like a zip archive and is damaged or cut off; expected an ONNX model";
        }
    }
}
