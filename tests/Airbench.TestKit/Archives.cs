using System.Formats.Tar;
using System.IO.Compression;

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
}
