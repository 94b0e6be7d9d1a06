using System.Diagnostics;
using System.Text;
using Airbench.Data;

namespace Airbench.Tests;

/// <summary>Images as a user names them: with labels for an evaluation, without for a prediction.</summary>
public sealed class GivenFilesTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly RecordedProgress _progress = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_row_that_names_no_usable_image_is_a_broken_image_with_its_reason()
    {
        _folder.Write("img/0.png", TestImages.Png(0));
        _folder.Write("img/1.png", TestImages.Png(1));
        Directory.CreateDirectory(_folder.File("folder.png"));
        NamedPipes.Make(_folder.File("pipe.png"));
        var csv = _folder.Write("list.csv", Encoding.UTF8.GetBytes(
            "path,label\nimg/0.png,a\nimg\\1.png,b\nno\0thing.png,a\nfolder.png,a\npipe.png,a\nnone.png,b\n,a\nimg/2.png,\nC:\\photos\\3.png,b\n\nshort.png\n"));

        foreach (var rows in new[] { Labelled(csv), Unlabelled(csv) })
        {
            Assert.Equal([null, null], rows[..2].Select(row => row.Error));
            Assert.Equal(
            [
                "cannot be read: there is a NUL character in the path",
                "cannot be read: it is a folder, not a file",
                "cannot be read: it is a named pipe, not a file",
            ], rows[2..5].Select(row => row.Error));
            Assert.Contains("none.png", rows[5].Error, StringComparison.Ordinal);
            Assert.Equal("cannot be read: row 7 has an empty path", rows[6].Error);
            Assert.Contains("a path of Windows, with a drive", rows[8].Error, StringComparison.Ordinal);
        }
        Assert.Equal(["cannot be read: row 8 has an empty label", "cannot be read: row 10 has an empty label"], new[] { 7, 9 }.Select(row => Labelled(csv)[row].Error));
        Assert.Equal([0, 1, 0, 0, 0, 1, 0, -1, 1, -1], Labelled(csv).Select(row => row.Label));
    }

    [Fact]
    public void A_list_in_latin_1_gives_rows_that_say_so()
    {
        _folder.Write("1.png", TestImages.Png(0));
        var csv = _folder.Write("list.csv", Encoding.Latin1.GetBytes("path,label\ncafé.png,tea\n1.png,café\n1b.png,tea\n"));

        var rows = Labelled(csv);

        Assert.Equal("cannot be read: row 1 has a path that is not UTF-8: save the CSV file as UTF-8", rows[0].Error);
        Assert.Equal("cannot be read: row 2 has a label that is not UTF-8 ('caf\uFFFD'): save the CSV file as UTF-8", rows[1].Error);
        Assert.Equal((0, -1), (rows[0].Label, rows[1].Label));
        Assert.Null(Unlabelled(csv)[1].Error);
    }

    [Theory]
    [InlineData("img/0.png,a\nimg/1.png,b\nimg/0.png,a\n", "'img/0.png' occurs twice, in rows 1 and 3. ")]
    [InlineData("img/0.png,a\nimg/0.png,b\n", "'img/0.png' occurs twice, in rows 1 and 2, with the labels 'a' and 'b'. ")]
    [InlineData("img/0.png,a\n./img//sub/../0.png,a\n", "'./img//sub/../0.png' occurs twice, in rows 1 and 2. ")]
    [InlineData("img/0.png,a\nimg\\0.png,a\n", "'img\\0.png' occurs twice, in rows 1 and 2. ")]
    public void An_image_that_a_list_names_twice_is_refused_as_in_an_archive(string rows, string problem)
    {
        var csv = _folder.Write("list.csv", Encoding.UTF8.GetBytes("path,label\n" + rows));
        Assert.Contains(problem, Assert.Throws<DataException>(() => Labelled(csv)).Message, StringComparison.Ordinal);
        Assert.Equal(rows.Count(c => c == '\n'), Unlabelled(csv).Count);   // where nothing is counted, twice does no harm
    }

    [Fact]
    public void An_entry_that_an_archive_holds_twice_is_refused_for_an_evaluation_as_for_a_preparation()
    {
        var tar = _folder.Write("a.tar", Archives.Tar([("a/1.png", TestImages.Png(1)), ("b/1.png", TestImages.Png(2)), ("./a/1.png", TestImages.Png(3))]));
        Assert.Contains("'a/1.png' occurs twice", Assert.Throws<DataException>(() => Labelled(tar)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Labels_of_a_list_are_matched_in_any_unicode_form()
    {
        _folder.Write("1.png", TestImages.Png(0));
        var csv = _folder.Write("list.csv", "path,label\n1.png,caf\u00E9\n2.png,cafe\u0301\n"u8);
        Assert.Equal([0, 0], Labelled(csv).Select(row => row.Label));
    }

    [Theory]
    [InlineData("photo")]
    [InlineData("photo.webp")]
    [InlineData("photo.zip")]
    [InlineData("photo.csv")]
    public void What_is_given_is_told_by_its_first_bytes(string name)
    {
        var image = _folder.Write("image/" + name, TestImages.Jpeg(TestImages.Smooth(40, 40), 40, 40));
        Assert.Null(Assert.Single(Unlabelled(image)).Error);
        Assert.Contains("is an image without a label", Assert.Throws<InvalidFileException>(() => Labelled(image)).Message, StringComparison.Ordinal);

        var archive = _folder.Write("archive/" + name, Archives.Zip([("a/1.png", TestImages.Png(1)), ("b/2.png", TestImages.Png(2))]));
        Assert.Equal([archive + "/a/1.png", archive + "/b/2.png"], Unlabelled(archive).Select(row => row.Path));
        Assert.Equal([0, 1], Labelled(archive).Select(row => row.Label));
    }

    [Fact]
    public void A_list_needs_no_ending_and_what_is_nothing_that_is_read_is_named()
    {
        _folder.Write("1.png", TestImages.Png(1));
        Assert.Equal(["1.png"], Unlabelled(_folder.Write("list.txt", "label,path\na,1.png\n"u8)).Select(row => row.Path));
        Assert.Contains("is compressed by xz", Problem("a", [0xFD, .. "7zXZ"u8, 0]), StringComparison.Ordinal);
        Assert.Contains("it starts with 0102", Problem("b", [1, 2]), StringComparison.Ordinal);
        Assert.Contains("it is empty", Problem("c", []), StringComparison.Ordinal);
        Assert.StartsWith("is a HEIC file, which is not read", Assert.Single(Unlabelled(_folder.Write("d", [0, 0, 0, 24, .. "ftypheic"u8, 0, 0, 0, 0, .. "mif1heic"u8]))).Error, StringComparison.Ordinal);
        Assert.Equal("is empty", Assert.Single(Unlabelled(_folder.Write("e.jpg", []))).Error);

        string Problem(string name, byte[] content) => Assert.Throws<InvalidFileException>(() => Unlabelled(_folder.Write(name, content))).Message;
    }

    [Fact]
    public void A_named_pipe_is_opened_by_nobody()
    {
        var pipe = NamedPipes.Make(_folder.File("pipe.csv"));
        Assert.Equal("cannot be read: it is a named pipe, not a file", Assert.Single(Unlabelled(pipe)).Error);
        Assert.Contains("is a named pipe", Assert.Throws<InvalidFileException>(() => Labelled(pipe)).Message, StringComparison.Ordinal);
        Assert.Throws<InvalidFileException>(() => Preparer.Prepare(
            new PrepareOptions { Source = DataSource.Archive, Path = pipe }, _folder.File("data/x"), _folder.File("data"), 1, _progress, default));
    }

    [Fact]
    public void What_is_left_out_is_said_once_and_kept_with_the_source()
    {
        foreach (var name in new[] { "train/a/1.png", "train/b/2.png", "test/a/1.png", "test/b/2.png", "test/3.png", "val/a/4.png", "test/.net/5.png" })
        {
            _folder.Write("set/" + name, TestImages.Png(1));
        }
        _folder.Write("set/test/a/6.heic", [1]);
        using var images = LabelledFiles.Open(_folder.File("set"), Split.Test, 1 << 20, _progress, default);

        Assert.Equal(2, images.Count);
        Assert.Equal(
            [(".heic", 1L), ("directly in test/", 1L), ("hidden folder .net", 1L), ("in val/", 1L)],
            images.LeftOut.Counts.Select(count => (count.Key, count.Value)));
        Assert.Equal(3, _progress.Warnings.Count);
        Assert.Contains(_progress.Warnings, line => line.Contains("1 image directly in test/, 1 image in val/ left out, for example", StringComparison.Ordinal));
    }

    [Fact]
    public void A_folder_of_formats_that_are_not_read_says_so()
    {
        _folder.Write("set/a/1.heic", [1]);
        _folder.Write("set/b/2.heic", [1]);
        foreach (var open in new Action[] { () => Labelled(_folder.File("set")), () => Unlabelled(_folder.File("set")) })
        {
            var message = Assert.Throws<DataException>(open).Message;
            Assert.Contains("holds no image", message, StringComparison.Ordinal);
            Assert.Contains("2 .heic left out", message, StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData("", "is empty; expected path and label in its first line")]
    [InlineData("Path, label\n1.png,a\n", "has the columns 'Path', ' label'; expected path and label in its first line")]
    [InlineData("path,label,label\n1.png,a,b\n", "has the column label twice")]
    [InlineData("p\0a\0t\0h\0,\0l\0", "perhaps in UTF-16 without its mark; save it as UTF-8")]
    public void A_list_without_its_columns_is_refused_with_what_it_has(string text, string problem)
    {
        var csv = _folder.Write("list.csv", Encoding.UTF8.GetBytes(text));
        Assert.Contains(problem, Assert.Throws<InvalidFileException>(() => Labelled(csv)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_quotation_mark_without_its_other_is_the_reason_of_the_row_that_it_swallows()
    {
        _folder.Write("1.png", TestImages.Png(0));
        var csv = _folder.Write("list.csv", "path,label\n1.png,a\n\"2.png,b\n3.png,c\n"u8);

        const string Reason = "cannot be read: row 2 has a path of several lines: a quotation mark (\") before it has no other";
        Assert.Equal([null, Reason], Unlabelled(csv).Select(row => row.Error));
        Assert.Equal([null, Reason], Labelled(csv).Select(row => row.Error));
    }

    [Fact]
    public void A_zip_without_its_end_and_a_compressed_file_that_is_no_tar_are_refused_with_what_to_do()
    {
        var zip = _folder.Write("a.zip", Archives.Zip([("a/1.png", TestImages.Png(1))]).AsSpan(0, 60));
        Assert.Contains("the archive's directory, which is at its end, cannot be read", Assert.Throws<InvalidFileException>(() => Unlabelled(zip)).Message, StringComparison.Ordinal);

        var list = _folder.Write("list.csv.gz", Archives.Gzip(Encoding.UTF8.GetBytes(string.Concat(Enumerable.Repeat("path,label of a list that somebody compressed\n", 40)))));
        Assert.Contains("is compressed by gzip, but holds no tar archive", Assert.Throws<InvalidFileException>(() => Unlabelled(list)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void An_encoding_of_names_is_refused_where_there_is_no_zip()
    {
        _folder.Write("set/a/1.png", TestImages.Png(0));
        var zip = _folder.Write("a.zip", Archives.Zip([("a/1.png", TestImages.Png(1))]));

        Assert.Contains("name_encoding: does nothing for", Assert.Throws<ConfigurationException>(() => Open(_folder.File("set"))).Message, StringComparison.Ordinal);
        Assert.Equal(2, Open(_folder.File("set"), zip));

        int Open(params string[] paths)
        {
            using var images = UnlabelledFiles.Open(paths, 1 << 24, _progress, default, "cp437");
            return images.Count;
        }
    }

    [Fact]
    public void An_empty_path_is_a_mistake_of_usage() =>
        Assert.Contains("found an empty path", Assert.Throws<ConfigurationException>(() => Unlabelled("")).Message, StringComparison.Ordinal);

    [Fact]
    public void Links_that_lead_to_each_other_are_refused_as_other_links_are()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "links need rights on Windows");
        _folder.Write("set/a/1.png", TestImages.Png(0));
        File.CreateSymbolicLink(_folder.File("set/a/2.png"), "2.png");
        Assert.Contains("'a/2.png' is a link to 2.png; only links to files inside", Assert.Throws<DataException>(() => Unlabelled(_folder.File("set"))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_name_that_is_not_utf_8_is_refused_in_a_folder_as_in_an_archive()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "names are bytes on Linux alone");
        _folder.Write("b/1.png", TestImages.Png(0));
        Shell("mkdir -p set/a \"$(printf 'late/caf\\351')\"; cp b/1.png set/a; cp b/1.png \"$(printf 'set/a/caf\\351.png')\"");
        try
        {
            Assert.Contains("'caf\uFFFD' has a name that is not UTF-8. Rename it", Refused("late"), StringComparison.Ordinal);
            Assert.Contains("'a/caf\uFFFD.png' has a name that is not UTF-8. Rename it", Refused("set"), StringComparison.Ordinal);
        }
        finally
        {
            Shell("rm -r set late");   // .NET cannot delete what it cannot name
        }

        string Refused(string folder) => Assert.Throws<DataException>(() => Unlabelled(_folder.File(folder))).Message;

        void Shell(string commands)
        {
            using var shell = Process.Start(new ProcessStartInfo("/bin/sh", ["-c", commands]) { WorkingDirectory = _folder.Path })!;
            shell.WaitForExit();
        }
    }

    private List<SourceImage> Labelled(string path)
    {
        using var images = LabelledFiles.Open(path, Split.Test, 1 << 24, _progress, default);
        return Read(images);
    }

    private List<SourceImage> Unlabelled(string path)
    {
        using var images = UnlabelledFiles.Open([path], 1 << 24, _progress, default);
        return Read(images);
    }

    private static List<SourceImage> Read(FileSource images) =>
        [.. new BatchReader(images, 8, Fit.Crop).Read(default).SelectMany(batch => batch.Images.ToList())];
}
