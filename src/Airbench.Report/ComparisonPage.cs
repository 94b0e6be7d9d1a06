using static Airbench.Report.Html;

namespace Airbench.Report;

/// <summary>Two runs side by side on one page: what was set differently, and what became of it.</summary>
public static class ComparisonPage
{
    /// <summary>Name of the file where none is given.</summary>
    public const string FileName = "comparison.html";

    /// <summary>Writes the page of the runs in two folders, whole or not at all, and returns <paramref name="path"/>.</summary>
    /// <exception cref="DataException">One is not the folder of a run.</exception>
    /// <exception cref="IOException">The file cannot be written.</exception>
    public static string Write(string first, string second, string path)
    {
        AtomicFolder.WriteFile(path, Render(first, second));
        return path;
    }

    /// <summary>The page of the runs in two folders; differences are second less first.</summary>
    /// <exception cref="DataException">One is not the folder of a run.</exception>
    public static string Render(string first, string second)
    {
        var (a, b) = (RunReader.Read(first), RunReader.Read(second));
        return Page.Write($"{a.Title} and {b.Title} – {Product.Name}",
            Tag("p", a.Synthetic || b.Synthetic ? Classed("span", "badge synthetic", "synthetic data") : null),
            Tag("h1", "Two runs side by side"),
            Comparison.Heads(a, b),
            Comparison.Accuracies(a, b),
            Comparison.Options(a, b),
            Comparison.Curves(a, b),
            Comparison.Times(a, b),
            Comparison.Environments(a, b));
    }
}
