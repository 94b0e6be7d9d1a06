using Airbench.Onnx;
using CsCheck;

namespace Airbench.Tests;

public sealed class MetricsTests
{
    [Fact]
    public void Confusion_counts_true_classes_in_rows_and_predicted_ones_in_columns() =>
        Assert.Equal<int[]>([[1, 1, 0], [0, 2, 0], [1, 0, 0]], Counted([0, 0, 1, 1, 2], [0, 1, 1, 1, 0], 3).Confusion);

    [Fact]
    public void Precision_recall_and_f1_match_a_hand_count_and_are_null_where_undefined()
    {
        // true 0: predicted 0, 1; true 1: predicted 1, 1; true 2: predicted 0; class 3 never occurs, class 2 is never predicted.
        var classes = Metrics.PerClass(Counted([0, 0, 1, 1, 2], [0, 1, 1, 1, 0], 4).Confusion, ["a", "b", "c", "d"]);

        Assert.Equal(
        [
            new ClassMetrics("a", 2, 1 / 2.0, 1 / 2.0, 2 / 4.0),
            new ClassMetrics("b", 2, 2 / 3.0, 2 / 2.0, 4 / 5.0),
            new ClassMetrics("c", 1, null, 0, 0),
            new ClassMetrics("d", 0, null, null, null),
        ], classes);
    }

    [Theory]
    [InlineData(9401, 10000, 0.93528, 0.94458)]
    [InlineData(5, 10, 0.23659, 0.76341)]
    [InlineData(0, 10, 0, 0.27753)]
    [InlineData(10, 10, 0.72247, 1)]
    public void The_wilson_interval_has_its_tabulated_bounds(int successes, int trials, double low, double high)
    {
        var interval = Metrics.WilsonInterval(successes, trials);

        Assert.Equal(low, interval[0], 5e-6);
        Assert.Equal(high, interval[1], 5e-6);
    }

    [Fact]
    public void The_wilson_interval_of_nothing_is_everything() => Assert.Equal([0, 1], Metrics.WilsonInterval(0, 0));

    [Theory]
    [InlineData(0, 0, 1)]
    [InlineData(5, 5, 1)]
    [InlineData(4, 5, 1)]
    [InlineData(0, 1, 1)]
    [InlineData(0, 5, 0.0625)]                 // 2 / 2^5
    [InlineData(1, 9, 0.021484375)]            // 2 (1 + 10) / 2^10
    [InlineData(9, 1, 0.021484375)]
    [InlineData(2, 12, 0.012939453125)]        // 2 (1 + 14 + 91) / 2^14
    public void The_test_of_mcnemar_is_the_binomial_one_counted_by_hand(int onlyFirst, int onlySecond, double p) =>
        Assert.Equal(p, Metrics.McNemar(onlyFirst, onlySecond), 1e-12);

    [Fact]
    public void Mcnemars_test_of_many_disagreements_is_near_its_normal_approximation() =>
        Assert.Equal(0.0291, Metrics.McNemar(1000, 1100 + 1), 0.0005);   // |z| with continuity correction: 100 / sqrt(2101) = 2.182, so p = 0.0291

    [Fact]
    public void A_paired_interval_is_around_the_difference_and_narrows_with_the_images()
    {
        var few = Metrics.PairedInterval(10, 20, 100);
        var many = Metrics.PairedInterval(1000, 2000, 10_000);
        // p12 = 11/102, p21 = 21/102; 10/102 +- 1.959964 sqrt((32/102 - (10/102)^2) / 102)
        Assert.Equal(0.098039 - 0.107002, few[0], 1e-4);
        Assert.Equal(0.098039 + 0.107002, few[1], 1e-4);
        Assert.True(few[0] < many[0] && many[0] < 0.1 && many[1] > 0.1 && many[1] < few[1]);
    }

