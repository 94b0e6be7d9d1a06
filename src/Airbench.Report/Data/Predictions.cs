namespace Airbench.Report;

/// <summary>A wrong answer.</summary>
internal sealed record Mistake(int Index, string Path, string Label, string Predicted, double Confidence);

/// <summary>The answers whose confidence is in one bin.</summary>
/// <param name="Low">Its lower end, exclusive.</param>
/// <param name="High">Its upper end, inclusive.</param>
internal sealed record CalibrationBin(double Low, double High)
{
    public int Count { get; set; }

    public int Correct { get; set; }

    public double Confidence { get; set; }   // sum

    public double Accuracy => (double)Correct / Count;

    public double MeanConfidence => Confidence / Count;
}

/// <summary>What a report takes from <c>predictions.csv</c>, in one pass that keeps no rows.</summary>
internal sealed class Predictions
{
    public const int MistakesShown = 20;

    private readonly PriorityQueue<Mistake, (double, int)> _worst = new();   // the least confident first, to be dropped
    private readonly List<(string Path, string Error)> _broken = [];

    private Predictions()
    {
    }

    /// <summary>The bins of the expected calibration error.</summary>
    public IReadOnlyList<CalibrationBin> Bins { get; } =
    [
        .. Enumerable.Range(0, Metrics.CalibrationBins)
            .Select(bin => new CalibrationBin((double)bin / Metrics.CalibrationBins, (bin + 1.0) / Metrics.CalibrationBins)),
    ];

    /// <summary>The most confident wrong answers, the most confident first.</summary>
    public IReadOnlyList<Mistake> Mistakes { get; private set; } = [];

    /// <summary>The first broken images.</summary>
    public IReadOnlyList<(string Path, string Error)> Broken => _broken;

    /// <summary>Answers with a confidence that is a number.</summary>
    public int Count => Bins.Sum(bin => bin.Count);

    /// <summary>Expected calibration error over <see cref="Bins"/>.</summary>
    public double CalibrationError => Count == 0 ? 0 : Bins.Where(bin => bin.Count > 0).Sum(bin => Math.Abs(bin.Correct - bin.Confidence)) / Count;

    /// <exception cref="InvalidFileException">The file is missing or damaged.</exception>
    public static Predictions Read(string path)
    {
        var result = new Predictions();
        foreach (var row in new Columns(path).Rows())
        {
            result.Add(row);
        }
        var mistakes = new List<Mistake>();
        while (result._worst.TryDequeue(out var mistake, out _))
        {
            mistakes.Add(mistake);
        }
        mistakes.Reverse();
        result.Mistakes = mistakes;
        return result;
    }

    private void Add(Columns.Row row)
    {
        if (row.Text("error") is { Length: > 0 } error)
        {
            if (_broken.Count < MistakesShown)
            {
                _broken.Add((row.Text("path"), error));
            }
            return;
        }
        if (row.Number("confidence") is not { } confidence || !double.IsFinite(confidence))
        {
            return;
        }
        var correct = row.Text("correct") == "true";
        var bin = Bins[Metrics.CalibrationBin(confidence)];
        bin.Count++;
        bin.Correct += correct ? 1 : 0;
        bin.Confidence += confidence;
        if (!correct && row.Number("index") is { } index and >= 0 and <= int.MaxValue)
        {
            // Equal confidences go by their order in the source, so that the page is the same each time.
            var mistake = new Mistake((int)index, row.Text("path"), row.Text("label"), row.Text("predicted"), confidence);
            if (_worst.Count < MistakesShown)
            {
                _worst.Enqueue(mistake, (confidence, -mistake.Index));
            }
            else
            {
                _worst.EnqueueDequeue(mistake, (confidence, -mistake.Index));
            }
        }
    }
}
