using System.Globalization;

namespace Airbench.Report;

/// <summary>Rows of a CSV file by the names of their columns; a column that is not there is empty.</summary>
internal sealed class Columns(string path)
{
    private Dictionary<string, int> _places = [];

    /// <summary>One row.</summary>
    public readonly struct Row(Columns columns, string[] fields)
    {
        public string Text(string column) => columns._places.TryGetValue(column, out var place) ? fields[place] : "";

        /// <summary>Null where there is none; may be infinite or not a number.</summary>
        public double? Number(string column) =>
            double.TryParse(Text(column), NumberStyles.Float, CultureInfo.InvariantCulture, out var number) ? number : null;
    }

    /// <summary>All rows, read as they are asked for.</summary>
    /// <exception cref="InvalidFileException">The file is missing or damaged.</exception>
    public IEnumerable<Row> Rows()
    {
        var isHeader = true;
        foreach (var fields in Csv.Read(path))
        {
            if (isHeader)
            {
                _places = fields.Index().DistinctBy(field => field.Item).ToDictionary(field => field.Item, field => field.Index);
            }
            else
            {
                yield return new Row(this, fields);
            }
            isHeader = false;
        }
    }
}
