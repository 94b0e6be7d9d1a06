namespace Airbench.Onnx;

/// <summary>Light augmentation of uint8 images: mirrored at random, shifted by some pixels with reflected borders.</summary>
/// <param name="size">Height and width S, pixels.</param>
/// <param name="flip">Whether images are mirrored, each with probability 1/2.</param>
/// <param name="translate">Largest shift each way, less than S.</param>
/// <param name="random">Decides; the same numbers give the same images.</param>
internal sealed class Augmenter(int size, bool flip, int translate, Random random)
{
    /// <summary>A view of <paramref name="image"/>, both [3,S,S].</summary>
    public void View(ReadOnlySpan<byte> image, Span<byte> view)
    {
        var isMirrored = flip && random.Next(2) == 1;
        var (down, right) = (random.Next(-translate, translate + 1), random.Next(-translate, translate + 1));
        for (var plane = 0; plane < 3; plane++)
        {
            for (var y = 0; y < size; y++)
            {
                var from = image.Slice(((plane * size) + Reflect(y + down)) * size, size);
                var to = view.Slice(((plane * size) + y) * size, size);
                for (var x = 0; x < size; x++)
                {
                    to[x] = from[Reflect((isMirrored ? size - 1 - x : x) + right)];
                }
            }
        }
    }

    /// <summary>-1 is 1 and S is S - 2: the border itself is not repeated, as in PyTorch's reflect padding.</summary>
    private int Reflect(int at) => at < 0 ? -at : at >= size ? (2 * size) - 2 - at : at;
}
