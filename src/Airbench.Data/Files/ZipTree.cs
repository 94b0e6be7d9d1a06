using System.Collections.ObjectModel;
using System.IO.Compression;
using System.IO.Hashing;

namespace Airbench.Data;

/// <summary>A .zip, in the order of its directory.</summary>
internal sealed class ZipTree(string path, long maxUnpackedBytes, string? nameEncoding) : ArchiveTree(path, maxUnpackedBytes)
{
    private const int UnixTypeMask = 0xF000;
    private const int UnixFile = 0x8000;
    private const int UnixFolder = 0x4000;

    /// <inheritdoc/>
    protected override IEnumerable<FileEntry> Walk(FileStream file, UnpackBudget budget)
    {
        using var archive = OpenArchive(file);
        foreach (var (index, entry) in Entries(archive).Index())
        {
            var name = EntryName.Normalize(Root, entry.FullName);
            var isFolder = entry.FullName.EndsWith('/') || entry.FullName.EndsWith('\\');
            var unixType = (entry.ExternalAttributes >> 16) & UnixTypeMask;   // 0 where the archive was not made on Unix
            if (unixType is not (0 or UnixFile or UnixFolder))
            {
                throw EntryName.Refused(Root, entry.FullName, "not a file but a link or device");
            }
            if (entry.IsEncrypted)
            {
                throw EntryName.Refused(Root, entry.FullName, "encrypted");
            }
            budget.Entry = name;
            yield return new Entry(name, isFolder, file.Position, entry, index, budget);
        }
    }

    private ZipArchive OpenArchive(FileStream file)
    {
        try
        {
            return new ZipArchive(file, ZipArchiveMode.Read, leaveOpen: true, new ZipNames(Root, nameEncoding));
        }
        catch (InvalidDataException e)
        {
            throw NoDirectory(e);
        }
    }

    private InvalidFileException NoDirectory(InvalidDataException e) => new(
        Root, $"is damaged or cut off: the archive's directory, which is at its end, cannot be read ({e.Message.TrimEnd('.')}). Copy or download it again", e);

    private ReadOnlyCollection<ZipArchiveEntry> Entries(ZipArchive archive)
    {
        try
        {
            return archive.Entries;
        }
        catch (InvalidDataException e)
        {
            throw NoDirectory(e);
        }
    }

    private sealed record Entry(string Path, bool IsFolder, long Position, ZipArchiveEntry Content, int Index, UnpackBudget Budget)
        : FileEntry(Path, IsFolder, Position)
    {
        public override ReadOnlyMemory<byte> Head()
        {
            using var content = Open();
            return HeadOf(content);
        }

        protected override ReadOnlyMemory<byte>? ReadUpTo(ref byte[] buffer, int maxBytes)
        {
            using var content = Open();
            if (ReadAll([], content, ref buffer, maxBytes) is not { } bytes)
            {
                return null;
            }
            return Crc32.HashToUInt32(bytes.Span) is var found && found == Content.Crc32
                ? bytes
                : throw new InvalidFileException(
                    Budget.Archive, $"is damaged {Budget.Place}: its checksum is {found:x8}; the archive's directory has {Content.Crc32:x8}");
        }

        /// <summary>The framework has one exception for damage and for what it does not read; the latter alone speaks of a compression method.</summary>
        private BudgetedStream Open()
        {
            try
            {
                return new BudgetedStream(Content.Open(), Budget);
            }
            catch (InvalidDataException e) when (e.Message.Contains("not supported", StringComparison.Ordinal) || e.Message.Contains("unsupported", StringComparison.Ordinal))
            {
                throw new InvalidFileException(
                    Budget.Archive, $"has the entry '{Path}', compressed by {ZipMethods.NameOf(Budget.Archive, Index)}, which is not read: repack it with Deflate", e);
            }
            catch (InvalidDataException e)
            {
                throw Budget.Damaged(e);
            }
        }
    }
}
