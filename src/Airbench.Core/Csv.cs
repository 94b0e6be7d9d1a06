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
}
