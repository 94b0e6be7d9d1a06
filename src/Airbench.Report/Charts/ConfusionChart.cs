using System.Text;
using System.Xml.Linq;
using static Airbench.Report.Html;

namespace Airbench.Report;

/// <summary>A confusion matrix: numbers where they can be read, shades where they cannot; of very many classes neighbours share a cell.</summary>
internal static class ConfusionChart
{
    /// <summary>Classes up to which every cell has its number.</summary>
    private const int MostNumbers = 20;

    /// <summary>Classes up to which each has a row and a column of its own; more are taken together in <see cref="MostBlocks"/> blocks or fewer.</summary>
    private const int MostShades = 200;

    private const int MostBlocks = 100;
    private const int LabelLength = 11;
    private const int Shades = 9;

    /// <returns>Null where there is no class.</returns>
    public static XElement? Draw(ConfusionCounts confusion)
    {
        var count = confusion.Classes.Count;
        if (count == 0)
        {
            return null;
        }
        var block = count <= MostShades ? 1 : (count + MostBlocks - 1) / MostBlocks;
        var inside = confusion.Cells.Where(cell => IsInside(cell, block)).Sum(cell => cell.Count);
        return Tag("figure", Set("class", "square"),
            Tag("figcaption", Tag("b", "Confusion matrix"), " ", Classed("span", "muted", "rows: true class; columns: predicted; shade: share of the row",
                block == 1 ? null : $"; a cell is a block of {block} x {block} of {Format.Count(count)} classes, {Format.Count(inside)} mistakes between classes of one block are not drawn, confusion.csv has all")),
            count <= MostNumbers ? Numbers(confusion) : Heat(Blocks(confusion, block), [.. confusion.Support().Chunk(block).Select(images => images.Sum())]));
    }

    /// <summary>The matrix of blocks; their names are of no use. Of those on the diagonal the correct answers alone.</summary>
    private static ConfusionCounts Blocks(ConfusionCounts confusion, int block) => new(
        [.. confusion.Classes.Chunk(block).Select(names => names[0])],
        [
            .. confusion.Cells.Where(cell => !IsInside(cell, block)).GroupBy(cell => (Actual: cell.Actual / block, Predicted: cell.Predicted / block))
                .Select(group => new ConfusionCell(group.Key.Actual, group.Key.Predicted, group.Sum(cell => cell.Count))),
        ]);

    private static bool IsInside(ConfusionCell cell, int block) => cell.Actual != cell.Predicted && cell.Actual / block == cell.Predicted / block;

    private static XElement Numbers(ConfusionCounts confusion)
    {
        const double Left = 112, Right = 40, Top = 92, Size = 492;   // Right: for the last column's name, which is turned
        var names = confusion.Classes;
        var cell = (Size - Left - Right) / names.Count;
        var font = Math.Clamp(cell * 0.36, 6.5, 12);
        var support = confusion.Support();
        return Plot.Svg(Size, Top + (cell * names.Count) + 2, "Confusion matrix",
            names.Select((name, i) => Label(name, Left - 6, Top + ((i + 0.5) * cell) + 4, "end")),
            names.Select((name, i) =>
            {
                var (x, y) = (Left + ((i + 0.5) * cell) + 3, Top - 6.0);
                var label = Label(name, x, y, "start");
                label.Add(Set("transform", $"rotate(-55 {Format.Plain(x)} {Format.Plain(y)})"));
                return label;
            }),
            Plot.Rectangle(Left, Top, cell * names.Count, cell * names.Count, "field"),
            confusion.Cells.Select(entry =>
            {
                var share = (double)entry.Count / support[entry.Actual];
                var (x, y) = (Left + (entry.Predicted * cell), Top + (entry.Actual * cell));
                var tip = $"{names[entry.Actual]} predicted as {names[entry.Predicted]}: {Format.Count(entry.Count)} of {Format.Count(support[entry.Actual])} ({Format.Percent(share, 1)})";
                return Tag("g",
                    Plot.Rectangle(x + 0.5, y + 0.5, cell - 1, cell - 1, $"cell {Kind(entry)}", Set("fill-opacity", Opacity(share)), Tag("title", tip)),
                    Tag("text", Set("x", x + (cell / 2)), Set("y", y + (cell / 2) + (font * 0.36)), Set("text-anchor", "middle"), Set("font-size", Fit(entry.Count)),
                        Set("class", share > 0.5 ? "count strong" : "count"), $"{entry.Count}"));
            }));

        // A large count must not touch its neighbours: a digit is 0.6 of its height wide.
        double Fit(int number) => Math.Min(font, (cell - 3) / (0.6 * $"{number}".Length));
    }

    /// <summary>One path for each shade, so that tens of thousands of cells stay a small page.</summary>
    private static XElement Heat(ConfusionCounts confusion, int[] support)
    {
        var count = confusion.Classes.Count;
        var paths = new Dictionary<(string Kind, int Shade), StringBuilder>();
        foreach (var entry in confusion.Cells)
        {
            var key = (Kind(entry), (int)Math.Ceiling((double)entry.Count / support[entry.Actual] * Shades));
            if (!paths.TryGetValue(key, out var path))
            {
                paths[key] = path = new StringBuilder();
            }
            path.Append('M').Append(entry.Predicted).Append(' ').Append(entry.Actual).Append("h1v1h-1z");
        }
        return Plot.Svg(count, count, "Confusion matrix",
            Plot.Rectangle(0, 0, count, count, "field"),
            paths.OrderBy(path => path.Key).Select(path => Tag("path",
                Set("d", path.Value.ToString()), Set("class", $"cell {path.Key.Kind}"), Set("fill-opacity", Opacity((double)path.Key.Shade / Shades)))));
    }

    private static XElement Label(string name, double x, double y, string anchor)
    {
        var shown = ShortText.Fit(name, LabelLength);
        var text = Plot.Text(x, y, shown, anchor);
        if (shown != name)
        {
            text.Add(Tag("title", name));
        }
        return text;
    }

    private static string Kind(ConfusionCell entry) => entry.Actual == entry.Predicted ? "correct" : "wrong";

    /// <summary>A single mistake has to be seen beside a thousand correct answers: shades begin well above nothing.</summary>
    private static double Opacity(double share) => Math.Round(0.12 + (0.88 * Math.Sqrt(Math.Min(1, share))), 2);
}
