namespace Airbench.Report;

/// <summary>An answer to one image.</summary>
/// <param name="Index">Number of the image in its source.</param>
/// <param name="Path">Its path there.</param>
/// <param name="Label">Its class.</param>
/// <param name="Predicted">The model's.</param>
/// <param name="Confidence">Of the predicted class, 0 to 1.</param>
internal sealed record Answer(int Index, string Path, string Label, string Predicted, double Confidence);

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

    /// <summary>Correct answers of each of two kinds.</summary>
    public const int CorrectShown = 12;

    private readonly Extremes _mistakes = new(MistakesShown, highest: true);
    private readonly Extremes _doubtful = new(CorrectShown, highest: false);
    private readonly Dictionary<string, Answer> _best = [];   // of each class
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
    public IReadOnlyList<Answer> Mistakes { get; private set; } = [];

    /// <summary>The most confident correct answer of each class, or of those classes where it is highest; the most confident first.</summary>
    public IReadOnlyList<Answer> Typical { get; private set; } = [];

    /// <summary>Whether <see cref="Typical"/> has every class that was ever right.</summary>
    public bool TypicalIsAll => _best.Count <= CorrectShown;

    /// <summary>The least confident correct answers, the least confident first.</summary>
    public IReadOnlyList<Answer> Doubtful { get; private set; } = [];

    /// <summary>All that has a picture, what matters most first.</summary>
    public IEnumerable<Answer> Shown => Mistakes.Concat(Typical).Concat(Doubtful);

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
        result.Mistakes = result._mistakes.InOrder();
        result.Typical = [.. result._best.Values.OrderByDescending(answer => answer.Confidence).ThenBy(answer => answer.Index).Take(CorrectShown)];
        result.Doubtful = [.. result._doubtful.InOrder().Except(result.Typical)];
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
        if (row.Number("index") is not ({ } index and >= 0 and <= int.MaxValue))
        {
            return;
        }
        var answer = new Answer((int)index, row.Text("path"), row.Text("label"), row.Text("predicted"), confidence);
        if (!correct)
        {
            _mistakes.Add(answer);
            return;
        }
        _doubtful.Add(answer);
        if (!_best.TryGetValue(answer.Label, out var best) || confidence > best.Confidence)
        {
            _best[answer.Label] = answer;
        }
    }

    /// <summary>The answers with the highest or lowest confidence. Equal ones go by their order in the source, so that the page is the same each time.</summary>
    private sealed class Extremes(int most, bool highest)
    {
        private readonly PriorityQueue<Answer, (double, int)> _kept = new();   // what is dropped next comes first

        public void Add(Answer answer)
        {
            var priority = (highest ? answer.Confidence : -answer.Confidence, -answer.Index);
            if (_kept.Count < most)
            {
                _kept.Enqueue(answer, priority);
            }
            else
            {
                _kept.EnqueueDequeue(answer, priority);
            }
        }

        public List<Answer> InOrder()
        {
            var answers = new List<Answer>();
            while (_kept.TryDequeue(out var answer, out _))
            {
                answers.Add(answer);
            }
            answers.Reverse();
            return answers;
        }
    }
}
