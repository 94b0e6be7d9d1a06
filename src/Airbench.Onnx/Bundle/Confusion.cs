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

    /// <summary>Up to this many classes have a row and a column each; more are taken together in <see cref="MaxBlocks"/> blocks or fewer.</summary>
    private const int MaxRows = 200;

    private const int MaxBlocks = 100;

    private const int LabelColumns = 16;

    /// <summary>Shades beyond the numbered pictures: cells of one shade are one path, so that a picture has at most 0.7 MB, mostly far less.</summary>
    private const int Shades = 16;

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

    /// <summary>
    /// The picture: shades of a row's share, with counts and names where they can be read. Above <see cref="MaxRows"/> classes, which could
    /// not be told apart, a cell is a block of neighbouring classes: whatever their number, the picture is bounded.
    /// </summary>
    public string Svg(IReadOnlyList<string> classes)
    {
        var k = Counts.Count;
        var block = k <= MaxRows ? 1 : (k + MaxBlocks - 1) / MaxBlocks;
        var rows = (k + block - 1) / block;
        var cell = k <= MaxNumbered ? 44 : Math.Max(4, 880 / rows);
        var names = k <= 2 * MaxNumbered;
        var left = names ? 130 : 30;
        var top = names ? 130 : 60;
        var (width, height) = (left + (rows * cell) + 20, top + (rows * cell) + 20);
        var svg = new StringBuilder(FormattableString.Invariant(
            $"<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\" "));
        svg.Append("font-family=\"system-ui, sans-serif\" font-size=\"12\" role=\"img\">\n");
        svg.Append("<title>").Append(Escape($"Confusion of {Origin}: a row for each true class, a column for each answer")).Append("</title>\n");
        svg.Append("<rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n");
        Text(8, 18, "start", "rows: true class, columns: answer", "#59636e");
        var (cells, inside) = Blocks(block);
        if (block > 1)
        {
            Text(8, 36, "start", FormattableString.Invariant(
                $"a cell: {block} x {block} of {k:N0} classes; {inside:N0} mistakes between classes of one block are not drawn"), "#59636e");
        }
        if (names)
        {
            for (var row = 0; row < k; row++)
            {
                Text(left - 8, top + (row * cell) + (cell / 2) + 4, "end", ShortText.Fit(classes[row], LabelColumns));
                svg.Append(FormattableString.Invariant(
                    $"<text transform=\"translate({left + (row * cell) + (cell / 2) + 4} {top - 8}) rotate(-60)\" fill=\"#1f2328\">"));
                svg.Append(Escape(ShortText.Fit(classes[row], LabelColumns))).Append("</text>\n");
            }
        }
        // Empty cells are one rectangle, the others a path for each shade.
        svg.Append(FormattableString.Invariant(
            $"<rect x=\"{left}\" y=\"{top}\" width=\"{(rows * cell) - 1}\" height=\"{(rows * cell) - 1}\" fill=\"#f0f2f4\"/>\n"));
        foreach (var same in cells.GroupBy(one => (IsRight: one.Row == one.Column, Shade: Shade(one.Share))).OrderBy(same => same.Key))
        {
            svg.Append("<path d=\"");
            foreach (var one in same)
            {
                svg.Append(FormattableString.Invariant($"M{left + (one.Column * cell)} {top + (one.Row * cell)}h{cell - 1}v{cell - 1}h-{cell - 1}z"));
            }
            svg.Append(FormattableString.Invariant(
                $"\" fill=\"{(same.Key.IsRight ? "#0969da" : "#cf222e")}\" fill-opacity=\"{same.Key.Shade:0.00}\"/>\n"));
        }
        if (k <= MaxNumbered)
        {
            foreach (var one in cells)
            {
                Text(left + (one.Column * cell) + (cell / 2), top + (one.Row * cell) + (cell / 2) + 4, "middle",
                    FormattableString.Invariant($"{one.Count}"), Shade(one.Share) > 0.6 ? "#ffffff" : "#1f2328");
            }
        }
        return svg.Append("</svg>\n").ToString();

        // The root lifts the rare mistakes; few shades make few paths.
        double Shade(double share) => Math.Round(0.08 + (0.92 * Math.Sqrt(k <= MaxNumbered ? share : Math.Ceiling(share * Shades) / Shades)), 2);

        void Text(int x, int y, string anchor, string text, string color = "#1f2328") => svg.Append(FormattableString.Invariant(
            $"<text x=\"{x}\" y=\"{y}\" text-anchor=\"{anchor}\" fill=\"{color}\">{Escape(text)}</text>\n"));
    }

    /// <summary>A part of the picture that is not empty.</summary>
    /// <param name="Share">Of the row's images.</param>
    private readonly record struct Cell(int Row, int Column, long Count, double Share);

    /// <summary>
    /// The cells of the picture, of <paramref name="block"/> classes a side; of those on the diagonal the correct answers alone, and how many
    /// mistakes that leaves out.
    /// </summary>
    private (List<Cell> Cells, long Inside) Blocks(int block)
    {
        var rows = (Counts.Count + block - 1) / block;
        var (cells, inside) = (new List<Cell>(), 0L);
        for (var row = 0; row < rows; row++)
        {
            var (sums, total) = (new long[rows], 0L);
            for (var actual = row * block; actual < Math.Min((row + 1) * block, Counts.Count); actual++)
            {
                for (var answer = 0; answer < Counts.Count; answer++)
                {
                    var (count, isInside) = (Counts[actual][answer], answer != actual && answer / block == row);
                    total += count;
                    inside += isInside ? count : 0;
                    sums[answer / block] += isInside ? 0 : count;
                }
            }
            cells.AddRange(sums.Index().Where(sum => sum.Item > 0).Select(sum => new Cell(row, sum.Index, sum.Item, (double)sum.Item / total)));
        }
        return (cells, inside);
    }

    /// <summary>Some characters have no place in XML 1.0, escaped or not; of surrogates the encoder takes care.</summary>
    private static string Escape(string text) => WebUtility.HtmlEncode(string.Concat(text.Select(
        c => char.IsControl(c) || !(XmlConvert.IsXmlChar(c) || char.IsSurrogate(c)) ? ' ' : c)));
}
