using Microsoft.ML.OnnxRuntime;

namespace Airbench.Onnx;

/// <summary>
/// Proves that an imported graph is the model that it was made from: three different images at once give what the original gives for each of them.
/// </summary>
internal static class ImportParity
{
    private const int Images = 3;

    /// <summary>Bound of the difference, relative to the length of the answers, for a model whose arithmetic is the same but for the order of sums.</summary>
    public const double Tolerance = 1e-5;

    /// <summary>For a model of half precision: the original rounds every value to 8 or 11 bits, the import does not.</summary>
    public const double HalfTolerance = 2e-2;

    /// <summary>Drawn pixels [3,3,S,S]: noise, stripes and a slope, darker from image to image. One that is all noise would look like any other to a network.</summary>
    public static byte[] Pixels(int size)
    {
        var random = new Random(1);
        var pixels = new byte[Images * 3 * size * size];
        for (var i = 0; i < pixels.Length; i++)
        {
            var (x, y, channel, image) = (i % size, i / size % size, i / (size * size) % 3, i / (3 * size * size));
            var value = image switch { 0 => random.Next(256), 1 => (((x / (channel + 2)) + (y / 5)) % 2 * 180) + random.Next(40), _ => ((x + (y * channel)) * 255 / (3 * size)) + random.Next(20) };
            pixels[i] = (byte)Math.Min(255, value);
        }
        return pixels;
    }

    /// <summary>Compares, and says how far the two are apart.</summary>
    /// <param name="graph">The imported graph.</param>
    /// <param name="output">Its output.</param>
    /// <param name="value">What the original calls it.</param>
    /// <param name="original">The original.</param>
    /// <param name="tolerance">Largest relative difference, in the Euclidean norm.</param>
    /// <param name="cancel">Stops it between images.</param>
    /// <exception cref="InvalidFileException">They differ, or one of them does not run; the message names the node.</exception>
    public static double Check(OnnxGraph graph, string output, string value, OriginalModel original, double tolerance, CancellationToken cancel)
    {
        var (path, size) = (original.Path, original.Input.Size);
        var pixels = Pixels(size);
        var wanted = new List<float[]>();
        using (var run = original.Open(value))
        {
            for (var i = 0; i < Images; i++)
            {
                cancel.ThrowIfCancellationRequested();
                wanted.Add(run.Answer(pixels.AsSpan(i * pixels.Length / Images, pixels.Length / Images)));
            }
        }
        var expected = wanted.SelectMany(row => row).ToArray();
        if (!expected.All(float.IsFinite))
        {
            throw new InvalidFileException(path,
                $"gives numbers that are not finite as {value} for ordinary pixels; expected finite ones: look at its weights, and at how its pixels are scaled");
        }
        cancel.ThrowIfCancellationRequested();
        var values = Array.ConvertAll(pixels, value => (float)value);
        float[] found;
        using (var run = ModelRun.Of(path, graph.Model))
        using (var images = OrtValue.CreateTensorValueFromMemory(values, [Images, 3, size, size]))
        {
            found = run.Floats(InputWriter.Pixels, images, output).Values;
        }
        var difference = found.Length == expected.Length ? Difference(found, expected) : double.PositiveInfinity;
        return difference <= tolerance
            ? difference
            : throw new InvalidFileException(path, found.Length != expected.Length
                ? $"gives {found.Length:N0} numbers for {Images} images at once, and {expected.Length:N0} for one after the other; {BatchCulprit.Name(path, graph, values, size)}"
                : FormattableString.Invariant($"gives other numbers for {Images} images at once than for one after the other, by {difference:0.0e+0} relative; ") +
                    $"expected at most {tolerance:0e+0}; {BatchCulprit.Name(path, graph, values, size)}");
    }

    private static double Difference(float[] found, float[] expected)
    {
        var (squares, length) = (0.0, 0.0);
        for (var i = 0; i < found.Length; i++)
        {
            squares += Math.Pow((double)found[i] - expected[i], 2);
            length += Math.Pow(expected[i], 2);
        }
        return squares == 0 ? 0 : double.IsFinite(length) && length > 0 ? Math.Sqrt(squares / length) : double.PositiveInfinity;
    }
}
