using Airbench.Data;

namespace Airbench.Tests;

/// <summary>Files that cannot be read or are left out, and when they fail the stage.</summary>
public sealed class BrokenImagesTests : IDisposable
{
    private readonly PreparingPlace _place = new();

    public void Dispose() => _place.Dispose();

    [Fact]
    public void A_broken_image_fails_the_stage_by_default_and_leaves_the_earlier_set()
    {
        _place.WriteImages(("train/a/1.png", 1), ("train/b/2.png", 2), ("test/a/3.png", 3), ("test/b/4.png", 4));
        var earlier = _place.Prepare().Manifest.Sha256;
        for (var i = 0; i < 12; i++)
        {
            _place.Root.Write($"images/train/a/bad{i:D2}.jpg", [1, 2, 3]);
        }

        var error = Assert.Throws<DataException>(() => _place.Prepare());

        Assert.StartsWith("12 of 16 images are broken", error.Message);
        Assert.Contains("max_bad_fraction", error.Message);
        Assert.Contains("\n  train/a/bad09.jpg: is no image that is read (its first bytes are 010203;", error.Message);
        Assert.DoesNotContain("bad10", error.Message);
        Assert.Contains("and 2 more", error.Message);
        Assert.Equal(earlier, Dataset.Open(_place.Final).Manifest.Sha256);
        Assert.Equal([_place.Final], Directory.GetFileSystemEntries(_place.Root.File("data")));
    }

    [Fact]
    public void Broken_images_within_the_allowance_are_rows_of_the_table()
    {
        _place.WriteImages(("train/a/1.png", 1), ("train/b/2.png", 2), ("test/a/3.png", 3), ("test/b/4.png", 4));
        _place.Root.Write("images/train/a/half, \"cut\".png", TestImages.Png(9).AsSpan(0, 1000));
        _place.Root.Write("images/test/b/empty.jpg", []);
        var dataset = _place.Prepare(o => o with { MaxBadFraction = 0.34 });

        Assert.Equal((2, 2, 2), (dataset.Manifest.BadImages, dataset.Manifest.TrainCount, dataset.Manifest.TestCount));
        Assert.Equal(
            "path,error\ntest/b/empty.jpg,is empty\n\"train/a/half, \"\"cut\"\".png\",is a PNG file that ends too early\n",
            File.ReadAllText(dataset.File("prepare-errors.csv")));
        Assert.Contains(_place.Progress.Warnings, w => w.Contains("2 of 6 images are broken"));
    }

    [Fact]
    public void A_file_larger_than_any_image_is_a_broken_image()
    {
        _place.WriteImages(("train/a/1.png", 1), ("train/b/2.png", 2), ("test/a/3.png", 3), ("test/b/4.png", 4), ("train/b/huge.png", 5));
        using (var huge = new FileStream(_place.Root.File("images/train/b/huge.png"), FileMode.Open))
        {
            huge.SetLength(FileTree.MaxFileBytes + 1L);   // sparse
        }
        Assert.Throws<DataException>(() => _place.Prepare());
        var dataset = _place.Prepare(o => o with { MaxBadFraction = 0.2 });
        Assert.Equal(
            "path,error\ntrain/b/huge.png,\"is larger than 134,217,728 bytes, more than an image needs\"\n", File.ReadAllText(dataset.File("prepare-errors.csv")));
    }

    [Fact]
    public void A_file_that_cannot_be_read_is_a_broken_image()
    {
        _place.WriteImages(("train/a/1.png", 1), ("train/b/2.png", 2), ("test/a/3.png", 3), ("test/b/4.png", 4), ("train/b/locked.png", 5));
        using (new FileStream(_place.Root.File("images/train/b/locked.png"), FileMode.Open, FileAccess.ReadWrite, FileShare.None))
        {
            var dataset = _place.Prepare(o => o with { MaxBadFraction = 0.5 });
            Assert.Equal(1, dataset.Manifest.BadImages);
            Assert.Matches("\ntrain/b/locked.png,\"?cannot be read", File.ReadAllText(dataset.File("prepare-errors.csv")));
        }
    }

    [Fact]
    public void A_class_whose_training_images_are_all_broken_is_an_error()
    {
        _place.WriteImages(("train/a/1.png", 1), ("test/a/3.png", 3), ("test/b/4.png", 4));
        _place.Root.Write("images/train/b/2.png", [0]);
        var error = Assert.Throws<DataException>(() => _place.Prepare(o => o with { MaxBadFraction = 1 }));
        Assert.Contains("class 'b' has no readable training image", error.Message);
    }

    [Fact]
    public void What_is_left_out_is_kept_in_the_manifest_and_warned_of()
    {
        _place.WriteImages(("train/a/1.png", 1), ("train/b/2.png", 2), ("test/a/3.png", 3), ("test/b/4.png", 4), ("val/a/5.png", 5), ("train/.net/6.png", 6));
        _place.Root.Write("images/train/a/7.heic", [1]);
        _place.Root.Write("images/README.md", [1]);
        NamedPipes.Make(_place.Root.File("images/train/a/pipe.png"));
        var dataset = _place.Prepare();
        Assert.Equal(
            [(".heic", 1L), ("hidden folder .net", 1L), ("in val/", 1L), ("named pipe", 1L), ("other files", 1L)],
            Dataset.Open(dataset.Folder).Manifest.LeftOut!.Select(count => (count.Key, count.Value)));
        Assert.Equal(4, _place.Progress.Warnings.Count);
    }

    [Fact]
    public void Other_files_are_counted_and_hidden_ones_not_mentioned()
    {
        _place.WriteImages(("train/a/1.png", 1), ("train/b/2.png", 2), ("test/a/3.png", 3), ("test/b/4.png", 4));
        _place.Root.Write("images/README.md", "x"u8);
        _place.Root.Write("images/train/a/notes.txt", "x"u8);
        _place.Root.Write("images/train/a/.DS_Store", "x"u8);
        Assert.Equal(2, _place.Prepare().Manifest.TrainCount);
        Assert.Contains(_place.Progress.Infos, i => i.EndsWith("2 files left out, being no image, for example README.md", StringComparison.Ordinal));
    }
}
