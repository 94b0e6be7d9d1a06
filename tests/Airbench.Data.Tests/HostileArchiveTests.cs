using System.Formats.Tar;
using System.Text;
using Airbench.Data;
using CsCheck;
using static Airbench.Tests.SavedTrees;

namespace Airbench.Tests;

/// <summary>Archives that are damaged, cut off, too large or of a kind that is not read.</summary>
public sealed class HostileArchiveTests : IDisposable
{
    private readonly SavedTrees _trees = new();

    public void Dispose() => _trees.Dispose();

    [Theory]
    [InlineData(TarEntryType.SymbolicLink)]
    [InlineData(TarEntryType.HardLink)]
    [InlineData(TarEntryType.CharacterDevice)]
    [InlineData(TarEntryType.BlockDevice)]
    [InlineData(TarEntryType.Fifo)]
    public void Links_and_devices_in_a_tar_are_refused(TarEntryType type)
    {
        var entry = new PaxTarEntry(type, "a/evil.png");
        if (type is TarEntryType.SymbolicLink or TarEntryType.HardLink)
        {
            entry.LinkName = "/etc/passwd";
        }
        var error = Assert.Throws<DataException>(() => Files(_trees.Save(Archives.Tar(Two, entry))));
        Assert.Contains($"entry 'a/evil.png' is not a file but a {type}", error.Message);
    }

    [Fact]
    public void Links_in_a_zip_are_refused()
    {
        const int SymbolicLink = 0xA1FF << 16;
        Assert.Contains("link or device", Assert.Throws<DataException>(() => Files(_trees.Save(Archives.Zip(Two, SymbolicLink)))).Message);
    }

    [Fact]
    public void What_unpacks_past_the_bound_is_refused_by_what_really_comes_out()
    {
        (string, byte[])[] bomb = [("a/1.png", new byte[10]), ("a/bomb.png", new byte[200_000])];
        foreach (var archive in new[] { Archives.Gzip(Archives.Tar(bomb)), Archives.Zip(bomb) })
        {
            var error = Assert.Throws<DataException>(() => Files(_trees.Save(archive), maxUnpackedBytes: 100_000));
            Assert.Contains("more than 100,000 bytes", error.Message);
            Assert.Contains("'a/bomb.png'", error.Message);
            Assert.Contains("max_unpacked_bytes", error.Message);
        }
    }

    [Fact]
    public void Skipped_files_of_a_tar_count_as_well()
    {
        var path = _trees.Save(Archives.Gzip(Archives.Tar([("a/junk.bin", new byte[200_000]), ("a/1.png", [1])])));
        Assert.Throws<DataException>(() => FileTree.Open(path, 100_000).Walk().Count());
    }

    [Fact]
    public void A_single_file_past_its_bound_is_refused()
    {
        var buffer = Array.Empty<byte>();
        foreach (var archive in new[] { Archives.Tar([("a/1.png", new byte[1001])]), Archives.Zip([("a/1.png", new byte[1001])]) })
        {
            foreach (var entry in FileTree.Open(_trees.Save(archive), long.MaxValue).Walk())
            {
                Assert.Contains(
                    "'a/1.png' is larger than 1,000 bytes", Assert.Throws<DataException>(() => entry.Read(ref buffer, 1000)).Message);
            }
        }
    }

    [Fact]
    public void A_long_header_bomb_is_refused()
    {
        var entry = new PaxTarEntry(TarEntryType.RegularFile, "a/1.png", [new("comment", new string('x', 3_000_000))]);
        Assert.Contains(
            "header of more than", Assert.Throws<InvalidFileException>(() => Files(_trees.Save(Archives.Gzip(Archives.Tar([], entry))))).Message);
    }

    [Fact]
    public void A_truncated_archive_is_refused_wherever_it_is_cut()
    {
        var tar = Archives.Tar([.. Enumerable.Range(0, 5).Select(i => ($"a/{i}.png", TestImages.Planar(i)))]);
        var zip = Archives.Zip([("a/1.png", TestImages.Planar(1))]);
        Assert.Equal(5, Files(_trees.Save(Archives.Gzip(tar))).Count);
        foreach (var (whole, least) in new[] { (tar, 513), (Archives.Gzip(tar), 20), (zip, 20) })
        {
            // A tar ends in at least 1,024 zeros, some of which nobody misses.
            var end = whole == tar ? whole.AsSpan().LastIndexOfAnyExcept((byte)0) : whole.Length - 1;
            for (var length = least; length < end; length += length < end - 97 ? 97 : 1)   // every byte of the last ones
            {
                var path = _trees.Save(whole[..length]);
                Assert.Throws<InvalidFileException>(() => Files(path));
                File.Delete(path);
            }
        }
    }

    [Fact]
    public void A_tar_cut_between_two_entries_is_not_taken_for_a_smaller_one()
    {
        var tar = Archives.Tar(Two);
        var lastByte = tar.AsSpan().LastIndexOfAnyExcept((byte)0);
        var entries = tar[..((lastByte / 512 * 512) + 512)];
        foreach (var cut in new[] { entries, Archives.Gzip(entries) })
        {
            Assert.Contains("cut off at or after entry 'b/2.png'", Assert.Throws<InvalidFileException>(() => Files(_trees.Save(cut))).Message);
        }
    }

