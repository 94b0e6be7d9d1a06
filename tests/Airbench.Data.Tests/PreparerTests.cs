using System.Security.Cryptography;
using Airbench.Data;
using CsCheck;

namespace Airbench.Tests;

public sealed class PreparerTests : IDisposable
{
    private readonly TemporaryFolder _root = new();
    private readonly RecordedProgress _progress = new();

    private string Images => _root.File("images");
    private string Final => _root.File("data/set");

    public void Dispose() => _root.Dispose();

    [Fact]
    public void A_folder_becomes_a_set_with_every_pixel_label_and_path()
    {
        WriteImages(("train/cat/1.png", 1), ("train/dog/2.png", 2), ("test/cat/3.png", 3), ("test/dog/4.png", 4), ("train/dog/5.PNG", 5));
        var dataset = Prepare();

        Assert.Equal(Json.Write(dataset.Manifest), Json.Write(Dataset.Open(Final).Manifest));
        Assert.Equal(["cat", "dog"], dataset.Manifest.Classes);
        Assert.Equal(("set", "folder", 32), (dataset.Manifest.Name, dataset.Manifest.Source, dataset.Manifest.ImageSize));
        using var train = dataset.OpenSplit(Split.Train);
        using var test = dataset.OpenSplit(Split.Test);
        Assert.Equal(["train/cat/1.png", "train/dog/2.png", "train/dog/5.PNG"], train.ReadPaths());
        Assert.Equal([0, 1, 1], train.Labels);
        Assert.Equal([0, 1], test.Labels);
        Assert.Equal([.. TestImages.Planar(1), .. TestImages.Planar(2), .. TestImages.Planar(5)], train.Images(0, 3).ToArray());
        Assert.Equal([.. TestImages.Planar(3), .. TestImages.Planar(4)], test.Images(0, 2).ToArray());
        Assert.Equal(Hash.OfFile(dataset.File("train.safetensors")), dataset.Manifest.TrainSha256);
        Assert.Equal(Hash.OfFile(dataset.File("test.safetensors")), dataset.Manifest.TestSha256);
        Assert.Equal("path,error\n", File.ReadAllText(dataset.File("prepare-errors.csv")));
        Assert.Empty(_progress.Warnings);
        Assert.All(_progress.Tasks, t => Assert.True(t.Ended && t.Last == t.Total));
    }

    [Fact]
    public void Mean_and_deviation_are_those_of_the_training_pixels()
    {
        WriteImages(("train/a/1.png", 1), ("train/b/2.png", 2), ("test/a/3.png", 3), ("test/b/4.png", 4));
        var manifest = Prepare().Manifest;
        for (var c = 0; c < 3; c++)
        {
            var channel = new[] { 1, 2 }.SelectMany(seed => TestImages.Planar(seed).Skip(1024 * c).Take(1024));
            var pixels = channel.Select(p => p / 255.0).ToArray();
            var mean = pixels.Average();
            Assert.Equal(mean, manifest.Mean[c], 12);
            Assert.Equal(Math.Sqrt(pixels.Average(p => (p - mean) * (p - mean))), manifest.Std[c], 12);
        }
    }

    [Fact]
    public void A_constant_channel_does_not_get_a_deviation_of_zero()
    {
        foreach (var name in new[] { "train/a/1.png", "train/b/1.png", "test/a/1.png", "test/b/1.png" })
        {
            _root.Write("images/" + name, TestImages.Png(new byte[3072]));
        }
        var manifest = Prepare().Manifest;
        Assert.Equal([0, 0, 0], manifest.Mean);
        Assert.All(manifest.Std, std => Assert.Equal(1.0 / 255, std));
        Assert.Equal(2, manifest.DuplicatesAcrossSplits);
    }

