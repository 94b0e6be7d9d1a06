using System.Globalization;

namespace Airbench.Tests;

/// <summary>The sample images of a bundle, and what its sample programs print about them.</summary>
internal static class Samples
{
    private const int Count = 4;

    public static string[] Images(OnnxBundle bundle) => [.. Enumerable.Range(0, Count).Select(i => bundle.File($"samples/images/{i}.png"))];

    /// <summary>For every image its path, then its classes, best first, as "  0.1234  name".</summary>
    /// <param name="bundle">Where the images are.</param>
    /// <param name="output">What a sample printed.</param>
    /// <param name="probabilities">Of the images, [n,K].</param>
    public static void ShowAnswers(OnnxBundle bundle, string output, float[] probabilities)
    {
        var lines = output.ReplaceLineEndings("\n").Split('\n');
        var expected = probabilities.Chunk(bundle.Manifest.Classes.Count).ToList();
        foreach (var (i, path) in Images(bundle).Index())
        {
            var at = Array.IndexOf(lines, path);
            Assert.True(at >= 0, output);
            foreach (var (line, (k, p)) in lines.Skip(at + 1).Zip(expected[i].Index().OrderByDescending(x => x.Item)).Take(3))
            {
                var words = line.Trim().Split("  ");
                Assert.Equal(bundle.Manifest.Classes[k], words[1]);
                Assert.Equal(p, double.Parse(words[0], CultureInfo.InvariantCulture), 1e-3);
            }
        }
    }
}
