namespace Airbench.Data;

/// <summary>The images of a preparation that cannot be used, and how many there may be.</summary>
internal sealed class BrokenImages
{
    /// <summary>The table of them: path, error.</summary>
    public const string FileName = "prepare-errors.csv";

    private readonly List<(string Path, string Error)> _images = [];

    /// <summary>How many there are.</summary>
    public int Count => _images.Count;

    /// <summary>Takes note of one.</summary>
    public void Add(string path, string error) => _images.Add((path, error));

    /// <summary>Warns of them, or fails.</summary>
    /// <param name="total">All images of the source.</param>
    /// <param name="maxFraction">Share of them, 0 to 1, that may be broken.</param>
    /// <param name="progress">Where to warn.</param>
    /// <exception cref="DataException">There are more; the message names the first.</exception>
    public void Check(int total, double maxFraction, IProgress progress)
    {
        if (Count == 0)
        {
            return;
        }
        var count = $"{Counted.Are(Count, total, "image")} broken";
        if ((double)Count / total > maxFraction)
        {
            var list = _images.Take(10).Select(b => $"  {b.Path}: {b.Error}").Concat(Count > 10 ? [$"  and {Count - 10} more"] : []);
            var bound = FormattableString.Invariant($"expected a share of at most {maxFraction}");
            throw new DataException($"{count}; {bound}. Fix or remove them, or raise max_bad_fraction to leave them out:", list);
        }
        progress.Warn($"{count} and left out; {(Count == 1 ? "it is" : "they are")} listed in {FileName}");
    }

    /// <summary>Writes the table, with its header alone where all images are good.</summary>
    public void Write(string path) => Csv.Write(path, ["path", "error"], _images.Select(image => (object?[])[image.Path, image.Error]));
}