    [Fact]
    public void The_same_images_give_the_same_bytes_from_a_folder_and_from_any_archive() =>
        Gen.Select(Gen.Int[0, 2], Gen.Int[0, 50], Gen.Bool).Array[2, 12].ForEachCase(files =>
        {
            using var root = new TemporaryFolder();
            var images = files.Select((f, i) => ($"{(char)('a' + f.Item1)}/{i:D3}.png", Content: TestImages.Png(f.Item2)))
                .Concat([("a/x.png", TestImages.Png(100)), ("a/y.png", TestImages.Png(101))])
                .Concat([("b/x.png", TestImages.Png(102)), ("b/y.png", TestImages.Png(103))])
                .OrderBy(f => f.Item1, StringComparer.Ordinal).ToArray();
            foreach (var (name, content) in images)
            {
                root.Write("images/" + name, content);
            }
            var options = new PrepareOptions { Source = DataSource.Archive, TestFraction = 0.4 };
            var hashes = new[]
            {
                options with { Source = DataSource.Folder, Path = root.File("images") },
                options with { Path = root.Write("a.tar", Archives.Tar(images)) },
                options with { Path = root.Write("a.tgz", Archives.Gzip(Archives.Tar(images))) },
                options with { Path = root.Write("a.zip", Archives.Zip(images)) },
            }.Select(o => Preparer.Prepare(o, root.File("data/set"), root.File("data"), 1, IProgress.Silent, default).Manifest.Sha256);
            Assert.Single(hashes.Distinct());
        }, cases: 10);

    [Fact]
    public void Preparing_twice_gives_the_same_bytes_whatever_the_threads_do()
    {
        foreach (var i in Enumerable.Range(0, 1500))
        {
            var width = 32 + (i % 3);
            var file = TestImages.Jpeg(TestImages.Smooth(width, 40), width, 40, 20 + (i % 70));
            _root.Write($"images/{(i % 2 == 0 ? "a" : "b")}/{i}.jpg", file);
        }
        Assert.Equal(Prepare().Manifest.Sha256, Prepare().Manifest.Sha256);
        Assert.Equal(1500, Prepare().Manifest.TrainCount + Prepare().Manifest.TestCount);
    }

    [Fact]
    public void How_images_become_square_is_an_option_and_recorded()
    {
        WriteImages(("train/a/1.png", 1), ("train/b/2.png", 2), ("test/a/3.png", 3));
        var white = new byte[3 * 64 * 32];
        Array.Fill(white, (byte)255);
        _root.Write("images/test/b/wide.png", TestImages.Png(white, 64, 32));
        foreach (var (fit, lit) in new[] { (Fit.Crop, 32 * 32), (Fit.Pad, 32 * 16), (Fit.Stretch, 32 * 32) })
        {
            var manifest = Prepare(o => o with { Fit = fit }).Manifest;
            Assert.Equal(fit, manifest.Fit);
            using var test = Dataset.Open(Final).OpenSplit(Split.Test);
            Assert.Equal(3 * lit, test.Images(Array.FindIndex([.. test.Paths()], path => path.EndsWith("wide.png", StringComparison.Ordinal)), 1).ToArray().Count(p => p == 255));
        }
        var file = Path.Combine(Final, Dataset.ManifestName);
        Assert.Equal(Fit.Stretch, Dataset.Open(Final).Manifest.Fit);
        File.WriteAllText(file, File.ReadAllText(file).Replace("  \"fit\": \"stretch\",\n", "", StringComparison.Ordinal));
        Assert.Equal(Fit.Crop, Dataset.Open(Final).Manifest.Fit);   // as earlier versions had it
    }

    [Fact]
    public void Other_sizes_are_fitted_and_the_size_is_an_option()
    {
        WriteImages(("train/a/1.png", 1), ("train/b/2.png", 2), ("test/a/3.png", 3));
        _root.Write("images/test/b/wide.jpg", TestImages.Jpeg(TestImages.Smooth(90, 60), 90, 60));
        var dataset = Prepare(o => o with { ImageSize = 48 });
        using var test = dataset.OpenSplit(Split.Test);
        Assert.Equal(48, test.ImageSize);
        Assert.Equal(2, test.Count);
    }

