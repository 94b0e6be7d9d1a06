using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text.Json;

namespace Airbench;

/// <summary>
/// Writes a safetensors file front to back, so that its size is bounded by the disk and not by memory: tensors are begun and
/// appended to, row by row, and the header, for which room is kept in front, comes last.
/// </summary>
/// <remarks>Not atomic by itself: write into an <see cref="AtomicFolder"/>.</remarks>
public sealed class TensorFileWriter : IDisposable
{
    private readonly FileStream _stream;
    private readonly int _headerRoom;
    private readonly List<(string Name, TensorType Type, long[] RowShape, long Begin, long End)> _tensors = [];
    private readonly IReadOnlyDictionary<string, string> _metadata;

    /// <summary>Creates <paramref name="path"/>.</summary>
    /// <param name="path">A file that does not exist yet.</param>
    /// <param name="metadata">Free text entries for the header.</param>
    /// <param name="headerRoom">Bytes kept for the header; 16 KB hold about 150 tensors.</param>
    public TensorFileWriter(string path, IReadOnlyDictionary<string, string>? metadata = null, int headerRoom = 16 * 1024)
    {
        _metadata = metadata ?? new Dictionary<string, string>();
        _headerRoom = headerRoom;
        _stream = new FileStream(path, FileMode.CreateNew, FileAccess.Write, FileShare.None, bufferSize: 1 << 20);
        _stream.SetLength(8 + headerRoom);
        _stream.Position = 8 + headerRoom;
    }

    /// <summary>Writes whole tensors to a new file.</summary>
    public static void Write(
        string path,
        IEnumerable<(string Name, TensorType Type, long[] Shape, ReadOnlyMemory<byte> Data)> tensors,
        IReadOnlyDictionary<string, string>? metadata = null)
    {
        using var writer = new TensorFileWriter(path, metadata);
        foreach (var (name, type, shape, data) in tensors)
        {
            writer.Begin(name, type, shape.AsSpan(1));
            writer.Append(data.Span);
        }
        writer.Finish();
    }

    /// <summary>Starts a tensor whose rows have <paramref name="rowShape"/>; its first dimension grows with <see cref="Append{T}"/>.</summary>
    public void Begin(string name, TensorType type, params ReadOnlySpan<long> rowShape) =>
        _tensors.Add((name, type, rowShape.ToArray(), _stream.Position, _stream.Position));

    /// <summary>Appends whole rows to the tensor begun last.</summary>
    public void Append<T>(ReadOnlySpan<T> elements) where T : unmanaged
    {
        _stream.Write(MemoryMarshal.AsBytes(elements));
        _tensors[^1] = _tensors[^1] with { End = _stream.Position };
    }

    /// <summary>Writes the header and flushes to disk.</summary>
    public void Finish()
    {
        var dataStart = 8 + _headerRoom;
        var entries = new Dictionary<string, object>();
        if (_metadata.Count > 0)
        {
            entries["__metadata__"] = _metadata;
        }
        foreach (var (name, type, rowShape, begin, end) in _tensors)
        {
            var rowBytes = rowShape.Aggregate((long)TensorInfo.SizeOf(type), (product, extent) => checked(product * extent));
            if (rowBytes == 0 || (end - begin) % rowBytes != 0)
            {
                throw new InvalidOperationException($"tensor '{name}' has {end - begin} bytes, not a multiple of its row of {rowBytes}");
            }
            var shape = (long[])[(end - begin) / rowBytes, .. rowShape];
            entries.Add(name, new { dtype = type.ToString(), shape, data_offsets = new[] { begin - dataStart, end - dataStart } });
        }
        var header = JsonSerializer.SerializeToUtf8Bytes(entries);
        if (header.Length > _headerRoom)
        {
            throw new InvalidOperationException($"header of {header.Length} bytes does not fit the {_headerRoom} kept for it");
        }
        Span<byte> padded = new byte[8 + _headerRoom];
        padded.Fill((byte)' ');   // the format allows trailing spaces
        BinaryPrimitives.WriteInt64LittleEndian(padded, _headerRoom);
        header.CopyTo(padded[8..]);
        _stream.Position = 0;
        _stream.Write(padded);
        _stream.Flush(flushToDisk: true);
    }

    /// <inheritdoc/>
    public void Dispose() => _stream.Dispose();
}
