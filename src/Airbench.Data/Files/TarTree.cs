using System.Formats.Tar;
using System.IO.Compression;

namespace Airbench.Data;

/// <summary>A .tar or .tar.gz, walked front to back.</summary>
internal sealed class TarTree(string path, bool gzip, long maxUnpackedBytes) : ArchiveTree(path, maxUnpackedBytes)
{
    /// <inheritdoc/>
    protected override IEnumerable<FileEntry> Walk(FileStream file, UnpackBudget budget)
    {
        using var unpacked = new BudgetedStream(
            gzip ? new GZipStream(new GuardedEndStream(file), CompressionMode.Decompress) : file, budget);
        using var reader = new TarReader(unpacked, leaveOpen: true);
        while (Next(reader, budget) is { } entry)
        {
            var name = EntryName.Normalize(Root, entry.Name);
            if (entry.EntryType == TarEntryType.GlobalExtendedAttributes)
            {
                continue;
            }
            if (entry.EntryType is not (
                TarEntryType.RegularFile or TarEntryType.V7RegularFile or TarEntryType.ContiguousFile or TarEntryType.Directory))
            {
                throw EntryName.Refused(Root, entry.Name, $"not a file but a {entry.EntryType}");
            }
            budget.Entry = name;
            var current = new Entry(
                name, entry.EntryType == TarEntryType.Directory, file.Position, entry.DataStream ?? Stream.Null, budget);
            yield return current;
            current.Drain();   // so that what Next reads is a header and nothing else
        }
        // The reader itself demanded the end-of-archive mark; what remains is padding, and gzip's checksum.
        unpacked.CopyTo(Stream.Null);
    }

    private static TarEntry? Next(TarReader reader, UnpackBudget budget)
    {
        budget.BeginHeader();
        try
        {
            return reader.GetNextEntry();
        }
        catch (Exception e) when (e is InvalidDataException or EndOfStreamException or FormatException or ArgumentException
            or ArithmeticException or InvalidOperationException or NotSupportedException)
        {
            throw budget.Damaged(e);   // the framework's reader has that many ways to complain about damage
        }
        finally
        {
            budget.EndHeader();
        }
    }

    private sealed record Entry(string Path, bool IsFolder, long Position, Stream Content, UnpackBudget Budget)
        : FileEntry(Path, IsFolder, Position)
    {
        public override ReadOnlyMemory<byte> Read(ref byte[] buffer, int maxBytes)
        {
            try
            {
                return ReadAll(Content, ref buffer, maxBytes);   // closed by the reader
            }
            catch (EndOfStreamException e)
            {
                throw Budget.Damaged(e);
            }
        }

        /// <summary>Skips what was not read.</summary>
        public void Drain()
        {
            try
            {
                Content.CopyTo(Stream.Null);
            }
            catch (EndOfStreamException e)
            {
                throw Budget.Damaged(e);
            }
        }
    }
}
