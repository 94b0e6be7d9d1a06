namespace Airbench.Onnx;

/// <summary>
/// Finds an int8 model that keeps accuracy: all layers in int8 if that is good enough, else those in float that do the most harm.
/// Sees training images alone, and judges on ones that the calibration did not see.
/// </summary>
internal sealed class Int8Search(
    QuantizableLayers quantizable, string fp32File, string scratch, ICalibrationRuntime runtime, IProgress progress, CancellationToken cancel)
{
    /// <summary>Layers that a message names.</summary>
    private const int MostNamed = 5;

    /// <summary>What to do where it fails, for messages.</summary>
    public string Advice { get; init; } = "leave int8 out of variants, raise max_drop.int8, or try another calibration.method";

    /// <summary>Quantizes, with as few layers in float as it takes.</summary>
    /// <param name="calibration">How ranges are chosen.</param>
    /// <param name="floatLayers">Layers that stay in float anyway.</param>
    /// <param name="maxDrop">Accuracy, 0 to 1, that may be lost on the held-out training images; null for the default, which small sets replace by agreement.</param>
    /// <exception cref="GateException">Not even one layer can be int8.</exception>
    public (OnnxGraph Model, QuantizationFacts Facts) Run(CalibrationOptions calibration, IReadOnlyList<string> floatLayers, double? maxDrop)
    {
        if (quantizable.Names.Count == 0)
        {
            throw new GateException($"int8: this model has no layer that can be quantized{(quantizable.Unfit.Count == 0 ? "" : $": {string.Join("; ", quantizable.Unfit.Take(MostNamed))}")}");
        }
        if (quantizable.Unfit.Count > 0)
        {
            progress.Info($"int8: {Counted.Of(quantizable.Unfit.Count, "layer")} that cannot be quantized: {string.Join("; ", quantizable.Unfit.Take(MostNamed))}" +
                (quantizable.Unfit.Count > MostNamed ? $"; and {quantizable.Unfit.Count - MostNamed} more" : ""));
        }
        var ranges = Calibrate();
        var expected = runtime.AnswerHeldOut(fp32File);
        var bound = Bound.Of(expected, maxDrop);
        var inFloat = floatLayers.ToList();
        Queue<string>? worst = null;   // ranked once it turns out that layers have to be given up
        while (true)
        {
            var layers = quantizable.Names.Except(inFloat).ToHashSet();
            if (layers.Count == 0)
            {
                throw new GateException(
                    $"int8: with any layer quantized {bound.Miss} on {expected.Count} held-out images: {Advice}");
            }
            var model = Int8.Apply(quantizable.Graph, layers, ranges);
            var answers = Answer(model);
            var drop = (double)(expected.Correct - answers.Correct) / expected.Count;
            var same = bound.IsAgreement ? Same(expected, answers) : 0;
            progress.Info((bound.IsAgreement
                ? $"int8: the class of fp32 on {same} of {expected.Count} held-out images"
                : FormattableString.Invariant($"int8: {drop * 100:0.00} points lost on {expected.Count} held-out images")) + $" with {Describe(inFloat)} in float");
            if (bound.IsAgreement ? expected.Count - same <= bound.Allowed : drop <= bound.MaxDrop)
            {
                return (model, new QuantizationFacts(calibration, [.. quantizable.Names.Where(inFloat.Contains)], expected.Count, drop)
                {
                    HeldOutAgreement = bound.IsAgreement ? (double)same / expected.Count : null,
                });
            }
            worst ??= new Queue<string>(Rank(layers, ranges, expected));
            inFloat.Add(worst.Dequeue());
        }
    }

    private IReadOnlyDictionary<string, ValueRange> Calibrate()
    {
        var file = Path.Combine(scratch, "calibration.onnx");
        NetworkExporter.Save(quantizable.WithObservedOutputs().Model, file);
        try
        {
            return runtime.Calibrate(file, quantizable.ObservedValues());
        }
        finally
        {
            File.Delete(file);
        }
    }

    /// <summary>The layers by the squared error of the logits that each alone causes, the largest first.</summary>
    private IEnumerable<string> Rank(IEnumerable<string> layers, IReadOnlyDictionary<string, ValueRange> ranges, HeldOutAnswers expected)
    {
        var errors = new Dictionary<string, double>();
        foreach (var layer in layers)
        {
            var answers = Answer(Int8.Apply(quantizable.Graph, new HashSet<string> { layer }, ranges));
            errors[layer] = MeanSquare(answers.Logits, expected.Logits);
            progress.Info(FormattableString.Invariant($"int8: {layer} alone moves the logits by {Math.Sqrt(errors[layer]):0.0000} (root mean square)"));
        }
        return quantizable.Names.Where(errors.ContainsKey).OrderByDescending(layer => errors[layer]);
    }

    private HeldOutAnswers Answer(OnnxGraph model)
    {
        cancel.ThrowIfCancellationRequested();
        var file = Path.Combine(scratch, "candidate.onnx");
        NetworkExporter.Save(model.Model, file);
        try
        {
            return runtime.AnswerHeldOut(file);
        }
        finally
        {
            File.Delete(file);
        }
    }

    private static double MeanSquare(float[] a, float[] b)
    {
        var sum = 0.0;
        for (var i = 0; i < a.Length; i++)
        {
            var difference = (double)a[i] - b[i];
            sum += difference * difference;
        }
        return double.IsFinite(sum) ? sum / a.Length : double.PositiveInfinity;
    }

    /// <summary>Images with the same best class.</summary>
    private static int Same(HeldOutAnswers a, HeldOutAnswers b)
    {
        var classes = a.Logits.Length / a.Count;
        return Enumerable.Range(0, a.Count).Count(i => Softmax.ArgMax(a.Logits.AsSpan(i * classes, classes)) == Softmax.ArgMax(b.Logits.AsSpan(i * classes, classes)));
    }

    /// <summary>What the held-out images may show: lost accuracy, or where they are few other answers than fp32's.</summary>
    private sealed record Bound(bool IsAgreement, double MaxDrop, int Allowed)
    {
        public static Bound Of(HeldOutAnswers expected, double? maxDrop) => new(
            maxDrop is null && expected.Count < VariantGate.SmallSet, maxDrop ?? new ExportOptions().MaxDropOf(ExportOptions.Int8),
            Math.Max(1, (int)Math.Floor(((1 - VariantGate.MinAgreement(ExportOptions.Int8)!.Value) * expected.Count) + 1e-9)));   // one image proves nothing

        public string Miss => IsAgreement ? $"more than {Allowed} answers are others than fp32's" : FormattableString.Invariant($"more than max_drop.int8 = {MaxDrop} is lost");
    }

    private static string Describe(List<string> layers) => layers.Count == 0 ? "no layer" : string.Join(", ", layers);
}
