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
            if (entry is PaxTarEntry { ExtendedAttributes: var attributes } && attributes.Keys.Any(key => key.StartsWith("GNU.sparse.", StringComparison.Ordinal)))
            {
                throw Sparse(budget, attributes.GetValueOrDefault("GNU.sparse.name", name));
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

    private TarEntry? Next(TarReader reader, UnpackBudget budget)
    {
        budget.BeginHeader();
        try
        {
            return reader.GetNextEntry();
        }
        catch (NotSupportedException e) when (e.Message.Contains("SparseFile", StringComparison.Ordinal))
        {
            throw Sparse(budget, null, e);
        }
        catch (Exception e) when (e is InvalidDataException or EndOfStreamException or FormatException or ArgumentException
            or ArithmeticException or InvalidOperationException or NotSupportedException)
        {
            throw gzip && budget.Entry.Length == 0 && e is not EndOfStreamException
                ? new InvalidFileException(budget.Archive, $"is compressed by gzip, but holds no tar archive, or a damaged one ({e.Message.TrimEnd('.')}); unpack it (gunzip), or make a .tar.gz of the images", e)
                : budget.Damaged(e);   // the framework's reader has that many ways to complain about damage
        }
        finally
        {
            budget.EndHeader();
        }
    }

    /// <summary>Holes are left out in it, and where they were is told before the content: read as a plain file it would be another.</summary>
    private static InvalidFileException Sparse(UnpackBudget budget, string? name, Exception? inner = null) => new(
        budget.Archive, $"has the entry {(name is null ? budget.Place : $"'{name}'")} stored as a sparse file (GNU), which is not read: repack it without --sparse", inner);

    private sealed record Entry(string Path, bool IsFolder, long Position, Stream Content, UnpackBudget Budget)
        : FileEntry(Path, IsFolder, Position)
    {
        private byte[]? _head;   // what was looked at comes out of the stream no second time

        public override ReadOnlyMemory<byte> Head() => _head ??= Guarded(() => HeadOf(Content));

        /// <summary>Skips what was not read.</summary>
        public void Drain() => Guarded(() =>
        {
            Content.CopyTo(Stream.Null);
            return 0;
        });

        protected override ReadOnlyMemory<byte>? ReadUpTo(ref byte[] buffer, int maxBytes)
        {
            try
            {
                return ReadAll(_head, Content, ref buffer, maxBytes);   // closed by the reader
            }
            catch (EndOfStreamException e)
            {
                throw Budget.Damaged(e);
            }
        }

        private T Guarded<T>(Func<T> read)
        {
            try
            {
                return read();
            }
            catch (EndOfStreamException e)
            {
                throw Budget.Damaged(e);
            }
        }
    }
}
