using CsvHelper;

namespace Airbench.Data;

/// <summary>
/// A CSV file with a header and one image a row: the column <c>path</c>, relative to the CSV file's folder or absolute, and the column
/// <c>label</c>, a class name. Other columns are left alone.
/// </summary>
internal sealed class ManifestFiles(string path, bool labelled) : ImageFiles
{
    private const string PathColumn = "path";
    private const string LabelColumn = "label";

    /// <inheritdoc/>
    public override string Root => path;

    /// <inheritdoc/>
    public override IEnumerable<ImageFile> Walk()
    {
        var folder = Path.GetDirectoryName(Path.GetFullPath(path))!;
        using var stream = File.OpenRead(path);
        using var reader = CsvReader.Create(stream, CsvReaderOptions.Default, leaveOpen: true);
        var (file, label) = Columns(reader);
        for (var row = 1L; Next(reader); row++)
        {
            var name = Text(reader, file);
            var labelText = label >= 0 ? Text(reader, label) : null;
            if (name.Length == 0 || labelText is "")
            {
                throw new InvalidFileException(path, $"row {row} has an empty {(name.Length == 0 ? PathColumn : LabelColumn)}");
            }
            yield return new ImageFile(new Entry(name, row, Path.Combine(folder, name)), labelText);
        }
    }

    private (int File, int Label) Columns(CsvReader reader)
    {
        try
        {
            reader.ReadHeader();
            var headers = reader.Headers.ToArray();
            var (file, label) = (Array.IndexOf(headers, PathColumn), labelled ? Array.IndexOf(headers, LabelColumn) : -1);
            return file >= 0 && (label >= 0 || !labelled)
                ? (file, label)
                : throw new InvalidFileException(
                    path, $"has the columns '{string.Join(',', headers.Take(20))}'; expected {PathColumn}{(labelled ? $" and {LabelColumn}" : "")} in its first line");
        }
        catch (Exception e) when (e is CsvFormatException or CsvValidationException)
        {
            throw Broken(e);
        }
    }

    private bool Next(CsvReader reader)
    {
        try
        {
            return reader.Read();
        }
        catch (Exception e) when (e is CsvFormatException or CsvValidationException)
        {
            throw Broken(e);
        }
    }

    private string Text(CsvReader reader, int column)
    {
        try
        {
            return reader.GetString(column);
        }
        catch (Exception e) when (e is CsvFormatException or CsvValidationException or ArgumentOutOfRangeException or IndexOutOfRangeException)
        {
            throw Broken(e);
        }
    }

    private InvalidFileException Broken(Exception e) => new(path, $"is not a CSV file that can be read: {e.Message}", e);

    private sealed record Entry(string Name, long Row, string Full) : LooseFile(Name, false, Row, Full)
    {
        /// <summary>A manifest may name millions of files on a slow disk, which the first pass does not touch.</summary>
        public override long? Bytes => null;
    }
}
