using System.Buffers.Binary;
using System.Formats.Tar;
using System.IO.Compression;
using System.Text;

namespace Airbench.Tests;

/// <summary>Builds archives of named files, in the given order.</summary>
internal static class Archives
{
    public static byte[] Tar(IEnumerable<(string Name, byte[] Content)> files, params TarEntry[] extra)
    {
        using var stream = new MemoryStream();
        using (var writer = new TarWriter(stream, TarEntryFormat.Pax, leaveOpen: true))
        {
            foreach (var (name, content) in files)
            {
                writer.WriteEntry(name.EndsWith('/')
                    ? new PaxTarEntry(TarEntryType.Directory, name)
                    : new PaxTarEntry(TarEntryType.RegularFile, name) { DataStream = new MemoryStream(content) });
            }
            foreach (var entry in extra)
            {
                writer.WriteEntry(entry);
            }
        }
        return stream.ToArray();
    }

    public static byte[] Gzip(byte[] content)
    {
        using var stream = new MemoryStream();
        using (var gzip = new GZipStream(stream, CompressionLevel.Fastest, leaveOpen: true))
        {
            gzip.Write(content);
        }
        return stream.ToArray();
    }

    public static byte[] Zip(IEnumerable<(string Name, byte[] Content)> files, int attributes = 0)
    {
        using var stream = new MemoryStream();
        using (var zip = new ZipArchive(stream, ZipArchiveMode.Create, leaveOpen: true))
        {
            foreach (var (name, content) in files)
            {
                var entry = zip.CreateEntry(name, CompressionLevel.Fastest);
                entry.ExternalAttributes = attributes;
                using var data = entry.Open();
                data.Write(content);
            }
        }
        return stream.ToArray();
    }

    /// <summary>A .zip whose names are these bytes, without the mark of UTF-8.</summary>
    public static byte[] ZipOfNames(IEnumerable<(byte[] Name, byte[] Content)> files)
    {
        using var stream = new MemoryStream();
        using (var zip = new ZipArchive(stream, ZipArchiveMode.Create, leaveOpen: true, Encoding.Latin1))
        {
            foreach (var (name, content) in files)
            {
                using var data = zip.CreateEntry(Encoding.Latin1.GetString(name)).Open();
                data.Write(content);
            }
        }
        return stream.ToArray();
    }

    /// <summary>The .zip with every entry said to be compressed by another method.</summary>
    public static byte[] WithMethod(byte[] zip, ushort method)
    {
        var changed = zip.ToArray();
        foreach (var (mark, offset) in new[] { ("PK\x03\x04"u8.ToArray(), 8), ("PK\x01\x02"u8.ToArray(), 10) })
        {
            for (var at = changed.AsSpan().IndexOf(mark); at >= 0;)
            {
                BinaryPrimitives.WriteUInt16LittleEndian(changed.AsSpan(at + offset), method);
                var next = changed.AsSpan(at + 4).IndexOf(mark);
                at = next < 0 ? -1 : at + 4 + next;
            }
        }
        return changed;
    }
}
