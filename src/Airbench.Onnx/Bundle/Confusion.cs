using System.Globalization;
using System.Net;
using System.Text;
using System.Xml;

namespace Airbench.Onnx;

/// <summary>Answers by true class (rows) and predicted class (columns).</summary>
/// <param name="Counts">[K][K].</param>
/// <param name="Origin">Which images and views, for people.</param>
internal sealed record Confusion(IReadOnlyList<IReadOnlyList<int>> Counts, string Origin)
{
    /// <summary>Beyond this the picture has no numbers, and above twice of it no names: they could not be read.</summary>
    private const int MaxNumbered = 20;

    /// <summary>All answers.</summary>
    public int Total => Counts.Sum(row => row.Sum());

    /// <summary>The trainer's counts over the whole test split, or those of <paramref name="reference"/> where it left none.</summary>
    /// <exception cref="InvalidFileException">The counts do not fit the network or its score.</exception>
    public static Confusion Of(TrainedModel model, ReferenceImages reference)
    {
        var (path, score, k) = (model.File(TrainedModel.ConfusionName), model.Manifest.Fp32, model.Manifest.Classes.Count);
        if (!File.Exists(path))
        {
            var counts = Enumerable.Range(0, k).Select(_ => new int[k]).ToArray();
            for (var i = 0; i < reference.Count; i++)
            {
                var logits = reference.Logits.AsSpan(i * k, k).ToArray();
                counts[reference.Labels[i]][Array.IndexOf(logits, logits.Max())]++;
            }
            return new Confusion(counts, $"{reference.Count} test images, untouched");
        }
        int[][] read =
        [
            .. File.ReadLines(path).Skip(1).Select(line => line.Split(',').TakeLast(k).Select(
                n => int.TryParse(n, NumberStyles.None, CultureInfo.InvariantCulture, out var count) ? count : -1).ToArray()),
        ];
        var fits = read.Length == k && read.All(row => row.Length == k && row.All(n => n >= 0));
        if (!fits || read.Sum(row => row.Sum()) != score.Count || read.Index().Sum(row => row.Item[row.Index]) != score.CorrectTta)
        {
            throw new InvalidFileException(path,
                $"does not hold {k} x {k} counts of {score.Count} images, {score.CorrectTta} of them correct, as {TrainedModel.ManifestName} says");
        }
        return new Confusion(read, $"{score.Count} test images, {TtaName(score.Tta)}");
    }

    /// <summary>For people.</summary>
    public static string TtaName(Tta tta) => tta switch
    {
        Tta.None => "untouched",
        Tta.Mirror => "with their mirror images (TTA)",
        _ => "with mirrored and shifted views (TTA)",
    };

    /// <summary>The picture: shades of a row's share, counts, names.</summary>
    public string Svg(IReadOnlyList<string> classes)
    {
        var k = Counts.Count;
        var cell = k <= MaxNumbered ? 44 : Math.Max(4, 880 / k);
        var names = k <= 2 * MaxNumbered;
        var left = names ? 130 : 30;
        var top = names ? 130 : 60;
        var (width, height) = (left + (k * cell) + 20, top + (k * cell) + 20);
        var svg = new StringBuilder(FormattableString.Invariant(
            $"<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\" "));
        svg.Append("font-family=\"system-ui, sans-serif\" font-size=\"12\" role=\"img\">\n");
        svg.Append("<title>").Append(Escape($"Confusion of {Origin}: a row for each true class, a column for each answer")).Append("</title>\n");
        svg.Append("<rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n");
        svg.Append("<text x=\"8\" y=\"18\" fill=\"#59636e\">rows: true class, columns: answer</text>\n");
        for (var row = 0; row < k; row++)
        {
            var total = Counts[row].Sum();
            var y = top + (row * cell);
            if (names)
            {
                Text(left - 8, y + (cell / 2) + 4, "end", Short(classes[row]));
                svg.Append(FormattableString.Invariant(
                    $"<text transform=\"translate({left + (row * cell) + (cell / 2) + 4} {top - 8}) rotate(-60)\" fill=\"#1f2328\">"));
                svg.Append(Escape(Short(classes[row]))).Append("</text>\n");
            }
            for (var column = 0; column < k; column++)
            {
                var (count, x) = (Counts[row][column], left + (column * cell));
                var share = total == 0 ? 0.0 : (double)count / total;
                var color = row == column ? "#0969da" : "#cf222e";
                var shade = count == 0 ? 0 : 0.08 + (0.92 * Math.Sqrt(share));   // the root lifts the rare mistakes
                svg.Append(FormattableString.Invariant(
                    $"<rect x=\"{x}\" y=\"{y}\" width=\"{cell - 1}\" height=\"{cell - 1}\" fill=\"{(count == 0 ? "#f0f2f4" : color)}\" "));
                svg.Append(FormattableString.Invariant($"fill-opacity=\"{(count == 0 ? 1 : shade):0.00}\"/>\n"));
                if (k <= MaxNumbered && count > 0)
                {
                    Text(x + (cell / 2), y + (cell / 2) + 4, "middle", FormattableString.Invariant($"{count}"), shade > 0.6 ? "#ffffff" : "#1f2328");
                }
            }
        }
        return svg.Append("</svg>\n").ToString();

        void Text(int x, int y, string anchor, string text, string color = "#1f2328") => svg.Append(FormattableString.Invariant(
            $"<text x=\"{x}\" y=\"{y}\" text-anchor=\"{anchor}\" fill=\"{color}\">{Escape(text)}</text>\n"));
    }

    private static string Short(string name) => name.Length <= 16 ? name : name[..15] + "…";

    /// <summary>Some characters have no place in XML 1.0, escaped or not; of surrogates the encoder takes care.</summary>
    private static string Escape(string text) => WebUtility.HtmlEncode(string.Concat(text.Select(
        c => char.IsControl(c) || !(XmlConvert.IsXmlChar(c) || char.IsSurrogate(c)) ? ' ' : c)));
}
