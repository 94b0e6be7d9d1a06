using TorchSharp;
using static TorchSharp.torch;

namespace Airbench.Training;

/// <summary>
/// What augmentation does to training images, for people: a grid with a row for each of some images, first as it is, then as the first
/// epochs draw it, colours of the normalized pixels turned back.
/// </summary>
/// <remarks>
/// The draws are those of an <see cref="EpochSampler"/> of its own, with the run's seed and the recipe: the code that trained, but not its
/// random numbers, of which nothing is taken away.
/// </remarks>
internal static class AugmentationPicture
{
    /// <summary>Images, and pictures of each: the image itself and draws of it.</summary>
    public const int Side = 5;

    /// <summary>Most pixels of a picture's side; larger images are made smaller, so that the file has a few 100 kB at most.</summary>
    public const int MostPixels = 64;

    /// <summary>White pixels between two pictures.</summary>
    public const int Gap = 2;

    /// <summary>Whether the recipe changes images at all.</summary>
    public static bool Changes(Recipe recipe) =>
        recipe.Flip != Flip.None || recipe.Translate > 0 || recipe.Cutout > 0 || recipe.ColorJitter is not null || recipe.Resolutions is { Count: > 0 };

    /// <summary>A square PNG of <see cref="Side"/> rows and columns; null where the recipe changes nothing.</summary>
    /// <param name="setup">Recipe and training images.</param>
    /// <param name="seed">Of the draws.</param>
    public static byte[]? Draw(TrainingSetup setup, int seed)
    {
        var (recipe, images) = (setup.Recipe, setup.Train);
        if (!Changes(recipe))
        {
            return null;
        }
        using var scope = NewDisposeScope();
        using var noGradients = no_grad();
        using var generator = new Generator((ulong)seed, CPU);
        using var sampler = new EpochSampler(images, recipe, generator);
        // Spread over the split, which may be sorted by class.
        var rows = Math.Min(Side, images.Count);
        var index = tensor([.. Enumerable.Range(0, rows).Select(i => (long)i * images.Count / rows)], device: images.Labels.device);
        var columns = new List<Tensor> { images.Normalize(images.Crop(index, images.Padding, images.Padding), ScalarType.Float32) };
        for (var epoch = 0; epoch < Side - 1; epoch++)
        {
            sampler.Begin(epoch);
            columns.Add(sampler.Batch(0, images.Count, ScalarType.Float32, sampler.PositionsOf(index)).Images);
        }
        var tile = Math.Min(images.Size, MostPixels);
        var side = (Side * (tile + Gap)) - Gap;
        var canvas = zeros([3, side, side], ScalarType.Byte).bitwise_not();   // white
        foreach (var (column, drawn) in columns.Index())
        {
            var pixels = Pixels(drawn, setup.Spec, tile);   // (rows, 3, tile, tile)
            for (var row = 0; row < rows; row++)
            {
                canvas.narrow(1, row * (tile + Gap), tile).narrow(2, column * (tile + Gap), tile).copy_(pixels[row]);
            }
        }
        return Png.Encode(canvas.bytes, side);
    }

    /// <summary>uint8 (B, 3, size, size) of normalized images (B, 3, s, s): means of areas where they are larger, repeated pixels where they are smaller.</summary>
    private static Tensor Pixels(Tensor images, NetworkSpec spec, int size)
    {
        var (mean, std) = (PerChannel(spec.Mean), PerChannel(spec.Std));
        var pixels = (images.cpu().contiguous() * std).Plus(mean).Times(255.0).round().AtLeastZero();
        pixels = minimum(pixels, tensor(255f));
        pixels = pixels.shape[2] == size ? pixels
            : nn.functional.interpolate(pixels, [size, size], mode: pixels.shape[2] > size ? InterpolationMode.Area : InterpolationMode.Nearest).round();
        return pixels.to(ScalarType.Byte);

        static Tensor PerChannel(IReadOnlyList<double> values) => tensor([.. values.Select(value => (float)value)]).view(1, -1, 1, 1);
    }
}
