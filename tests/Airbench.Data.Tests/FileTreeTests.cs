using System.Formats.Tar;
using System.Text;
using Airbench.Data;
using CsCheck;

namespace Airbench.Tests;

public sealed class FileTreeTests : IDisposable
{
    private static readonly (string, byte[])[] Two = [("a/1.png", [1, 2, 3]), ("b/2.png", [4])];
    private readonly TemporaryFolder _folder = new();
    private int _files;

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Every_kind_of_tree_gives_the_same_files()
    {
        foreach (var (name, content) in Two)
        {
            _folder.Write("tree/" + name, content);
        }
        string[] expected = ["a/1.png=010203", "b/2.png=04"];
        Assert.Equal(expected, Files(_folder.File("tree")));
        Assert.Equal(expected, Files(Save(Archives.Tar(Two))));
        Assert.Equal(expected, Files(Save(Archives.Gzip(Archives.Tar(Two)))));
        Assert.Equal(expected, Files(Save(Archives.Zip(Two))));
    }

    [Fact]
    public void Names_are_normalized()
    {
        Assert.Equal(["a/1.png=01", "b/2.png="], Files(Save(Archives.Tar([("./", []), ("./a/1.png", [1]), ("b//2.png", [])]))));
        Assert.Equal(["a/1.png=01"], Files(Save(Archives.Zip([("a\\1.png", [1])]))));
    }

