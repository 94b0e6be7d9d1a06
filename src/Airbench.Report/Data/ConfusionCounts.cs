namespace Airbench.Report;

/// <summary>One cell of a confusion matrix that is not zero.</summary>
internal sealed record ConfusionCell(int Actual, int Predicted, int Count);

/// <summary>A confusion matrix without its zeros: a thousand classes have a million cells, most of them empty.</summary>
internal sealed record ConfusionCounts(IReadOnlyList<string> Classes, IReadOnlyList<ConfusionCell> Cells)
{
    /// <summary>Images of each class.</summary>
    public int[] Support()
    {
        var support = new int[Classes.Count];
        foreach (var cell in Cells)
        {
            support[cell.Actual] += cell.Count;
        }
        return support;
    }

    /// <summary>The mistakes that happen most.</summary>
    public IEnumerable<ConfusionCell> Mistakes() =>
        Cells.Where(cell => cell.Actual != cell.Predicted).OrderByDescending(cell => cell.Count).ThenBy(cell => cell.Actual).ThenBy(cell => cell.Predicted);

    /// <exception cref="InvalidFileException">The file is missing or is no square table of counts.</exception>
    public static ConfusionCounts Read(string path)
    {
        string[]? classes = null;
        var (cells, row) = (new List<ConfusionCell>(), 0);
        foreach (var fields in Csv.Read(path))
        {
            if (classes is null)
            {
                classes = [.. fields.Skip(1)];
                continue;
            }
            for (var column = 0; column < classes.Length; column++)
            {
                if (!int.TryParse(fields[column + 1], out var count) || count < 0 || row >= classes.Length)
                {
                    throw new InvalidFileException(path, $"row {row + 1} is not a count for each of {classes.Length} classes");
                }
                if (count > 0)
                {
                    cells.Add(new ConfusionCell(row, column, count));
                }
            }
            row++;
        }
        return classes is not null && row == classes.Length
            ? new ConfusionCounts(classes, cells)
            : throw new InvalidFileException(path, $"has {row} rows for {classes?.Length ?? 0} classes");
    }
}
