namespace Airbench.Onnx;

/// <summary>Batch and layer normalization.</summary>
internal static class Normalizations
{
    /// <summary>The rules by operator.</summary>
    public static IEnumerable<(string Op, Rule Rule)> Rules =>
    [
        ("BatchNormalization", new Rule(BatchNorm) { Inputs = [0, 1, 2], Refuses = s =>
            s.Int("training_mode", 0) != 0 ? "there is no rule for BatchNormalization with training_mode: it is a graph for inference that is differentiated" : null }),
        ("LayerNormalization", new Rule(LayerNorm)),
    ];

    private static Backward BatchNorm(RuleScope s)
    {
        var tensors = new NormTensors(s.X(1), s.X(2), s.X(3), s.X(4));
        var norm = new StandardBatchNorm(s.Ahead.Graph, s.Y(), s.X(), tensors, s.Float("epsilon", 1e-5f), s.In().Rank, s.Opset);
        NormalizedBatch normalized;
        if (s.Statistics is { } statistics)
        {
            normalized = norm.WithBatchStatistics((float)statistics.Momentum, Count(s));
            statistics.Next.Add(s.Node.Input[3], normalized.NextMean!);
            statistics.Next.Add(s.Node.Input[4], normalized.NextVariance!);
        }
        else
        {
            normalized = norm.WithRunningStatistics();
        }
        return gradients =>
        {
            var found = normalized.Result.Backward!(gradients[0]!, new Wanted(s.Wants(0), s.Wants(1) || s.Wants(2)));
            return [found.Input, found.Weight, found.Bias];
        };
    }

    /// <summary>Values of a channel in the batch, as a float32 scalar.</summary>
    private static string Count(RuleScope s)
    {
        var all = s.Ahead.Cast(s.Ahead.Node("Size", [s.X()]), Proto.TensorProto.Types.DataType.Float);
        return s.Ahead.Mul(all, (float)(1.0 / s.In().Extents[1].Count));
    }

    /// <summary>With g = dY scale and xhat the normalized input: (g - mean g - xhat mean(g xhat)) / deviation.</summary>
    private static Backward LayerNorm(RuleScope s)
    {
        var rank = s.In().Rank;
        var axis = s.Axis(-1, rank);
        long[] axes = [.. Enumerable.Range(axis, rank - axis).Select(a => (long)a)];
        string[] more = [.. Enumerable.Range(1, 2).Select(output => output < s.Outputs.Count && s.Outputs[output].Length > 0 ? s.Outputs[output] : s.Ahead.Name($"statistic{output}"))];
        s.CopyWith([s.Y(), .. more]);
        return gradients =>
        {
            var (w, dy) = (s.Back, gradients[0]!);
            var normalized = w.Mul(w.Sub(s.X(), more[0]), more[1]);
            string? dx = null;
            if (s.Wants(0))
            {
                var g = w.Mul(dy, s.X(1));
                var slope = w.Mul(normalized, w.Mean(w.Mul(g, normalized), axes, keep: true));
                dx = w.Mul(w.Sub(w.Sub(g, w.Mean(g, axes, keep: true)), slope), more[1]);
            }
            return [dx, s.Wants(1) ? w.SumTo(w.Mul(dy, normalized), s.Out(), s.In(1)) : null, s.Wants(2) ? w.SumTo(dy, s.Out(), s.In(2)) : null];
        };
    }
}
