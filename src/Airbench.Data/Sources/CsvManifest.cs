namespace Airbench.Data;

/// <summary>
/// A CSV file with a header and one image a row: the column <c>path</c>, relative to the CSV file's folder or absolute, and the column
/// <c>label</c>, a class name. Other columns are left alone. What is wrong with one row is the error of that row.
/// </summary>
internal static class CsvManifest
{
    /// <summary>Column of the images.</summary>
    public const string PathColumn = "path";

    private const string LabelColumn = "label";

    /// <summary>The images of its rows and their classes.</summary>
    public static FileList Labelled(string path) => new(path, _ => Walk(path, labelled: true)) { IsDistinct = true };

    /// <summary>The images of its rows; a column of classes is left alone too.</summary>
    public static FileList Unlabelled(string path) => new(path, _ => Walk(path, labelled: false));

    private static IEnumerable<FileEntry> Walk(string path, bool labelled)
    {
        var folder = Path.GetDirectoryName(Path.GetFullPath(path))!;
        using var rows = Csv.ReadRagged(path).GetEnumerator();
        rows.MoveNext();
        var (file, label) = Columns(path, rows.Current, labelled);
        for (var row = 1L; rows.MoveNext(); row++)
        {
            yield return CsvRow.Of(folder, row, Field(rows.Current, file), labelled ? Field(rows.Current, label) : null);
        }
    }

    private static (int File, int Label) Columns(string path, string[] header, bool labelled)
    {
        string[] needed = labelled ? [PathColumn, LabelColumn] : [PathColumn];
        if (needed.FirstOrDefault(name => header.Count(column => column == name) > 1) is { } twice)
        {
            throw new InvalidFileException(path, $"has the column {twice} twice; expected it once, as its values may differ");
        }
        var (file, label) = (Array.IndexOf(header, PathColumn), Array.IndexOf(header, LabelColumn));
        if (file >= 0 && (label >= 0 || !labelled))
        {
            return (file, label);
        }
        var expected = $"expected {string.Join(" and ", needed)} in its first line";
        throw new InvalidFileException(path, header switch
        {
            [] or [""] => $"is empty; {expected}",
            _ when header.Any(column => column.Contains('\0', StringComparison.Ordinal)) => $"is no text in UTF-8, but perhaps in UTF-16 without its mark; save it as UTF-8; {expected}",
            _ => $"has the columns {string.Join(", ", header.Take(20).Select(Quote.Show))}; {expected}",
        });
    }

    /// <summary>A field that a short row lacks is empty.</summary>
    private static string Field(string[] row, int column) => column < row.Length ? row[column] : "";
}