    [Fact]
    public void A_broken_image_fails_the_stage_by_default_and_leaves_the_earlier_set()
    {
        WriteImages(("train/a/1.png", 1), ("train/b/2.png", 2), ("test/a/3.png", 3), ("test/b/4.png", 4));
        var earlier = Prepare().Manifest.Sha256;
        for (var i = 0; i < 12; i++)
        {
            _root.Write($"images/train/a/bad{i:D2}.jpg", [1, 2, 3]);
        }

        var error = Assert.Throws<DataException>(() => Prepare());

        Assert.StartsWith("12 of 16 images are broken", error.Message);
        Assert.Contains("max_bad_fraction", error.Message);
        Assert.Contains("\n  train/a/bad09.jpg: is no image that is read (its first bytes are 010203;", error.Message);
        Assert.DoesNotContain("bad10", error.Message);
        Assert.Contains("and 2 more", error.Message);
        Assert.Equal(earlier, Dataset.Open(Final).Manifest.Sha256);
        Assert.Equal([Final], Directory.GetFileSystemEntries(_root.File("data")));
    }

    [Fact]
    public void Broken_images_within_the_allowance_are_rows_of_the_table()
    {
        WriteImages(("train/a/1.png", 1), ("train/b/2.png", 2), ("test/a/3.png", 3), ("test/b/4.png", 4));
        _root.Write("images/train/a/half, \"cut\".png", TestImages.Png(9).AsSpan(0, 1000));
        _root.Write("images/test/b/empty.jpg", []);
        var dataset = Prepare(o => o with { MaxBadFraction = 0.34 });

        Assert.Equal((2, 2, 2), (dataset.Manifest.BadImages, dataset.Manifest.TrainCount, dataset.Manifest.TestCount));
        Assert.Equal(
            "path,error\ntest/b/empty.jpg,is empty\n\"train/a/half, \"\"cut\"\".png\",is a PNG file that ends too early\n",
            File.ReadAllText(dataset.File("prepare-errors.csv")));
        Assert.Contains(_progress.Warnings, w => w.Contains("2 of 6 images are broken"));
    }

    [Fact]
    public void A_file_larger_than_any_image_is_a_broken_image()
    {
        WriteImages(("train/a/1.png", 1), ("train/b/2.png", 2), ("test/a/3.png", 3), ("test/b/4.png", 4), ("train/b/huge.png", 5));
        using (var huge = new FileStream(_root.File("images/train/b/huge.png"), FileMode.Open))
        {
            huge.SetLength(FileTree.MaxFileBytes + 1L);   // sparse
        }
        Assert.Throws<DataException>(() => Prepare());
        var dataset = Prepare(o => o with { MaxBadFraction = 0.2 });
        Assert.Equal(
            "path,error\ntrain/b/huge.png,\"is larger than 134,217,728 bytes, more than an image needs\"\n", File.ReadAllText(dataset.File("prepare-errors.csv")));
    }

    [Fact]
    public void What_is_left_out_is_kept_in_the_manifest_and_warned_of()
    {
        WriteImages(("train/a/1.png", 1), ("train/b/2.png", 2), ("test/a/3.png", 3), ("test/b/4.png", 4), ("val/a/5.png", 5), ("train/.net/6.png", 6));
        _root.Write("images/train/a/7.heic", [1]);
        _root.Write("images/README.md", [1]);
        NamedPipes.Make(_root.File("images/train/a/pipe.png"));
        var dataset = Prepare();
        Assert.Equal(
            [(".heic", 1L), ("hidden folder .net", 1L), ("in val/", 1L), ("named pipe", 1L), ("other files", 1L)],
            Dataset.Open(dataset.Folder).Manifest.LeftOut!.Select(count => (count.Key, count.Value)));
        Assert.Equal(4, _progress.Warnings.Count);
    }

    [Fact]
    public void Classes_of_a_zip_get_the_names_that_its_encoding_gives()
    {
        byte[] Name(byte class_, string file) => [0x95, class_, .. System.Text.Encoding.ASCII.GetBytes(file)];   // 表 and 評
        var zip = _root.Write("a.zip", Archives.ZipOfNames(Enumerable.Range(0, 8).Select(i => (Name(i % 2 == 0 ? (byte)0x5C : (byte)0x5D, $"/{i}.png"), TestImages.Png(i)))));
        Assert.Throws<DataException>(() => Prepare(o => o with { Source = DataSource.Archive, Path = zip }));
        Assert.Equal(["表", "評"], Prepare(o => o with { Source = DataSource.Archive, Path = zip, NameEncoding = "shift_jis" }).Manifest.Classes.Order(StringComparer.Ordinal));
        Assert.Contains(
            "name_encoding: found 'klingon'; expected an encoding, such as cp437, shift_jis, gb18030 or windows-1252",
            PrepareOptions.Check(new PrepareOptions { Source = DataSource.Synthetic, NameEncoding = "klingon" }));
    }

