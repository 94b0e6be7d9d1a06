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

        FeatureCache.Use(backbone, Width, cache =>
        {
            Assert.False(cache.TryGet(red, new float[Width]));
            cache.Add(red, [1, 2, 3]);
            return 0;
        });

        FeatureCache.Use(backbone, Width, cache =>
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

        Assert.Throws<OperationCanceledException>(() => FeatureCache.Use<int>(backbone, Width, cache =>
        {
            cache.Add(key, [4, 5, 6]);
            throw new OperationCanceledException();
        }));

        Assert.True(FeatureCache.Use(backbone, Width, cache => cache.TryGet(key, new float[Width])));
    }

    [Theory]
    [InlineData("no tensors")]
    [InlineData("")]
    public void A_damaged_file_or_one_of_another_width_counts_as_none(string content)
    {
        var (backbone, key) = (Name(), FeatureCache.KeyOf([7]));
        FeatureCache.Use(backbone, Width, cache =>
        {
            cache.Add(key, [1, 2, 3]);
            return 0;
        });
        Assert.False(FeatureCache.Use(backbone, Width + 1, cache => cache.TryGet(key, new float[Width + 1])));
        var file = Assert.Single(Directory.GetFiles(UserCache.Use(folder => folder), $"{backbone}*", SearchOption.AllDirectories));
        File.WriteAllText(file, content);

        Assert.False(FeatureCache.Use(backbone, Width, cache => cache.TryGet(key, new float[Width])));
    }

    private static string Name() => Guid.NewGuid().ToString("N");
}
