using Airbench.Data;

namespace Airbench.Tests;

/// <summary>Options of preparing: what they change, and what is said of those that make no sense.</summary>
public sealed class PrepareOptionsTests : IDisposable
{
    private readonly PreparingPlace _place = new();

    public void Dispose() => _place.Dispose();

    [Fact]
    public void How_images_become_square_is_an_option_and_recorded()
    {
        _place.WriteImages(("train/a/1.png", 1), ("train/b/2.png", 2), ("test/a/3.png", 3));
        var white = new byte[3 * 64 * 32];
        Array.Fill(white, (byte)255);
        _place.Root.Write("images/test/b/wide.png", TestImages.Png(white, 64, 32));
        foreach (var (fit, lit) in new[] { (Fit.Crop, 32 * 32), (Fit.Pad, 32 * 16), (Fit.Stretch, 32 * 32) })
        {
            var manifest = _place.Prepare(o => o with { Fit = fit }).Manifest;
            Assert.Equal(fit, manifest.Fit);
            using var test = Dataset.Open(_place.Final).OpenSplit(Split.Test);
            Assert.Equal(3 * lit, test.Images(Array.FindIndex([.. test.Paths()], path => path.EndsWith("wide.png", StringComparison.Ordinal)), 1).ToArray().Count(p => p == 255));
        }
        var file = Path.Combine(_place.Final, Dataset.ManifestName);
        Assert.Equal(Fit.Stretch, Dataset.Open(_place.Final).Manifest.Fit);
        File.WriteAllText(file, File.ReadAllText(file).Replace("  \"fit\": \"stretch\",\n", "", StringComparison.Ordinal));
        Assert.Equal(Fit.Crop, Dataset.Open(_place.Final).Manifest.Fit);   // as earlier versions had it
    }

    [Fact]
    public void Other_sizes_are_fitted_and_the_size_is_an_option()
    {
        _place.WriteImages(("train/a/1.png", 1), ("train/b/2.png", 2), ("test/a/3.png", 3));
        _place.Root.Write("images/test/b/wide.jpg", TestImages.Jpeg(TestImages.Smooth(90, 60), 90, 60));
        var dataset = _place.Prepare(o => o with { ImageSize = 48 });
        using var test = dataset.OpenSplit(Split.Test);
        Assert.Equal(48, test.ImageSize);
        Assert.Equal(2, test.Count);
    }

    [Fact]
    public void Classes_of_a_zip_get_the_names_that_its_encoding_gives()
    {
        byte[] Name(byte class_, string file) => [0x95, class_, .. System.Text.Encoding.ASCII.GetBytes(file)];   // 表 and 評
        var zip = _place.Root.Write("a.zip", Archives.ZipOfNames(Enumerable.Range(0, 8).Select(i => (Name(i % 2 == 0 ? (byte)0x5C : (byte)0x5D, $"/{i}.png"), TestImages.Png(i)))));
        Assert.Throws<DataException>(() => _place.Prepare(o => o with { Source = DataSource.Archive, Path = zip }));
        Assert.Equal(["表", "評"], _place.Prepare(o => o with { Source = DataSource.Archive, Path = zip, NameEncoding = "shift_jis" }).Manifest.Classes.Order(StringComparer.Ordinal));
        Assert.Contains(
            "name_encoding: found 'klingon'; expected an encoding, such as cp437, shift_jis, gb18030 or windows-1252",
            PrepareOptions.Check(new PrepareOptions { Source = DataSource.Synthetic, NameEncoding = "klingon" }));
    }

    [Theory]
    [InlineData(DataSource.Folder, "nowhere", "does not exist")]
    [InlineData(DataSource.Archive, "nowhere.zip", "does not exist")]
    [InlineData(DataSource.Folder, "file.zip", "is a file; source folder expects a directory. Use source: archive")]
    [InlineData(DataSource.Archive, "images", "is a directory; source archive expects")]
    public void A_path_that_is_not_what_the_source_expects_is_named(DataSource source, string path, string problem)
    {
        _place.Root.Write("file.zip", [1]);
        _place.Root.Write("images/a/1.png", [1]);
        var error = Assert.Throws<DataException>(() => _place.Prepare(o => o with { Source = source, Path = _place.Root.File(path) }));
        Assert.StartsWith(_place.Root.File(path), error.Message);
        Assert.Contains(problem, error.Message);
    }

    [Fact]
    public void A_folder_that_is_no_prepared_set_is_never_replaced()
    {
        _place.WriteImages(("train/a/1.png", 1), ("train/b/2.png", 2), ("test/a/3.png", 3), ("test/b/4.png", 4));
        var error = Assert.Throws<DataException>(() => Preparer.Prepare(
            new PrepareOptions { Source = DataSource.Folder, Path = _place.Images }, _place.Images, _place.Root.Path, 1, _place.Progress, default));
        Assert.Contains("is not a prepared set", error.Message);

        _place.Prepare();
        Directory.Move(_place.Images, Path.Combine(_place.Final, "images"));
        error = Assert.Throws<DataException>(() => _place.Prepare(o => o with { Path = Path.Combine(_place.Final, "images") }));
        Assert.Contains("which preparing would replace", error.Message);
        Assert.True(File.Exists(Path.Combine(_place.Final, "images/train/a/1.png")));
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
        Assert.Single(PrepareOptions.Check(new PrepareOptions { Source = DataSource.Synthetic, Fit = Fit.Pad }));
        Assert.Single(PrepareOptions.Check(new PrepareOptions { Source = DataSource.Synthetic, TestFraction = 0.3 }));
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
}
