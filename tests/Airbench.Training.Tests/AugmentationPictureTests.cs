using Airbench.Data;

namespace Airbench.Tests;

/// <summary>The picture of augmented images that a training leaves.</summary>
public sealed class AugmentationPictureTests : IDisposable
{
    private const int Count = ShownImages.Count;
    private readonly ShownImages _images = new();

    public void Dispose() => _images.Dispose();

    [Fact]
    public void The_picture_shows_images_as_they_are_and_then_as_four_epochs_draw_them()
    {
        const int translate = 2, tile = 32 + AugmentationPicture.Gap;
        var recipe = Recipe.All["airbench94"] with { Flip = Flip.Alternating, Translate = translate, BatchSize = 20 };
        var side = (AugmentationPicture.Side * tile) - AugmentationPicture.Gap;
        var planes = Decode(Picture(recipe), side);
        for (var row = 0; row < AugmentationPicture.Side; row++)
        {
            var image = row * Count / AugmentationPicture.Side;
            Assert.Equal(_images.Pixels(image, 0, 0, false), Tile(0));
            var crops = Enumerable.Range(1, AugmentationPicture.Side - 1).Select(column => Drawn(Tile(column))).ToList();
            Assert.All(crops.Zip(crops.Skip(1)), pair => Assert.NotEqual(pair.First.Flipped, pair.Second.Flipped));
            Assert.True(crops.Distinct().Count() > 2, "hardly any crop differs");

            byte[] Tile(int column) => [.. from y in Enumerable.Range(row * tile, 32)
                                           from x in Enumerable.Range(column * tile, 32)
                                           from channel in Enumerable.Range(0, 3)
                                           select planes[(((channel * side) + y) * side) + x]];

            (int Top, int Left, bool Flipped) Drawn(byte[] shown) =>
                (from top in Enumerable.Range(-translate, (2 * translate) + 1)
                 from left in Enumerable.Range(-translate, (2 * translate) + 1)
                 from flipped in (bool[])[false, true]
                 where _images.Pixels(image, top, left, flipped).SequenceEqual(shown)
                 select (top, left, flipped)).First();
        }
        Assert.Equal(Picture(recipe), Picture(recipe));
        Assert.Null(Picture(recipe with { Flip = Flip.None, Translate = 0 }));
    }

    [Fact]
    public void The_picture_shows_holes_and_small_resolutions_and_stays_small()
    {
        using var large = new TinySet(train: 20, test: 4, imageSize: 100);
        var recipe = Recipe.All["airbench94"] with { Flip = Flip.None, Translate = 0, Cutout = 50, BatchSize = 20, Epochs = 4, Resolutions = [0.5, 1] };
        using var setup = TrainingSetup.Load(large.Dataset, TrainingPlan.For(recipe, 20), ComputeDevice.Resolve("cpu", Precision.Fp32));
        const int tile = AugmentationPicture.MostPixels + AugmentationPicture.Gap, side = (AugmentationPicture.Side * tile) - AugmentationPicture.Gap;
        var planes = Decode(AugmentationPicture.Draw(setup, seed: 1)!, side);
        var mean = large.Dataset.Manifest.Mean.Select(value => (byte)Math.Round(255 * value)).ToArray();
        for (var column = 0; column < AugmentationPicture.Side; column++)
        {
            var holes = (from y in Enumerable.Range(0, AugmentationPicture.MostPixels)
                         from x in Enumerable.Range(column * tile, AugmentationPicture.MostPixels)
                         select Enumerable.Range(0, 3).All(channel => planes[(((channel * side) + y) * side) + x] == mean[channel])).Count(isMean => isMean);
            // A hole of half the side covers a quarter; its edges are blended with what is beside them.
            Assert.InRange(holes, column == 0 ? 0 : 28 * 28, column == 0 ? 300 : 36 * 36);
        }
    }

    private byte[]? Picture(Recipe recipe)
    {
        using var setup = TrainingSetup.Load(_images.Set.Dataset, TrainingPlan.For(recipe, Count), ComputeDevice.Resolve("cpu", Precision.Fp32));
        return AugmentationPicture.Draw(setup, seed: 1);
    }

    private static byte[] Decode(byte[]? png, int size)
    {
        var planes = new byte[3 * size * size];
        using var decoder = new ImageDecoder();
        decoder.Decode(png, size, planes);
        return planes;
    }
}
