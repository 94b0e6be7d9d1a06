using static Airbench.Data.FixedPoint;

namespace Airbench.Data;

/// <summary>
/// The synthetic data set: ten classes of drawn figures, of random area, place, rotation, stretch and colour, on a shaded
/// background with strokes across it and noise over it.
/// </summary>
/// <remarks>
/// What separates the classes is form alone. Figure and background take their colours from one distribution, so either may be
/// the brighter one, and all classes cover the same areas: mean colours, colour histograms and linear functions of the pixels tell
/// next to nothing. Every figure stays of its class when mirrored or moved by two pixels.
/// An image depends on nothing but (seed, split, index), and on no machine's floating point: any order, any thread and any
/// computer draw the same bytes.
/// </remarks>
public static class SyntheticImages
{
    /// <summary>Height and width, pixels.</summary>
    public const int Size = 32;

    /// <summary>Bytes of one image: three planes (red, green, blue) of <see cref="Size"/> x <see cref="Size"/>.</summary>
    public const int ImageBytes = 3 * Size * Size;

    // The difficulty of the set.
    internal const int SmallestArea = 45 * Pixel, LargestArea = 150 * Pixel;   // pixels, times 256
    internal const int LargestShift = 5 * Pixel;                                // of the centre, per axis
    private const int LeastContrast = 80;                                     // sum over channels between figure and background
    private const int MostStrokes = 5;
    private const int LargestNoise = 60;                                       // half width of the triangular noise
    private const int LargestShade = 64;                                       // from the middle of the image to its edge

    /// <summary>Class names in label order.</summary>
    public static IReadOnlyList<string> Classes { get; } = [.. FigureKind.All.Select(kind => kind.Name)];

    /// <summary>Class of the image <paramref name="index"/>: the classes take turns, so any ten images in a row hold one of each.</summary>
    public static int Label(int index) => index % FigureKind.All.Count;

    /// <summary>Draws one image.</summary>
    /// <param name="seed">Which data set.</param>
    /// <param name="split">Which side of it; the two share no image.</param>
    /// <param name="index">Which image, from 0.</param>
    /// <param name="planarRgb">Receives the pixels: uint8 [3, 32, 32].</param>
    /// <returns>Its label, an index into <see cref="Classes"/>.</returns>
    /// <exception cref="ArgumentException">The index is negative, or the span is not <see cref="ImageBytes"/> long.</exception>
    public static int Draw(int seed, Split split, int index, Span<byte> planarRgb)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(index);
        if (planarRgb.Length != ImageBytes)
        {
            throw new ArgumentException($"holds {planarRgb.Length} bytes; expected {ImageBytes}", nameof(planarRgb));
        }
        var random = new RandomStream(seed, (int)split, index);
        var label = Label(index);
        var (background, ink) = DrawColours(ref random);
        var figure = new Figure(FigureKind.All[label], ref random, SmallestArea, LargestArea, LargestShift);
        Span<Stroke> strokes = stackalloc Stroke[random.Between(0, MostStrokes)];
        foreach (ref var stroke in strokes)
        {
            stroke = new Stroke(ref random);
        }
        var light = Direction(ref random);
        var shade = random.Between(0, LargestShade);
        var noise = random.Between(0, LargestNoise);

        for (var row = 0; row < Size; row++)
        {
            for (var column = 0; column < Size; column++)
            {
                // From the middle of the image to the middle of the pixel.
                var (x, y) = ((column * Pixel) - ((Size - 1) * Pixel / 2), (row * Pixel) - ((Size - 1) * Pixel / 2));
                var colour = Colour.Blend(background, ink, Coverage(figure.Depth(x, y)));
                foreach (ref readonly var stroke in strokes)
                {
                    colour = Colour.Blend(colour, stroke.Colour, Coverage(stroke.Depth(x, y)));
                }
                var shift = Along(light, x, y) * shade / (Size / 2 * Pixel);
                var bits = random.Next();
                var pixel = (row * Size) + column;
                planarRgb[pixel] = Store(colour.Red + shift, noise, bits);
                planarRgb[(Size * Size) + pixel] = Store(colour.Green + shift, noise, bits >> 16);
                planarRgb[(2 * Size * Size) + pixel] = Store(colour.Blue + shift, noise, bits >> 32);
            }
        }
        return label;
    }

    /// <summary>Two colours that a viewer can tell apart; which of them is the brighter is a coin's toss.</summary>
    private static (Colour First, Colour Second) DrawColours(ref RandomStream random)
    {
        while (true)
        {
            var (first, second) = (Colour.Draw(ref random), Colour.Draw(ref random));
            if (first.Distance(second) >= LeastContrast)
            {
                return (first, second);
            }
        }
    }

    /// <summary>Share of a pixel that is inside an edge, in 1/256; the edge is taken to cross the pixel squarely.</summary>
    private static int Coverage(int depth) => Math.Clamp(depth + (Pixel / 2), 0, Pixel);

    /// <summary>Adds noise of a triangular distribution, the sum of two uniform bytes of <paramref name="bits"/>.</summary>
    private static byte Store(int value, int noise, ulong bits)
    {
        var triangular = (int)(bits & 255) + (int)((bits >> 8) & 255) - 255;
        return (byte)Math.Clamp(value + (triangular * noise / 255), 0, 255);
    }
}
