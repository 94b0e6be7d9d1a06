using System.Buffers.Binary;
using System.IO.MemoryMappedFiles;
using System.Runtime.InteropServices;
using System.Text.Json;

namespace Airbench;

/// <summary>Element types that our files use, named as safetensors does.</summary>
public enum TensorType
{
    /// <summary>uint8.</summary>
    U8,

    /// <summary>int64.</summary>
    I64,

    /// <summary>float32.</summary>
    F32,

    /// <summary>float64.</summary>
    F64,
}

/// <summary>A tensor's place in a file.</summary>
/// <param name="Name">Its key in the header.</param>
/// <param name="Type">Element type.</param>
/// <param name="Shape">Dimensions, row-major.</param>
/// <param name="Offset">First byte, from the start of the file.</param>
/// <param name="Length">Bytes.</param>
public sealed record TensorInfo(string Name, TensorType Type, IReadOnlyList<long> Shape, long Offset, long Length)
{
    /// <summary>Bytes of one element of <paramref name="type"/>.</summary>
    public static int SizeOf(TensorType type) => type switch { TensorType.U8 => 1, TensorType.F32 => 4, _ => 8 };
}

/// <summary>
/// A memory-mapped safetensors file, opened read-only. The header is held to the format's rules before anything is
/// believed: size bound, known types, no overlaps, no holes, every offset inside the file.
/// </summary>
/// <remarks>Format: 8 bytes little-endian header length, JSON header, tensor bytes. Spans are valid until the file is disposed.</remarks>
public sealed unsafe class TensorFile : IDisposable
{
    /// <summary>The reference implementation's bound on the header, bytes.</summary>
    public const long MaxHeaderLength = 100_000_000;

    private const string MetadataKey = "__metadata__";
    private readonly MemoryMappedFile _map;
    private readonly MemoryMappedViewAccessor _view;
    private readonly byte* _start;

    private TensorFile(string path, long length)
    {
        Path = path;
        _map = MemoryMappedFile.CreateFromFile(path, FileMode.Open, null, 0, MemoryMappedFileAccess.Read);
        try
        {
            _view = _map.CreateViewAccessor(0, 0, MemoryMappedFileAccess.Read);
            _view.SafeMemoryMappedViewHandle.AcquirePointer(ref _start);
            _start += _view.PointerOffset;
            var headerLength = BinaryPrimitives.ReadInt64LittleEndian(new ReadOnlySpan<byte>(_start, 8));
            if (headerLength < 2 || headerLength > MaxHeaderLength || headerLength > length - 8)
            {
                throw Invalid($"header length is {headerLength} bytes; expected 2 to {Math.Min(MaxHeaderLength, length - 8)}");
            }
            (Tensors, Metadata) = ParseHeader(new ReadOnlySpan<byte>(_start + 8, (int)headerLength), 8 + headerLength, length);
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>The file.</summary>
    public string Path { get; }

    /// <summary>Every tensor by name.</summary>
    public IReadOnlyDictionary<string, TensorInfo> Tensors { get; }

    /// <summary>The header's free text entries.</summary>
    public IReadOnlyDictionary<string, string> Metadata { get; }

    /// <summary>Maps <paramref name="path"/> and checks its header.</summary>
    /// <exception cref="InvalidFileException">The file is missing or breaks a rule of the format; the message names the rule.</exception>
    public static TensorFile Open(string path)
    {
        if (!File.Exists(path))
        {
            throw new InvalidFileException(path, "does not exist");
        }
        var length = FileLength.Of(path);
        if (length < 10)
        {
            throw new InvalidFileException(path, $"is {length} bytes long; a safetensors file has at least 10");
        }
        return new TensorFile(path, length);
    }

    /// <summary>The tensor <paramref name="name"/>, which must have this type and shape; -1 in the shape accepts any extent.</summary>
    /// <exception cref="InvalidFileException">It is missing or different.</exception>
    public TensorInfo Require(string name, TensorType type, params ReadOnlySpan<long> shape)
    {
        if (!Tensors.TryGetValue(name, out var info))
        {
            throw Invalid($"has no tensor '{name}'; it has {string.Join(", ", Tensors.Keys.Take(20))}");
        }
        var matches = info.Type == type && info.Shape.Count == shape.Length;
        for (var i = 0; matches && i < shape.Length; i++)
        {
            matches = shape[i] == -1 || shape[i] == info.Shape[i];
        }
        return matches
            ? info
            : throw Invalid($"tensor '{name}' is {info.Type} [{string.Join(", ", info.Shape)}]; expected {type} [{string.Join(", ", shape.ToArray())}]");
    }

    /// <summary>All elements of a tensor of at most 2^31 - 1 elements.</summary>
    public ReadOnlySpan<T> Read<T>(TensorInfo tensor) where T : unmanaged => Rows<T>(tensor, 0, tensor.Shape.Count == 0 ? 1 : tensor.Shape[0]);

    /// <summary>Elements of rows <paramref name="first"/> to <paramref name="first"/> + <paramref name="count"/> along the first dimension.</summary>
    public ReadOnlySpan<T> Rows<T>(TensorInfo tensor, long first, long count) where T : unmanaged
    {
        if (sizeof(T) != TensorInfo.SizeOf(tensor.Type))
        {
            throw new ArgumentException($"{tensor.Name} holds {tensor.Type}, not {typeof(T).Name}", nameof(tensor));
        }
        var rows = tensor.Shape.Count == 0 ? 1 : tensor.Shape[0];
        ArgumentOutOfRangeException.ThrowIfNegative(first);
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(first, rows - count);   // no sum: it could overflow
        var rowBytes = rows == 0 ? 0 : tensor.Length / rows;
        return new ReadOnlySpan<T>(_start + tensor.Offset + (first * rowBytes), checked((int)(count * rowBytes / sizeof(T))));
    }

    /// <summary>Address of a tensor's first byte, for native code; valid until the file is disposed.</summary>
    public nint Address(TensorInfo tensor) => (nint)(_start + tensor.Offset);

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_start != null)
        {
            _view.SafeMemoryMappedViewHandle.ReleasePointer();
        }
        _view?.Dispose();
        _map.Dispose();
    }

