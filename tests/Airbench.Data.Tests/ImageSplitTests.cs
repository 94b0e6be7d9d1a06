namespace Airbench.Tests;

public sealed class ImageSplitTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_split_that_fits_its_manifest_opens()
    {
        using var split = Open([0, 1], "x.png\ny é.png\n");
        Assert.Equal(2, split.Count);
        Assert.Equal(2, split.ImageSize);
        Assert.Equal([0, 1], split.Labels);
        Assert.Equal(["x.png", "y é.png"], split.ReadPaths());
        Assert.Equal([12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23], split.Images(1, 1).ToArray());
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(2)]
    [InlineData(long.MaxValue)]
    public void A_label_without_a_class_is_refused(long label)
    {
        var error = Assert.Throws<InvalidFileException>(() => Open([0, label], "x\ny\n"));
        Assert.Contains($"label {label} of image 1 is outside 0 to 1", error.Message);
    }

    [Theory]
    [InlineData(3, 2)]
    [InlineData(1, 2)]
    [InlineData(-1, 2)]
    [InlineData(2, 3)]
    [InlineData(2, -1)]
    public void Counts_and_sizes_other_than_the_manifests_are_refused(int count, int size) =>
        Assert.Throws<InvalidFileException>(() => Open([0, 1], "x\ny\n", count, size));

    [Fact]
    public void A_missing_path_is_noticed()
    {
        using var split = Open([0, 1], "x\n");
        Assert.Contains("has 1 paths for 2 images", Assert.Throws<InvalidFileException>(() => split.ReadPaths()).Message);
    }

    [Fact]
    public void A_missing_or_damaged_manifest_is_refused()
    {
        Assert.Throws<InvalidFileException>(() => Dataset.Open(_folder.File("nowhere")));
        _folder.Write("bad/dataset.json", "{\"name\": 1"u8);
        Assert.Throws<InvalidFileException>(() => Dataset.Open(_folder.File("bad")));
        _folder.Write("lacking/dataset.json", "{\"name\": \"x\"}"u8);
        Assert.Throws<InvalidFileException>(() => Dataset.Open(_folder.File("lacking")));
    }

    /// <summary>The pixels stay in the mapped file: this is what lets a set of any size open in milliseconds.</summary>
    [Fact]
    public void Opening_a_set_reads_no_pixels()
    {
        const int size = 1024;
        Open([0, 1], "x\ny\n").Dispose();   // what is compiled and cached once does not count
        var pixels = new byte[2 * 3 * size * size];
        var set = Write([0, 1], "x\ny\n", size: size, pixels: pixels);
        var before = GC.GetAllocatedBytesForCurrentThread();
        using var split = set.OpenSplit(Split.Train);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, pixels.Length / 100);
        Assert.Equal(3 * size * size, split.Images(1, 1).Length);
    }

    private ImageSplit Open(long[] labels, string paths, int count = 2, int size = 2) => Write(labels, paths, count, size).OpenSplit(Split.Train);

    private Dataset Write(long[] labels, string paths, int count = 2, int size = 2, byte[]? pixels = null)
    {
        var stored = pixels is null ? 2 : size;
        File.Delete(_folder.File("train.safetensors"));
        using (var writer = new TensorFileWriter(_folder.File("train.safetensors")))
        {
            writer.Begin("images", TensorType.U8, 3, stored, stored);
            writer.Append<byte>(pixels ?? [.. Enumerable.Range(0, 24).Select(i => (byte)i)]);
            writer.Begin("labels", TensorType.I64);
            writer.Append<long>(labels);
            writer.Begin("paths", TensorType.U8);
            writer.Append<byte>(System.Text.Encoding.UTF8.GetBytes(paths));
            writer.Finish();
        }
        var manifest = new DatasetManifest
        {
            Name = "t",
            Source = "folder",
            Classes = ["a", "b"],
            ImageSize = size,
            Mean = [0, 0, 0],
            Std = [1, 1, 1],
            TrainCount = count,
            TestCount = 0,
            DuplicatesAcrossSplits = 0,
            TrainSha256 = "",
            TestSha256 = "",
            ProductVersion = "",
        };
        return new Dataset(_folder.Path, manifest);
    }
}
