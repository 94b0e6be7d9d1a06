namespace Airbench.Onnx;

/// <summary>Batch and layer normalization.</summary>
internal static class Normalizations
{
    /// <summary>The rules by operator.</summary>
    public static IEnumerable<(string Op, Rule Rule)> Rules =>
    [
        ("BatchNormalization", new Rule(BatchNorms.Write) { Inputs = [0, 1, 2], Refuses = s =>
            s.Int("training_mode", 0) != 0 ? "there is no rule for BatchNormalization with training_mode: it is a graph for inference that is differentiated" : null }),
        ("LayerNormalization", new Rule(LayerNorm)),
    ];

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
