using System.Security.Cryptography;
using Airbench.Data;
using CsCheck;

namespace Airbench.Tests;

/// <summary>What preparing writes: pixels, labels, paths, splits and hashes, whole or not at all.</summary>
public sealed class PreparerTests : IDisposable
{
    private readonly PreparingPlace _place = new();

    public void Dispose() => _place.Dispose();

    [Fact]
    public void A_folder_becomes_a_set_with_every_pixel_label_and_path()
    {
        _place.WriteImages(("train/cat/1.png", 1), ("train/dog/2.png", 2), ("test/cat/3.png", 3), ("test/dog/4.png", 4), ("train/dog/5.PNG", 5));
        var dataset = _place.Prepare();

        Assert.Equal(Json.Write(dataset.Manifest), Json.Write(Dataset.Open(_place.Final).Manifest));
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
        Assert.Empty(_place.Progress.Warnings);
        Assert.All(_place.Progress.Tasks, t => Assert.True(t.Ended && t.Last == t.Total));
    }

    [Fact]
    public void Mean_and_deviation_are_those_of_the_training_pixels()
    {
        _place.WriteImages(("train/a/1.png", 1), ("train/b/2.png", 2), ("test/a/3.png", 3), ("test/b/4.png", 4));
        var manifest = _place.Prepare().Manifest;
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
            _place.Root.Write("images/" + name, TestImages.Png(new byte[3072]));
        }
        var manifest = _place.Prepare().Manifest;
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
            _place.Root.Write($"images/{(i % 2 == 0 ? "a" : "b")}/{i}.jpg", file);
        }
        Assert.Equal(_place.Prepare().Manifest.Sha256, _place.Prepare().Manifest.Sha256);
        Assert.Equal(1500, _place.Prepare().Manifest.TrainCount + _place.Prepare().Manifest.TestCount);
    }

    [Fact]
    public void Duplicates_across_the_splits_are_counted_by_their_pixels()
    {
        _place.WriteImages(("train/a/1.png", 1), ("train/a/1b.png", 1), ("train/b/2.png", 2), ("test/a/3.png", 3), ("test/b/1.png", 1));
        // The same pixels as image 2 in another file.
        _place.Root.Write("images/test/b/2.png", TestImages.Png(TestImages.PngColour.Rgba, 8, 32, 32, Rows(TestImages.Planar(2))));
        var dataset = _place.Prepare();
        Assert.Equal(2, dataset.Manifest.DuplicatesAcrossSplits);
        Assert.Contains(
            _place.Progress.Warnings, w => w.StartsWith("2 of 3 test images also occur in the training split", StringComparison.Ordinal));

        static byte[][] Rows(byte[] planar) =>
            [.. Enumerable.Range(0, 32).Select(y => Enumerable.Range(0, 32).SelectMany(x => Pixel(planar, (32 * y) + x)).ToArray())];

        static byte[] Pixel(byte[] planar, int at) => [planar[at], planar[1024 + at], planar[2048 + at], (byte)at];
    }

    [Fact]
    public void Without_a_test_folder_the_content_decides_and_stays_decided()
    {
        var files = Enumerable.Range(0, 60).Select(i => ($"{(i % 2 == 0 ? "a" : "b")}/{i:D2}.png", i)).ToArray();
        _place.WriteImages(files);
        var before = Sides(_place.Prepare(o => o with { TestFraction = 0.3 }));
        foreach (var (path, seed) in files)
        {
            var hash = SHA256.HashData(TestImages.Png(seed));
            var fraction = ((hash[0] * 256.0) + hash[1]) / 65536;
            Assert.Equal(fraction < 0.3, before[path] == Split.Test);
        }
        _place.WriteImages([.. Enumerable.Range(60, 40).Select(i => ($"{(i % 3 == 0 ? "a" : "b")}/{i:D2}.png", i))]);
        var after = Sides(_place.Prepare(o => o with { TestFraction = 0.3 }));
        Assert.Equal(100, after.Count);
        Assert.All(before, b => Assert.Equal(b.Value, after[b.Key]));
    }

    [Fact]
    public void A_line_break_in_a_file_name_does_not_make_two_paths()
    {
        _place.WriteImages(("train/a/1\n2.png", 1), ("train/b/2.png", 2), ("test/a/3.png", 3), ("test/b/4.png", 4));
        using var train = _place.Prepare().OpenSplit(Split.Train);
        Assert.Equal(["train/a/1\uFFFD2.png", "train/b/2.png"], train.ReadPaths());
    }

    [Fact]
    public void A_path_that_occurs_twice_in_an_archive_is_refused()
    {
        var path = _place.Root.Write(
            "a.tar", Archives.Tar([("a/1.png", TestImages.Png(1)), ("./a/1.png", TestImages.Png(2)), ("b/1.png", TestImages.Png(3))]));
        var error = Assert.Throws<DataException>(() => _place.Prepare(o => o with { Source = DataSource.Archive, Path = path }));
        Assert.Contains("'a/1.png' occurs twice", error.Message);
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
            () => Preparer.Write(source, new PrepareOptions { Source = DataSource.Synthetic }, _place.Final, _place.Progress, cancel.Token));
        Assert.Empty(Directory.GetFileSystemEntries(_place.Root.File("data")));
    }

    [Fact]
    public void A_defect_on_a_decoding_thread_arrives_as_it_is()
    {
        DrawImage draw = (_, _, index, _) => index == 300 ? throw new DllNotFoundException("libX") : index % 2;
        var source = new DrawnImages(["a", "b"], draw, seed: 1, trainCount: 1000, testCount: 10);
        var options = new PrepareOptions { Source = DataSource.Synthetic };
        Assert.Equal("libX", Assert.Throws<DllNotFoundException>(() => Preparer.Write(source, options, _place.Final, _place.Progress, default)).Message);
        Assert.Empty(Directory.GetFileSystemEntries(_place.Root.File("data")));
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
        var dataset = Preparer.Write(source, new PrepareOptions { Source = DataSource.Synthetic }, _place.Final, _place.Progress, default);
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

    private static Dictionary<string, Split> Sides(Dataset dataset)
    {
        using var train = dataset.OpenSplit(Split.Train);
        using var test = dataset.OpenSplit(Split.Test);
        return train.ReadPaths().Select(p => (p, Split.Train)).Concat(test.ReadPaths().Select(p => (p, Split.Test))).ToDictionary();
    }
}