    [Theory]
    [InlineData("../1.png", "'..'")]
    [InlineData("a/../../1.png", "'..'")]
    [InlineData("a/..", "'..'")]
    [InlineData("..\\1.png", "'..'")]
    [InlineData("/etc/1.png", "absolute")]
    [InlineData("\\1.png", "absolute")]
    [InlineData("C:\\1.png", "absolute")]
    [InlineData("C:/1.png", "absolute")]
    public void Names_that_leave_the_archive_are_refused(string name, string reason)
    {
        foreach (var archive in new[] { Archives.Tar([("a/0.png", [0]), (name, [1])]), Archives.Zip([("a/0.png", [0]), (name, [1])]) })
        {
            var error = Assert.Throws<DataException>(() => Files(Save(archive)));
            Assert.Contains($"entry '{name}'", error.Message);
            Assert.Contains(reason, error.Message);
        }
    }

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
        var error = Assert.Throws<DataException>(() => Files(Save(Archives.Tar(Two, entry))));
        Assert.Contains($"entry 'a/evil.png' is not a file but a {type}", error.Message);
    }

    [Fact]
    public void Links_in_a_zip_are_refused()
    {
        const int SymbolicLink = 0xA1FF << 16;
        Assert.Contains("link or device", Assert.Throws<DataException>(() => Files(Save(Archives.Zip(Two, SymbolicLink)))).Message);
    }

    [Fact]
    public void What_unpacks_past_the_bound_is_refused_by_what_really_comes_out()
    {
        (string, byte[])[] bomb = [("a/1.png", new byte[10]), ("a/bomb.png", new byte[200_000])];
        foreach (var archive in new[] { Archives.Gzip(Archives.Tar(bomb)), Archives.Zip(bomb) })
        {
            var error = Assert.Throws<DataException>(() => Files(Save(archive), maxUnpackedBytes: 100_000));
            Assert.Contains("more than 100,000 bytes", error.Message);
            Assert.Contains("'a/bomb.png'", error.Message);
            Assert.Contains("max_unpacked_bytes", error.Message);
        }
    }

    [Fact]
    public void Skipped_files_of_a_tar_count_as_well()
    {
        var path = Save(Archives.Gzip(Archives.Tar([("a/junk.bin", new byte[200_000]), ("a/1.png", [1])])));
        Assert.Throws<DataException>(() => FileTree.Open(path, 100_000).Walk().Count());
    }

    [Fact]
    public void A_single_file_past_its_bound_is_refused()
    {
        var buffer = Array.Empty<byte>();
        foreach (var archive in new[] { Archives.Tar([("a/1.png", new byte[1001])]), Archives.Zip([("a/1.png", new byte[1001])]) })
        {
            foreach (var entry in FileTree.Open(Save(archive), long.MaxValue).Walk())
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
            "header of more than", Assert.Throws<InvalidFileException>(() => Files(Save(Archives.Gzip(Archives.Tar([], entry))))).Message);
    }

    [Fact]
    public void A_truncated_archive_is_refused_wherever_it_is_cut()
    {
        var tar = Archives.Tar([.. Enumerable.Range(0, 5).Select(i => ($"a/{i}.png", TestImages.Planar(i)))]);
        var zip = Archives.Zip([("a/1.png", TestImages.Planar(1))]);
        Assert.Equal(5, Files(Save(Archives.Gzip(tar))).Count);
        foreach (var (whole, least) in new[] { (tar, 513), (Archives.Gzip(tar), 20), (zip, 20) })
        {
            // A tar ends in at least 1,024 zeros, some of which nobody misses.
            var end = whole == tar ? whole.AsSpan().LastIndexOfAnyExcept((byte)0) : whole.Length - 1;
            for (var length = least; length < end; length += length < end - 97 ? 97 : 1)   // every byte of the last ones
            {
                var path = Save(whole[..length]);
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
            Assert.Contains("cut off at or after entry 'b/2.png'", Assert.Throws<InvalidFileException>(() => Files(Save(cut))).Message);
        }
    }

    [Fact]
    public void A_wrong_gzip_checksum_is_noticed()
    {
        var packed = Archives.Gzip(Archives.Tar(Two));
        packed[^6] ^= 1;
        Assert.Throws<InvalidFileException>(() => Files(Save(packed)));
    }

    [Theory]
    [InlineData(16)]   // checksum
    [InlineData(24)]   // length: what comes out is cut off there
    public void A_zip_whose_content_is_not_what_its_directory_promises_is_refused(int field)
    {
        var zip = Archives.Zip(Two);
        zip[zip.AsSpan().IndexOf("PK\x01\x02"u8) + field] ^= 1;
        Assert.Contains("checksum", Assert.Throws<InvalidFileException>(() => Files(Save(zip))).Message, StringComparison.Ordinal);
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
        Assert.Contains(what, Assert.Throws<InvalidFileException>(() => Files(Save(Convert.FromHexString(start)))).Message);

    [Fact]
    public void A_gzip_of_something_else_is_refused() =>
        Assert.Throws<InvalidFileException>(() => Files(Save(Archives.Gzip(Encoding.ASCII.GetBytes(new string('x', 5000))))));

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
            var path = Save(content);
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

    [Fact]
    public void A_link_to_a_file_inside_a_folder_is_read_and_any_other_link_refused()
    {
        _folder.Write("tree/a/1.png", [7]);
        _folder.Write("outside/2.png", [8]);
        File.CreateSymbolicLink(_folder.File("tree/a/link.png"), _folder.File("tree/a/1.png"));
        Assert.Equal(["a/1.png=07", "a/link.png=07"], Files(_folder.File("tree")));

        var link = _folder.File("tree/a/out.png");
        foreach (var target in new[] { _folder.File("outside/2.png"), _folder.File("nowhere"), "../../outside/2.png" })
        {
            File.CreateSymbolicLink(link, target);
            Assert.Contains("'a/out.png' is a link to", Assert.Throws<DataException>(() => Files(_folder.File("tree"))).Message);
            File.Delete(link);
        }
        Directory.CreateSymbolicLink(_folder.File("tree/loop"), _folder.File("tree"));
        Assert.Contains("'loop' is a link to", Assert.Throws<DataException>(() => Files(_folder.File("tree"))).Message);
    }

    [Fact]
    public void The_root_itself_may_be_a_link()
    {
        _folder.Write("tree/a/1.png", [7]);
        Directory.CreateSymbolicLink(_folder.File("here"), _folder.File("tree"));
        Assert.Equal(["a/1.png=07"], Files(_folder.File("here")));
    }

    [Fact]
    public void Hidden_files_are_no_part_of_a_folder()
    {
        _folder.Write("tree/a/1.png", [7]);
        _folder.Write("tree/a/.DS_Store", [7]);
        _folder.Write("tree/.git/a/1.png", [7]);
        _folder.Write("tree/__MACOSX/a/1.png", [7]);
        Assert.Equal(["a/1.png=07"], Files(_folder.File("tree")));
    }

    [Fact]
    public void Names_in_a_zip_that_are_not_marked_are_utf8_where_they_are_valid_and_otherwise_what_is_said()
    {
        byte[][] shiftJis = [[0x8C, 0xA2, .. "/1.png"u8], [0x95, 0x5C, .. "/2.png"u8]];   // 犬; 表, whose second byte is a backslash
        var japanese = Save(Archives.ZipOfNames(shiftJis.Select(name => (name, (byte[])[1]))));
        Assert.Equal(["犬/1.png=01", "表/2.png=01"], Files(japanese, nameEncoding: "shift_jis"));
        Assert.Equal(["犬/1.png=01", "表/2.png=01"], Files(japanese, nameEncoding: "cp932"));
        var german = Save(Archives.ZipOfNames([([(byte)'F', 0x81, .. "chse/1.png"u8], [1])]));
        Assert.Equal(["Füchse/1.png=01"], Files(german, nameEncoding: "cp437"));
        Assert.Equal(["né/1.png=01"], Files(Save(Archives.ZipOfNames([([.. "né/1.png"u8], [1])]))));
        Assert.Equal(["né/1.png=01"], Files(Save(Archives.Zip([("né/1.png", [1])])), nameEncoding: "cp437"));   // marked: the mark counts
    }

    [Fact]
    public void Names_in_a_zip_that_are_neither_are_refused_with_what_they_could_mean()
    {
        var zip = Save(Archives.ZipOfNames([([0x93, 0xFA, 0x96, 0x7B, .. "/1.png"u8], [1])]));
        var error = Assert.Throws<DataException>(() => Files(zip)).Message;
        Assert.Contains("bytes 93FA967B", error, StringComparison.Ordinal);
        Assert.Contains("name_encoding", error, StringComparison.Ordinal);
        Assert.Contains("as shift_jis it reads '日本/1.png'", error, StringComparison.Ordinal);
        var wrong = Save(Archives.ZipOfNames([([0xFF, 0xFF, .. "/1.png"u8], [1])]));
        Assert.Contains(
            "neither marked as UTF-8 nor valid gb18030", Assert.Throws<DataException>(() => Files(wrong, nameEncoding: "gb18030")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_name_that_is_no_text_is_refused()
    {
        var tar = Archives.Tar([("a\uFFFD/1.png", [1])]);
        Assert.Contains("a name that is not UTF-8", Assert.Throws<DataException>(() => Files(Save(tar))).Message, StringComparison.Ordinal);
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
        var error = Assert.Throws<InvalidFileException>(() => Files(Save(Archives.WithMethod(Archives.Zip(Two), method)))).Message;
        Assert.EndsWith($"has the entry 'a/1.png', compressed by {name}, which is not read: repack it with Deflate", error, StringComparison.Ordinal);
    }

    [Fact]
    public void A_sparse_file_in_a_tar_is_named()
    {
        var pax = Archives.Tar(Two, new PaxTarEntry(
            TarEntryType.RegularFile, "./GNUSparseFile.1/b.png", [new("GNU.sparse.major", "1"), new("GNU.sparse.minor", "0"), new("GNU.sparse.name", "a/b.png")]));
        Assert.Contains(
            "has the entry 'a/b.png' stored as a sparse file (GNU), which is not read: repack it without --sparse",
            Assert.Throws<InvalidFileException>(() => Files(Save(pax))).Message, StringComparison.Ordinal);

        using var stream = new MemoryStream();
        using (var writer = new TarWriter(stream, TarEntryFormat.Gnu, leaveOpen: true))
        {
            writer.WriteEntry(new GnuTarEntry(TarEntryType.RegularFile, "a/b.png") { DataStream = new MemoryStream([1]) });
        }
        var gnu = stream.ToArray();
        gnu[156] = (byte)'S';
        MendChecksums(gnu);
        Assert.Contains("stored as a sparse file (GNU)", Assert.Throws<InvalidFileException>(() => Files(Save(gnu))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Only_regular_files_of_a_folder_are_opened_and_the_others_counted()
    {
        _folder.Write("tree/a/1.png", [7]);
        NamedPipes.Make(_folder.File("tree/a/pipe.png"));
        File.CreateSymbolicLink(_folder.File("tree/a/to-pipe.png"), _folder.File("tree/a/pipe.png"));
        using var socket = new System.Net.Sockets.Socket(System.Net.Sockets.AddressFamily.Unix, System.Net.Sockets.SocketType.Stream, 0);
        var here = Directory.GetCurrentDirectory();
        socket.Bind(new System.Net.Sockets.UnixDomainSocketEndPoint(Path.GetRelativePath(here, _folder.File("tree/a/s.png"))));

        var leftOut = new LeftOut();
        Assert.Equal(["a/1.png"], FileTree.Open(_folder.File("tree"), 1000).Images(leftOut).Select(entry => entry.Path));
        Assert.Equal([("named pipe", 2L), ("socket", 1L)], leftOut.Counts.Select(count => (count.Key, count.Value)));
        Assert.Equal(
            ("2 named pipes, 1 socket left out, for example a/pipe.png: only regular files are opened", true), Assert.Single(leftOut.Lines()));
    }

    [Fact]
    public void Images_that_are_not_read_or_hidden_are_counted_alike_in_folders_and_archives()
    {
        (string, byte[])[] files =
        [
            (".net/1.png", [1]), (".net/sub/2.jpg", [1]), ("__MACOSX/a/._1.png", [1]), ("a/.net/3.png", [1]), ("a/._4.png", [1]), ("a/.5.png", [1]),
            ("a/1.heic", [1]), ("a/2.HEIC", [1]), ("a/3.avif", [1]), ("a/4.png", [1]), ("README.md", [1]), ("a/labels.txt", [1]),
        ];
        foreach (var (name, content) in files)
        {
            _folder.Write("tree/" + name, content);
        }
        foreach (var path in new[] { _folder.File("tree"), Save(Archives.Tar(files)), Save(Archives.Zip(files)) })
        {
            var leftOut = new LeftOut();
            Assert.Equal(["a/4.png"], FileTree.Open(path, 1 << 20).Images(leftOut).Select(entry => entry.Path));
            Assert.Equal(
                [(".avif", 1L), (".heic", 2L), ("hidden files", 1L), ("hidden folder .net", 3L), ("other files", 2L)],
                leftOut.Counts.Select(count => (count.Key, count.Value)));
            var lines = leftOut.Lines().ToList();
            Assert.StartsWith("1 .avif, 2 .heic left out: not a format that is read", lines[0].Line, StringComparison.Ordinal);
            Assert.StartsWith("1 hidden image, 3 images in hidden folder .net left out", lines[1].Line, StringComparison.Ordinal);
            Assert.Equal([true, true, false], lines.Select(line => line.IsWarning));
        }
    }

    [Fact]
    public void Files_whose_names_say_nothing_are_told_by_their_first_bytes_and_read_whole_all_the_same()
    {
        var (png, heic) = (TestImages.Png(1), (byte[])[0, 0, 0, 24, .. "ftypheic"u8, 0, 0, 0, 0, .. "mif1heic"u8]);
        (string, byte[])[] files = [("a/0001", png), ("a/photo.data", png), ("a/phone", heic), ("a/notes", [1, 2, 3]), ("a/image.txt", png), ("a/z", [])];
        foreach (var (name, content) in files)
        {
            _folder.Write("tree/" + name, content);
        }
        var buffer = Array.Empty<byte>();
        foreach (var path in new[] { _folder.File("tree"), Save(Archives.Tar(files)), Save(Archives.Zip(files)) })
        {
            var leftOut = new LeftOut();
            var found = FileTree.Open(path, 1 << 20).Images(leftOut).Select(entry => (entry.Path, Hash: Convert.ToHexString(entry.Read(ref buffer).Span))).ToList();
            Assert.Equal([("a/0001", Convert.ToHexString(png)), ("a/photo.data", Convert.ToHexString(png))], found);
            Assert.Equal([("HEIC", 1L), ("other files", 3L)], leftOut.Counts.Select(count => (count.Key, count.Value)));
        }
    }

    private string Save(byte[] content)
    {
        var path = _folder.File($"{_files++}.archive");
        File.WriteAllBytes(path, content);
        return path;
    }

    /// <summary>"path=hexadecimal content" of every file.</summary>
    private static List<string> Files(string path, long maxUnpackedBytes = long.MaxValue, string? nameEncoding = null)
    {
        var buffer = Array.Empty<byte>();
        var files = new List<string>();
        foreach (var entry in FileTree.Open(path, maxUnpackedBytes, nameEncoding).Walk())
        {
            if (!entry.IsFolder)
            {
                files.Add($"{entry.Path}={Convert.ToHexString(entry.Read(ref buffer).Span)}");
            }
        }
        return files;
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
