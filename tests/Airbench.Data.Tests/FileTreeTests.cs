using Airbench.Data;
using static Airbench.Tests.SavedTrees;

namespace Airbench.Tests;

/// <summary>The files of folders and archives: which are taken, which are counted as left out.</summary>
public sealed class FileTreeTests : IDisposable
{
    private readonly SavedTrees _trees = new();

    public void Dispose() => _trees.Dispose();

    [Fact]
    public void Every_kind_of_tree_gives_the_same_files()
    {
        foreach (var (name, content) in Two)
        {
            _trees.Folder.Write("tree/" + name, content);
        }
        string[] expected = ["a/1.png=010203", "b/2.png=04"];
        Assert.Equal(expected, Files(_trees.Folder.File("tree")));
        Assert.Equal(expected, Files(_trees.Save(Archives.Tar(Two))));
        Assert.Equal(expected, Files(_trees.Save(Archives.Gzip(Archives.Tar(Two)))));
        Assert.Equal(expected, Files(_trees.Save(Archives.Zip(Two))));
    }

    [Fact]
    public void A_link_to_a_file_inside_a_folder_is_read_and_any_other_link_refused()
    {
        _trees.Folder.Write("tree/a/1.png", [7]);
        _trees.Folder.Write("outside/2.png", [8]);
        File.CreateSymbolicLink(_trees.Folder.File("tree/a/link.png"), _trees.Folder.File("tree/a/1.png"));
        Assert.Equal(["a/1.png=07", "a/link.png=07"], Files(_trees.Folder.File("tree")));

        var link = _trees.Folder.File("tree/a/out.png");
        foreach (var target in new[] { _trees.Folder.File("outside/2.png"), _trees.Folder.File("nowhere"), "../../outside/2.png" })
        {
            File.CreateSymbolicLink(link, target);
            Assert.Contains("'a/out.png' is a link to", Assert.Throws<DataException>(() => Files(_trees.Folder.File("tree"))).Message);
            File.Delete(link);
        }
        Directory.CreateSymbolicLink(_trees.Folder.File("tree/loop"), _trees.Folder.File("tree"));
        Assert.Contains("'loop' is a link to", Assert.Throws<DataException>(() => Files(_trees.Folder.File("tree"))).Message);
    }

    [Fact]
    public void The_root_itself_may_be_a_link()
    {
        _trees.Folder.Write("tree/a/1.png", [7]);
        Directory.CreateSymbolicLink(_trees.Folder.File("here"), _trees.Folder.File("tree"));
        Assert.Equal(["a/1.png=07"], Files(_trees.Folder.File("here")));
    }

    [Fact]
    public void Hidden_files_are_no_part_of_a_folder()
    {
        _trees.Folder.Write("tree/a/1.png", [7]);
        _trees.Folder.Write("tree/a/.DS_Store", [7]);
        _trees.Folder.Write("tree/.git/a/1.png", [7]);
        _trees.Folder.Write("tree/__MACOSX/a/1.png", [7]);
        Assert.Equal(["a/1.png=07"], Files(_trees.Folder.File("tree")));
    }

    [Fact]
    public void Only_regular_files_of_a_folder_are_opened_and_the_others_counted()
    {
        _trees.Folder.Write("tree/a/1.png", [7]);
        NamedPipes.Make(_trees.Folder.File("tree/a/pipe.png"));
        File.CreateSymbolicLink(_trees.Folder.File("tree/a/to-pipe.png"), _trees.Folder.File("tree/a/pipe.png"));
        using var socket = new System.Net.Sockets.Socket(System.Net.Sockets.AddressFamily.Unix, System.Net.Sockets.SocketType.Stream, 0);
        var here = Directory.GetCurrentDirectory();
        socket.Bind(new System.Net.Sockets.UnixDomainSocketEndPoint(Path.GetRelativePath(here, _trees.Folder.File("tree/a/s.png"))));

        var leftOut = new LeftOut();
        Assert.Equal(["a/1.png"], FileTree.Open(_trees.Folder.File("tree"), 1000).Images(leftOut).Select(entry => entry.Path));
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
            _trees.Folder.Write("tree/" + name, content);
        }
        foreach (var path in new[] { _trees.Folder.File("tree"), _trees.Save(Archives.Tar(files)), _trees.Save(Archives.Zip(files)) })
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
            _trees.Folder.Write("tree/" + name, content);
        }
        var buffer = Array.Empty<byte>();
        foreach (var path in new[] { _trees.Folder.File("tree"), _trees.Save(Archives.Tar(files)), _trees.Save(Archives.Zip(files)) })
        {
            var leftOut = new LeftOut();
            var found = FileTree.Open(path, 1 << 20).Images(leftOut).Select(entry => (entry.Path, Hash: Convert.ToHexString(entry.Read(ref buffer).Span))).ToList();
            Assert.Equal([("a/0001", Convert.ToHexString(png)), ("a/photo.data", Convert.ToHexString(png))], found);
            Assert.Equal([("HEIC", 1L), ("other files", 3L)], leftOut.Counts.Select(count => (count.Key, count.Value)));
        }
    }
}