    private InvalidFileException Invalid(string problem) => new(Path, problem);

    private (Dictionary<string, TensorInfo>, Dictionary<string, string>) ParseHeader(ReadOnlySpan<byte> header, long dataStart, long fileLength)
    {
        var tensors = new Dictionary<string, TensorInfo>();
        var metadata = new Dictionary<string, string>();
        var reader = new Utf8JsonReader(header, new JsonReaderOptions { MaxDepth = 8 });
        try
        {
            if (!JsonDocument.TryParseValue(ref reader, out var document) || document.RootElement.ValueKind != JsonValueKind.Object)
            {
                throw Invalid("header is not a JSON object");
            }
            using (document)
            {
                foreach (var entry in document.RootElement.EnumerateObject())
                {
                    if (entry.Name == MetadataKey)
                    {
                        foreach (var item in entry.Value.EnumerateObject())
                        {
                            metadata[item.Name] = item.Value.GetString() ?? "";
                        }
                    }
                    else if (!tensors.TryAdd(entry.Name, ParseTensor(entry.Name, entry.Value, dataStart)))
                    {
                        throw Invalid($"tensor '{entry.Name}' occurs twice in the header");
                    }
                }
            }
            while (reader.BytesConsumed < header.Length && reader.Read())
            {
                throw Invalid("header has text after its JSON object");
            }
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or FormatException or KeyNotFoundException)
        {
            throw new InvalidFileException(Path, $"header is not a safetensors header: {e.Message}", e);
        }
        CheckLayout(tensors.Values, dataStart, fileLength);
        return (tensors, metadata);
    }

    private TensorInfo ParseTensor(string name, JsonElement entry, long dataStart)
    {
        var typeName = entry.GetProperty("dtype").GetString();
        if (!Enum.TryParse<TensorType>(typeName, out var type) || type.ToString() != typeName)
        {
            throw Invalid($"tensor '{name}' has dtype '{typeName}'; this reader knows {string.Join(", ", Enum.GetNames<TensorType>())}");
        }
        var shape = entry.GetProperty("shape").EnumerateArray().Select(d => d.GetInt64()).ToArray();
        var offsets = entry.GetProperty("data_offsets").EnumerateArray().Select(o => o.GetInt64()).ToArray();
        if (offsets.Length != 2 || offsets[0] < 0 || offsets[1] < offsets[0])
        {
            throw Invalid($"tensor '{name}' has data_offsets [{string.Join(", ", offsets)}]; expected begin and end, 0 <= begin <= end");
        }
        Int128 bytes = TensorInfo.SizeOf(type);
        foreach (var extent in shape)
        {
            if (extent < 0 || (bytes *= extent) > long.MaxValue)
            {
                throw Invalid($"tensor '{name}' has the impossible shape [{string.Join(", ", shape)}]");
            }
        }
        var length = offsets[1] - offsets[0];
        return bytes == length
            ? new TensorInfo(name, type, shape, dataStart + offsets[0], length)
            : throw Invalid($"tensor '{name}' needs {bytes} bytes for {type} [{string.Join(", ", shape)}] but its data_offsets span {length}");
    }

    /// <summary>The tensors must tile the data part exactly: no overlap, no hole, no trailing bytes.</summary>
    private void CheckLayout(IEnumerable<TensorInfo> tensors, long dataStart, long fileLength)
    {
        var end = dataStart;
        foreach (var tensor in tensors.OrderBy(t => t.Offset).ThenBy(t => t.Length))
        {
            if (tensor.Offset > fileLength - tensor.Length)   // no sum: a hostile offset must not overflow
            {
                throw Invalid($"tensor '{tensor.Name}' is outside the file, which has {fileLength} bytes: truncated?");
            }
            if (tensor.Offset != end)
            {
                var fault = tensor.Offset < end ? "overlap" : "hole";
                throw Invalid($"tensor '{tensor.Name}' starts at byte {tensor.Offset}, the one before it ends at {end}: {fault}");
            }
            end = tensor.Offset + tensor.Length;
        }
        if (end != fileLength)
        {
            throw Invalid($"tensors end at byte {end}, the file at {fileLength}: trailing bytes");
        }
    }
}
