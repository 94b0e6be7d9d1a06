using System.Globalization;
using CsvHelper;

namespace Airbench;

/// <summary>CSV as all our artifacts write it: comma, header, "\n", invariant culture.</summary>
public static class Csv
{
    /// <summary>The dialect.</summary>
    public static CsvWriterOptions Options { get; } = CsvWriterOptions.Default with { NewLine = "\n", FormatProvider = CultureInfo.InvariantCulture };

    /// <summary>Writes <paramref name="rows"/> below <paramref name="columns"/> to a new file; null is an empty field.</summary>
    public static void Write(string path, IReadOnlyList<string> columns, IEnumerable<IReadOnlyList<object?>> rows)
    {
        using var stream = new FileStream(path, FileMode.Create, FileAccess.Write);
        using var writer = CsvWriter.Create(stream, Options, leaveOpen: false);
        writer.WriteHeader([.. columns]);
        foreach (var row in rows)
        {
            foreach (var value in row)
            {
                writer.WriteField(Convert.ToString(value, CultureInfo.InvariantCulture));
            }
            writer.EndRecord();
        }
    }

    /// <summary>The rows of a file, one at a time; the first is the header, and every one has as many fields.</summary>
    /// <exception cref="InvalidFileException">It is missing or not such a file; the rows before the fault were given.</exception>
    public static IEnumerable<string[]> Read(string path)
    {
        int? columns = null;
        foreach (var row in ReadRagged(path))
        {
            columns ??= row.Length;
            yield return row.Length == columns ? row : throw new InvalidFileException(path, $"has a row of {row.Length} fields; expected {columns}");
        }
    }

    /// <summary>The rows of a file that others wrote, one at a time; the first is the header, and any may have fewer fields or more.</summary>
    /// <inheritdoc cref="Read"/>
    public static IEnumerable<string[]> ReadRagged(string path)
    {
        if (!File.Exists(path))
        {
            throw new InvalidFileException(path, "does not exist");
        }
        FileKind.Require(path);
        using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);   // a run may be writing it
        using var reader = CsvReader.Create(stream, CsvReaderOptions.Default, leaveOpen: true);
        yield return Guarded(path, () =>
        {
            reader.ReadHeader();
            return reader.Headers.ToArray();
        });
        while (Guarded(path, reader.Read))
        {
            yield return Guarded(path, () => Enumerable.Range(0, reader.FieldCount).Select(reader.GetString).ToArray());
        }
    }

    private static T Guarded<T>(string path, Func<T> read)
    {
        try
        {
            return read();
        }
        catch (Exception e) when (e is CsvFormatException or CsvValidationException)
        {
            throw new InvalidFileException(path, $"is not a readable CSV file: {e.Message}", e);
        }
    }
}