    [Fact]
    public void A_file_that_cannot_be_read_is_a_broken_image()
    {
        WriteImages(("train/a/1.png", 1), ("train/b/2.png", 2), ("test/a/3.png", 3), ("test/b/4.png", 4), ("train/b/locked.png", 5));
        using (new FileStream(_root.File("images/train/b/locked.png"), FileMode.Open, FileAccess.ReadWrite, FileShare.None))
        {
            var dataset = Prepare(o => o with { MaxBadFraction = 0.5 });
            Assert.Equal(1, dataset.Manifest.BadImages);
            Assert.Matches("\ntrain/b/locked.png,\"?cannot be read", File.ReadAllText(dataset.File("prepare-errors.csv")));
        }
    }

    [Fact]
    public void A_class_whose_training_images_are_all_broken_is_an_error()
    {
        WriteImages(("train/a/1.png", 1), ("test/a/3.png", 3), ("test/b/4.png", 4));
        _root.Write("images/train/b/2.png", [0]);
        var error = Assert.Throws<DataException>(() => Prepare(o => o with { MaxBadFraction = 1 }));
        Assert.Contains("class 'b' has no readable training image", error.Message);
    }

    [Fact]
    public void Duplicates_across_the_splits_are_counted_by_their_pixels()
    {
        WriteImages(("train/a/1.png", 1), ("train/a/1b.png", 1), ("train/b/2.png", 2), ("test/a/3.png", 3), ("test/b/1.png", 1));
        // The same pixels as image 2 in another file.
        _root.Write("images/test/b/2.png", TestImages.Png(TestImages.PngColour.Rgba, 8, 32, 32, Rows(TestImages.Planar(2))));
        var dataset = Prepare();
        Assert.Equal(2, dataset.Manifest.DuplicatesAcrossSplits);
        Assert.Contains(
            _progress.Warnings, w => w.StartsWith("2 of 3 test images also occur in the training split", StringComparison.Ordinal));

        static byte[][] Rows(byte[] planar) =>
            [.. Enumerable.Range(0, 32).Select(y => Enumerable.Range(0, 32).SelectMany(x => Pixel(planar, (32 * y) + x)).ToArray())];

        static byte[] Pixel(byte[] planar, int at) => [planar[at], planar[1024 + at], planar[2048 + at], (byte)at];
    }

    [Fact]
    public void Without_a_test_folder_the_content_decides_and_stays_decided()
    {
        var files = Enumerable.Range(0, 60).Select(i => ($"{(i % 2 == 0 ? "a" : "b")}/{i:D2}.png", i)).ToArray();
        WriteImages(files);
        var before = Sides(Prepare(o => o with { TestFraction = 0.3 }));
        foreach (var (path, seed) in files)
        {
            var hash = SHA256.HashData(TestImages.Png(seed));
            var fraction = ((hash[0] * 256.0) + hash[1]) / 65536;
            Assert.Equal(fraction < 0.3, before[path] == Split.Test);
        }
        WriteImages([.. Enumerable.Range(60, 40).Select(i => ($"{(i % 3 == 0 ? "a" : "b")}/{i:D2}.png", i))]);
        var after = Sides(Prepare(o => o with { TestFraction = 0.3 }));
        Assert.Equal(100, after.Count);
        Assert.All(before, b => Assert.Equal(b.Value, after[b.Key]));
    }

    [Fact]
    public void Other_files_are_counted_and_hidden_ones_not_mentioned()
    {
        WriteImages(("train/a/1.png", 1), ("train/b/2.png", 2), ("test/a/3.png", 3), ("test/b/4.png", 4));
        _root.Write("images/README.md", "x"u8);
        _root.Write("images/train/a/notes.txt", "x"u8);
        _root.Write("images/train/a/.DS_Store", "x"u8);
        Assert.Equal(2, Prepare().Manifest.TrainCount);
        Assert.Contains(_progress.Infos, i => i.EndsWith("2 files left out, being no image, for example README.md", StringComparison.Ordinal));
    }