    [Fact]
    public void Tallies_of_parts_add_up_to_the_tally_of_the_whole_to_the_last_digit() =>
        Gen.Select(Gen.Int[0, 2], Gen.Float[-30, 30].Array[3]).Array[1, 40].ForEachCase(answers =>
        {
            var whole = Tally.Of(3);
            var parts = Enumerable.Range(0, 4).Select(_ => Tally.Of(3)).ToArray();
            foreach (var (i, (label, logits)) in answers.Index())
            {
                whole.Add(label, logits, logits);
                parts[i % 4].Add(label, logits, logits);
            }
            var sum = Tally.Of(3);
            foreach (var part in parts.Reverse())
            {
                sum.Add(part);
            }
            Assert.Equal(Json.Write(whole), Json.Write(sum));
        }, cases: 200);

    [Fact]
    public void The_calibration_error_matches_a_hand_count()
    {
        // Bins of width 1/15: 0.95 and 0.99 share the last one (one right: |0.5 - 0.97| * 2 = 0.94), 0.5 is in the middle one
        // (right: |1 - 0.5| = 0.5), 0.2 is the upper edge of the third (wrong: 0.2). (0.94 + 0.5 + 0.2) / 4.
        Assert.Equal(0.41, Calibration.Error([0.95, 0.99, 0.5, 0.2], [true, false, true, false]), 1e-12);
        Assert.Equal(0, Calibration.Error([1, 1], [true, true]));
        Assert.Equal(1, Calibration.Error([1], [false]));
        Assert.Equal(0, Calibration.Error([], []));
    }

    [Fact]
    public void Confident_answers_do_not_overflow_the_softmax()
    {
        Assert.Equal(0, Softmax.LogProbability([1e30f, 0, 0], 0));
        Assert.Equal(-1000, Softmax.LogProbability([1000, 0], 1), 1e-9);
        Assert.Equal(-Math.Log(3), Softmax.LogProbability([5, 5, 5], 2), 1e-12);
    }

    [Fact]
    public void Of_equal_logits_the_first_wins() => Assert.Equal(1, Softmax.ArgMax([0, 2, 2]));

    [Fact]
    public void The_metrics_of_any_answers_hang_together() =>
        Gen.Select(Gen.Int[0, 4], Gen.Int[0, 4], Gen.Double[0, 1]).Array[1, 60].ForEachCase(answers =>
        {
            var labels = Array.ConvertAll(answers, a => a.Item1);
            var predicted = Array.ConvertAll(answers, a => a.Item2);
            var correct = Array.ConvertAll(answers, a => a.Item1 == a.Item2);
            var hits = correct.Count(c => c);
            var classes = Metrics.PerClass(Counted(labels, predicted, 5).Confusion, ["a", "b", "c", "d", "e"]);
            var interval = Metrics.WilsonInterval(hits, answers.Length);
            var accuracy = (double)hits / answers.Length;

            Assert.Equal(answers.Length, classes.Sum(c => c.Support));
            Assert.Equal(hits, classes.Sum(c => (c.Recall ?? 0) * c.Support), 1e-9);
            Assert.All(classes, c => Assert.True(c.Precision is null or (>= 0 and <= 1) && c.F1 is null or (>= 0 and <= 1)));
            Assert.InRange(accuracy, interval[0], interval[1]);
            Assert.InRange(Calibration.Error(Array.ConvertAll(answers, a => a.Item3), correct), 0, 1);
        }, cases: 300);

    /// <summary>Answers that are sure.</summary>
    private static Tally Counted(int[] labels, int[] predicted, int classCount)
    {
        var tally = Tally.Of(classCount);
        foreach (var (label, best) in labels.Zip(predicted))
        {
            var logits = new float[classCount];
            logits[best] = 50;
            tally.Add(label, logits, logits);
        }
        return tally;
    }
}

/// <summary>The calibration error of single answers.</summary>
internal static class Calibration
{
    public static double Error(double[] confidence, bool[] correct)
    {
        var gaps = new decimal[Metrics.CalibrationBins];
        foreach (var (sure, right) in confidence.Zip(correct))
        {
            gaps[Metrics.CalibrationBin(sure)] += (right ? 1 : 0) - (decimal)sure;
        }
        return Metrics.CalibrationError(gaps, confidence.Length);
    }
}
