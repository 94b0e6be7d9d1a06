namespace Airbench;

/// <summary>
/// Test-time augmentation (recipes.md): the logits of several views of an image, averaged with weights. Views are made on
/// uint8 pixels; as they only move pixels, that is the same as after normalization.
/// </summary>
public static class TestTimeAugmentation
{
    /// <summary>
    /// The views of <paramref name="tta"/>, for <see cref="Tta.Adaptive"/> those of a low-confidence image; the first is the unaugmented image,
    /// the weights are powers of two that sum to 1.
    /// </summary>
    public static IReadOnlyList<View> Views(Tta tta) => tta switch
    {
        Tta.None => [new(0, false, 1)],
        Tta.Mirror => [new(0, false, 0.5f), new(0, true, 0.5f)],
        Tta.MirrorTranslate or Tta.Adaptive =>
        [
            new(0, false, 0.25f), new(0, true, 0.25f),
            new(-1, false, 0.125f), new(-1, true, 0.125f),
            new(1, false, 0.125f), new(1, true, 0.125f),
        ],
        _ => throw new ArgumentOutOfRangeException(nameof(tta), tta, "not a test-time augmentation"),
    };

    /// <summary>Row, or column, of the image that the view shows at <paramref name="place"/>; of rows with <see cref="View.Mirror"/> false.</summary>
    public static int Source(View view, int place, int size) => Reflect((view.Mirror ? size - 1 - place : place) + view.Shift, size);

    /// <summary>Draws the view of every plane in <paramref name="planes"/> (any number of them, each size x size).</summary>
    public static void Draw(View view, ReadOnlySpan<byte> planes, int size, Span<byte> output)
    {
        for (var row = 0; row * size < planes.Length; row++)
        {
            var (plane, y) = (row / size, row % size);
            var source = planes.Slice(((plane * size) + Reflect(y + view.Shift, size)) * size, size);
            var target = output.Slice(row * size, size);
            switch (view.Shift)
            {
                case -1:
                    source[..^1].CopyTo(target[1..]);
                    target[0] = source[1];
                    break;
                case 1:
                    source[1..].CopyTo(target);
                    target[^1] = source[^2];
                    break;
                default:
                    source.CopyTo(target);
                    break;
            }
            if (view.Mirror)
            {
                target.Reverse();
            }
        }
    }

    /// <summary>Reflection without repeating the edge: -1 is 1, size is size - 2.</summary>
    private static int Reflect(int i, int size) => i < 0 ? -i : i >= size ? (2 * (size - 1)) - i : i;
}