    [Fact]
    public void A_line_break_in_a_file_name_does_not_make_two_paths()
    {
        WriteImages(("train/a/1\n2.png", 1), ("train/b/2.png", 2), ("test/a/3.png", 3), ("test/b/4.png", 4));
        using var train = Prepare().OpenSplit(Split.Train);
        Assert.Equal(["train/a/1\uFFFD2.png", "train/b/2.png"], train.ReadPaths());
    }

    [Fact]
    public void A_path_that_occurs_twice_in_an_archive_is_refused()
    {
        var path = _root.Write(
            "a.tar", Archives.Tar([("a/1.png", TestImages.Png(1)), ("./a/1.png", TestImages.Png(2)), ("b/1.png", TestImages.Png(3))]));
        var error = Assert.Throws<DataException>(() => Prepare(o => o with { Source = DataSource.Archive, Path = path }));
        Assert.Contains("'a/1.png' occurs twice", error.Message);
    }

    [Theory]
    [InlineData(DataSource.Folder, "nowhere", "does not exist")]
    [InlineData(DataSource.Archive, "nowhere.zip", "does not exist")]
    [InlineData(DataSource.Folder, "file.zip", "is a file; source folder expects a directory. Use source: archive")]
    [InlineData(DataSource.Archive, "images", "is a directory; source archive expects")]
    public void A_path_that_is_not_what_the_source_expects_is_named(DataSource source, string path, string problem)
    {
        _root.Write("file.zip", [1]);
        _root.Write("images/a/1.png", [1]);
        var error = Assert.Throws<DataException>(() => Prepare(o => o with { Source = source, Path = _root.File(path) }));
        Assert.StartsWith(_root.File(path), error.Message);
        Assert.Contains(problem, error.Message);
    }

    [Fact]
    public void A_folder_that_is_no_prepared_set_is_never_replaced()
    {
        WriteImages(("train/a/1.png", 1), ("train/b/2.png", 2), ("test/a/3.png", 3), ("test/b/4.png", 4));
        var error = Assert.Throws<DataException>(() => Preparer.Prepare(
            new PrepareOptions { Source = DataSource.Folder, Path = Images }, Images, _root.Path, 1, _progress, default));
        Assert.Contains("is not a prepared set", error.Message);

        Prepare();
        Directory.Move(Images, Path.Combine(Final, "images"));
        error = Assert.Throws<DataException>(() => Prepare(o => o with { Path = Path.Combine(Final, "images") }));
        Assert.Contains("which preparing would replace", error.Message);
        Assert.True(File.Exists(Path.Combine(Final, "images/train/a/1.png")));
    }

    [Fact]
    public void Cancelling_leaves_nothing_behind()
    {
        using var cancel = new CancellationTokenSource();
        var source = new DrawnImages(["a", "b"], (_, _, index, pixels) =>
        {
            if (index == 700)
            {
                cancel.Cancel();
            }
            pixels.Clear();
            return index % 2;
        }, seed: 1, trainCount: 100_000, testCount: 10);
        Assert.ThrowsAny<OperationCanceledException>(
            () => Preparer.Write(source, new PrepareOptions { Source = DataSource.Synthetic }, Final, _progress, cancel.Token));
        Assert.Empty(Directory.GetFileSystemEntries(_root.File("data")));
    }

    [Fact]
    public void A_defect_on_a_decoding_thread_arrives_as_it_is()
    {
        DrawImage draw = (_, _, index, _) => index == 300 ? throw new DllNotFoundException("libX") : index % 2;
        var source = new DrawnImages(["a", "b"], draw, seed: 1, trainCount: 1000, testCount: 10);
        var options = new PrepareOptions { Source = DataSource.Synthetic };
        Assert.Equal("libX", Assert.Throws<DllNotFoundException>(() => Preparer.Write(source, options, Final, _progress, default)).Message);
        Assert.Empty(Directory.GetFileSystemEntries(_root.File("data")));
    }

