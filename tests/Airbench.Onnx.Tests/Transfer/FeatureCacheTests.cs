using Airbench.Onnx;

namespace Airbench.Tests;

/// <summary>Features that were computed before are found by the pixels that they are of.</summary>
public sealed class FeatureCacheTests
{
    private const int Width = 3;

    [Fact]
    public void What_was_added_is_found_by_its_pixels_in_the_next_use()
    {
        var backbone = Name();
        var (red, blue) = (FeatureCache.KeyOf([255, 0, 0]), FeatureCache.KeyOf([0, 0, 255]));

        FeatureCache.Use(backbone, Width, IProgress.Silent, cache =>
        {
            Assert.False(cache.TryGet(red, new float[Width]));
            cache.Add(red, [1, 2, 3]);
            return 0;
        });

        FeatureCache.Use(backbone, Width, IProgress.Silent, cache =>
        {
            var found = new float[Width];
            Assert.True(cache.TryGet(red, found));
            Assert.Equal([1, 2, 3], found);
            Assert.False(cache.TryGet(blue, found));
            return 0;
        });
    }

    [Fact]
    public void What_was_computed_before_a_stop_is_kept()
    {
        var (backbone, key) = (Name(), FeatureCache.KeyOf([1, 2, 3]));

        Assert.Throws<OperationCanceledException>(() => FeatureCache.Use<int>(backbone, Width, IProgress.Silent, cache =>
        {
            cache.Add(key, [4, 5, 6]);
            throw new OperationCanceledException();
        }));

        Assert.True(FeatureCache.Use(backbone, Width, IProgress.Silent, cache => cache.TryGet(key, new float[Width])));
    }

    [Theory]
    [InlineData("no tensors")]
    [InlineData("")]
    public void A_damaged_file_or_one_of_another_width_counts_as_none(string content)
    {
        var (backbone, key) = (Name(), FeatureCache.KeyOf([7]));
        FeatureCache.Use(backbone, Width, IProgress.Silent, cache =>
        {
            cache.Add(key, [1, 2, 3]);
            return 0;
        });
        Assert.False(FeatureCache.Use(backbone, Width + 1, IProgress.Silent, cache => cache.TryGet(key, new float[Width + 1])));
        var file = Assert.Single(Directory.GetFiles(UserCache.Use(folder => folder), $"{backbone}*", SearchOption.AllDirectories));
        File.WriteAllText(file, content);

        Assert.False(FeatureCache.Use(backbone, Width, IProgress.Silent, cache => cache.TryGet(key, new float[Width])));
    }

    [Fact]
    public void Of_a_file_whose_middle_was_lost_only_whole_rows_count()
    {
        var backbone = Name();
        var keys = Enumerable.Range(0, 3).Select(i => FeatureCache.KeyOf([(byte)i])).ToArray();
        FeatureCache.Use(backbone, Width, IProgress.Silent, cache =>
        {
            foreach (var (i, key) in keys.Index())
            {
                cache.Add(key, [i + 1, i + 1, i + 1]);
            }
            return 0;
        });
        var path = Assert.Single(Directory.GetFiles(UserCache.Use(folder => folder), $"{backbone}*", SearchOption.AllDirectories));
        var bytes = File.ReadAllBytes(path);
        Span<byte> second = [.. BitConverter.GetBytes(2f), .. BitConverter.GetBytes(2f), .. BitConverter.GetBytes(2f)];
        bytes.AsSpan(bytes.AsSpan().IndexOf(second), second.Length).Clear();
        File.WriteAllBytes(path, bytes);

        var found = FeatureCache.Use(backbone, Width, IProgress.Silent, cache => keys.Select(key => cache.TryGet(key, new float[Width])).ToArray());

        Assert.Equal([true, false, true], found);
    }

    [Fact]
    public void A_file_that_cannot_be_written_is_a_warning_and_leaves_nothing()
    {
        var (backbone, progress) = (Name(), new RecordedProgress());
        var file = Path.Combine(UserCache.Use(folder => folder), "features", $"{backbone}.safetensors");
        Directory.CreateDirectory(file);   // in the place of the file

        Assert.Equal(7, FeatureCache.Use(backbone, Width, progress, cache =>
        {
            cache.Add(FeatureCache.KeyOf([1]), [1, 2, 3]);
            return 7;
        }));

        Assert.StartsWith("the features are not kept for the next training: ", Assert.Single(progress.Warnings), StringComparison.Ordinal);
        Assert.Equal([file], Directory.GetFileSystemEntries(Path.GetDirectoryName(file)!, $"{backbone}*"));
        Directory.Delete(file);
    }

    private static string Name() => Guid.NewGuid().ToString("N");
}