    [Fact]
    public void A_wrong_gzip_checksum_is_noticed()
    {
        var packed = Archives.Gzip(Archives.Tar(Two));
        packed[^6] ^= 1;
        Assert.Throws<InvalidFileException>(() => Files(_trees.Save(packed)));
    }

    [Theory]
    [InlineData(16)]   // checksum
    [InlineData(24)]   // length: what comes out is cut off there
    public void A_zip_whose_content_is_not_what_its_directory_promises_is_refused(int field)
    {
        var zip = Archives.Zip(Two);
        zip[zip.AsSpan().IndexOf("PK\x01\x02"u8) + field] ^= 1;
        Assert.Contains("checksum", Assert.Throws<InvalidFileException>(() => Files(_trees.Save(zip))).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("", "it is empty")]
    [InlineData("425A6839314159", "bzip2")]
    [InlineData("FD377A585A00", "xz")]
    [InlineData("28B52FFD0000", "zstd")]
    [InlineData("377ABCAF271C", "7z")]
    [InlineData("526172211A07", "RAR")]
    [InlineData("3C21444F43545950452068746D6C3E", "web page")]
    [InlineData("0102030405060708090A", "0102030405060708")]
    public void What_is_no_archive_is_named_for_what_it_is(string start, string what) =>
        Assert.Contains(what, Assert.Throws<InvalidFileException>(() => Files(_trees.Save(Convert.FromHexString(start)))).Message);

    [Fact]
    public void A_gzip_of_something_else_is_refused() =>
        Assert.Throws<InvalidFileException>(() => Files(_trees.Save(Archives.Gzip(Encoding.ASCII.GetBytes(new string('x', 5000))))));

    [Fact]
    public void Any_damage_to_an_archive_ends_in_files_or_in_one_of_our_errors()
    {
        var tar = Archives.Tar([("train/a/1.png", [1, 2, 3]), ("train/bb/2.png", [4])]);
        var archives = new[] { tar, Archives.Gzip(tar), Archives.Zip([("train/a/1.png", [1, 2, 3]), ("train/bb/2.png", [4])]) };
        var damage = Gen.Select(Gen.Int[0, 100_000], Gen.OneOf(Gen.Byte, Gen.Char["01234567\0 /."].Select(c => (byte)c))).Array[1, 5];
        Gen.Select(Gen.Int[0, 2], damage, Gen.Bool).ForEachCase((which, changes, mendChecksum) =>
        {
            var content = archives[which].ToArray();
            foreach (var (at, value) in changes)
            {
                content[at % (which == 0 ? Math.Min(1536, content.Length) : content.Length)] = value;
            }
            if (which == 0 && mendChecksum)
            {
                MendChecksums(content);   // so that damage gets past the first line of defence
            }
            var path = _trees.Save(content);
            try
            {
                Files(path, 1 << 20);
            }
            catch (AirbenchException)
            {
            }
            File.Delete(path);
        }, cases: 1500);
    }

    [Theory]
    [InlineData(12, "BZip2")]
    [InlineData(14, "LZMA")]
    [InlineData(93, "zstd")]
    [InlineData(95, "XZ")]
    [InlineData(98, "PPMd")]
    [InlineData(6, "Implode")]
    [InlineData(77, "method 77")]
    public void A_method_of_compression_that_is_not_read_is_named(ushort method, string name)
    {
        var error = Assert.Throws<InvalidFileException>(() => Files(_trees.Save(Archives.WithMethod(Archives.Zip(Two), method)))).Message;
        Assert.EndsWith($"has the entry 'a/1.png', compressed by {name}, which is not read: repack it with Deflate", error, StringComparison.Ordinal);
    }

    [Fact]
    public void A_sparse_file_in_a_tar_is_named()
    {
        var pax = Archives.Tar(Two, new PaxTarEntry(
            TarEntryType.RegularFile, "./GNUSparseFile.1/b.png", [new("GNU.sparse.major", "1"), new("GNU.sparse.minor", "0"), new("GNU.sparse.name", "a/b.png")]));
        Assert.Contains(
            "has the entry 'a/b.png' stored as a sparse file (GNU), which is not read: repack it without --sparse",
            Assert.Throws<InvalidFileException>(() => Files(_trees.Save(pax))).Message, StringComparison.Ordinal);

        using var stream = new MemoryStream();
        using (var writer = new TarWriter(stream, TarEntryFormat.Gnu, leaveOpen: true))
        {
            writer.WriteEntry(new GnuTarEntry(TarEntryType.RegularFile, "a/b.png") { DataStream = new MemoryStream([1]) });
        }
        var gnu = stream.ToArray();
        gnu[156] = (byte)'S';
        MendChecksums(gnu);
        Assert.Contains("stored as a sparse file (GNU)", Assert.Throws<InvalidFileException>(() => Files(_trees.Save(gnu))).Message, StringComparison.Ordinal);
    }

    private static void MendChecksums(byte[] tar)
    {
        for (var at = 0; at + 512 <= tar.Length; at += 512)
        {
            var header = tar.AsSpan(at, 512);
            if (header.Slice(257, 5).SequenceEqual("ustar"u8))
            {
                header.Slice(148, 8).Fill((byte)' ');
                var sum = 0;
                foreach (var b in header)
                {
                    sum += b;
                }
                Encoding.ASCII.GetBytes(Convert.ToString(sum, 8).PadLeft(6, '0') + "\0 ").CopyTo(header[148..]);
            }
        }
    }
}