    [Fact]
    public void Drawn_images_arrive_with_seed_split_index_and_label()
    {
        DrawImage draw = (seed, split, index, pixels) =>
        {
            new Random((seed * 1000) + ((int)split * 500) + index).NextBytes(pixels);
            return index % 3;
        };
        var source = new DrawnImages(["x", "y", "z"], draw, seed: 7, trainCount: 5, testCount: 4);
        var dataset = Preparer.Write(source, new PrepareOptions { Source = DataSource.Synthetic }, Final, _progress, default);
        using var train = dataset.OpenSplit(Split.Train);
        using var test = dataset.OpenSplit(Split.Test);
        Assert.True(dataset.Manifest.IsSynthetic);
        Assert.Equal([0, 1, 2, 0, 1], train.Labels);
        Assert.Equal([0, 1, 2, 0], test.Labels);
        var expected = new byte[3072];
        draw(7, Split.Test, 2, expected);
        Assert.Equal(expected, test.Images(2, 1).ToArray());
        Assert.Equal("test/000002", test.ReadPaths()[2]);
    }

    [Fact]
    public void Options_that_make_no_sense_are_told_all_at_once()
    {
        Assert.Empty(PrepareOptions.Check(new PrepareOptions()));
        Assert.Empty(PrepareOptions.Check(new PrepareOptions { Source = DataSource.Synthetic }));
        var problems = PrepareOptions.Check(new PrepareOptions
        {
            Source = DataSource.Folder,
            Name = "../x",
            ImageSize = 3,
            MaxBadFraction = double.NaN,
            TestFraction = 1,
            MaxUnpackedBytes = 0,
            TrainCount = 0,
            TestCount = -1,
        }).ToArray();
        Assert.Equal(
            ["path", "name", "image_size", "max_bad_fraction", "test_fraction", "max_unpacked_bytes", "train_count", "test_count"],
            problems.Select(p => p.Split(':')[0]));
        Assert.All(problems, p => Assert.Matches(": found .*; expected ", p));
        Assert.Single(PrepareOptions.Check(new PrepareOptions { Source = DataSource.Synthetic, Path = "x" }));
    }

    [Theory]
    [InlineData(DataSource.Cifar10, null, null, "cifar10")]
    [InlineData(DataSource.Cifar100, "x/cifar-100-binary.tar.gz", null, "cifar100")]
    [InlineData(DataSource.Synthetic, null, null, "synthetic")]
    [InlineData(DataSource.Archive, "x/pets.v2.tar.gz", null, "pets.v2")]
    [InlineData(DataSource.Archive, "pets.TGZ", null, "pets")]
    [InlineData(DataSource.Archive, "pets.zip", null, "pets")]
    [InlineData(DataSource.Archive, ".zip", null, "archive")]
    [InlineData(DataSource.Folder, "x/pets.v2/", null, "pets.v2")]
    [InlineData(DataSource.Folder, "/", null, "folder")]
    [InlineData(DataSource.Folder, "x/pets", "mine", "mine")]
    public void A_set_is_named_after_its_source(DataSource source, string? path, string? name, string expected) =>
        Assert.Equal(expected, Preparer.DatasetName(new PrepareOptions { Source = source, Path = path, Name = name }));

    private Dataset Prepare(Func<PrepareOptions, PrepareOptions>? change = null)
    {
        var options = new PrepareOptions { Source = DataSource.Folder, Path = Images };
        return Preparer.Prepare(change?.Invoke(options) ?? options, Final, _root.File("data"), 1, _progress, default);
    }

    private void WriteImages(params (string Path, int Seed)[] images)
    {
        foreach (var (path, seed) in images)
        {
            _root.Write("images/" + path, TestImages.Png(seed));
        }
    }

    private static Dictionary<string, Split> Sides(Dataset dataset)
    {
        using var train = dataset.OpenSplit(Split.Train);
        using var test = dataset.OpenSplit(Split.Test);
        return train.ReadPaths().Select(p => (p, Split.Train)).Concat(test.ReadPaths().Select(p => (p, Split.Test))).ToDictionary();
    }
}
