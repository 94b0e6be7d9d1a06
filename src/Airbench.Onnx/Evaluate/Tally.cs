using System.ComponentModel.DataAnnotations;

namespace Airbench.Onnx;

/// <summary>
/// What an evaluation counts. Every part is a sum, of integers or of decimals with 12 places, so that the sums of shards are those of the whole
/// to the last digit, in any order.
/// </summary>
internal sealed record Tally : IChecked
{
    /// <summary>Places of the decimals.</summary>
    private const int Places = 12;

    /// <summary>A loss beyond counts as this many nats: a decimal ends somewhere.</summary>
    private const double MaxNll = 1e9;

    /// <summary>Name of a shard's file.</summary>
    public const string FileName = "tally.json";

    /// <summary>Images evaluated.</summary>
    [Range(0, int.MaxValue)]
    public int Count { get; set; }

    /// <summary>Images that could not be decoded.</summary>
    [Range(0, int.MaxValue)]
    public int Broken { get; set; }

    /// <summary>Right answers of the vote.</summary>
    [Range(0, int.MaxValue)]
    public int Correct { get; set; }

    /// <summary>Right answers from the untouched images.</summary>
    [Range(0, int.MaxValue)]
    public int CorrectPlain { get; set; }

    /// <summary>Images that got all views of the augmentation.</summary>
    [Range(0, int.MaxValue)]
    public int AllViews { get; set; }

    /// <summary>Negative log-likelihood of the labels, nats.</summary>
    public decimal NllSum { get; set; }

    /// <summary>Of each bin of confidence: 1 for a correct answer minus the confidence.</summary>
    public required decimal[] CalibrationGaps { get; init; }

    /// <summary>Rows are true classes, columns predicted ones.</summary>
    public required int[][] Confusion { get; init; }

    /// <summary>Nothing counted yet.</summary>
    public static Tally Of(int classCount) => new()
    {
        CalibrationGaps = new decimal[Metrics.CalibrationBins],
        Confusion = [.. Enumerable.Range(0, classCount).Select(_ => new int[classCount])],
    };

    /// <summary>Counts one answer.</summary>
    /// <returns>The class and the softmax probability of it.</returns>
    public (int Predicted, double Confidence) Add(int label, ReadOnlySpan<float> plain, ReadOnlySpan<float> voted)
    {
        var best = Softmax.ArgMax(voted);
        var confidence = Math.Exp(Softmax.LogProbability(voted, best));
        Count++;
        Correct += best == label ? 1 : 0;
        CorrectPlain += Softmax.ArgMax(plain) == label ? 1 : 0;
        NllSum += Rounded(Math.Min(-Softmax.LogProbability(voted, label), MaxNll));
        CalibrationGaps[Metrics.CalibrationBin(confidence)] += Rounded((best == label ? 1 : 0) - confidence);
        Confusion[label][best]++;
        return (best, confidence);
    }

    /// <summary>Adds what another shard counted.</summary>
    public void Add(Tally other)
    {
        Count += other.Count;
        Broken += other.Broken;
        Correct += other.Correct;
        CorrectPlain += other.CorrectPlain;
        AllViews += other.AllViews;
        NllSum += other.NllSum;
        for (var i = 0; i < CalibrationGaps.Length; i++)
        {
            CalibrationGaps[i] += other.CalibrationGaps[i];
        }
        for (var i = 0; i < Confusion.Length; i++)
        {
            for (var j = 0; j < Confusion.Length; j++)
            {
                Confusion[i][j] += other.Confusion[i][j];
            }
        }
    }

    /// <summary>Fills in the numbers of <paramref name="metrics"/> that follow from the counts.</summary>
    public EvaluationMetrics Complete(EvaluationMetrics metrics, IReadOnlyList<string> classes) => metrics with
    {
        AllViewsShare = metrics.Tta == Tta.Adaptive && Count > 0 ? (double)AllViews / Count : null,
        Broken = Broken,
        Count = Count,
        Correct = Correct,
        CorrectPlain = CorrectPlain,
        Accuracy = Count == 0 ? 0 : (double)Correct / Count,
        AccuracyPlain = Count == 0 ? 0 : (double)CorrectPlain / Count,
        AccuracyInterval95 = Metrics.WilsonInterval(Correct, Count),
        Nll = Count == 0 ? 0 : (double)(NllSum / Count),
        Ece = Metrics.CalibrationError(CalibrationGaps, Count),
        Classes = Metrics.PerClass(Confusion, classes),
    };

    /// <inheritdoc/>
    IEnumerable<string> IChecked.Problems() =>
        Confusion.Any(row => row.Any(count => count < 0)) || Confusion.Sum(row => row.Sum(count => (long)count)) != Count
            ? [FormattableString.Invariant($"confusion: its counts are not those of {Count} images")]
            : [];

    private static decimal Rounded(double value) => Math.Round((decimal)value, Places);
}
