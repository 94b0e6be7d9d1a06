namespace Airbench.Onnx;

/// <summary>
/// Finds an int8 model that keeps accuracy: all layers in int8 if that is good enough, else those in float that do the most harm.
/// Sees training images alone, and judges on ones that the calibration did not see.
/// </summary>
internal sealed class Int8Search(
    QuantizableLayers quantizable, string fp32File, string scratch, IVariantRuntime runtime, IProgress progress, CancellationToken cancel)
{
    /// <summary>Quantizes, with as few layers in float as it takes.</summary>
    /// <param name="calibration">How ranges are chosen.</param>
    /// <param name="floatLayers">Layers that stay in float anyway.</param>
    /// <param name="maxDrop">Accuracy, 0 to 1, that may be lost on the held-out training images.</param>
    /// <exception cref="GateException">Not even one layer can be int8.</exception>
    public (OnnxGraph Model, QuantizationFacts Facts) Run(CalibrationOptions calibration, IReadOnlyList<string> floatLayers, double maxDrop)
    {
        var ranges = Calibrate();
        var expected = runtime.AnswerHeldOut(fp32File);
        var inFloat = floatLayers.ToList();
        Queue<string>? worst = null;   // ranked once it turns out that layers have to be given up
        while (true)
        {
            var layers = quantizable.Names.Except(inFloat).ToHashSet();
            if (layers.Count == 0)
            {
                throw new GateException(FormattableString.Invariant(
                    $"int8: with any layer quantized more than max_drop.int8 = {maxDrop} is lost on {expected.Count} held-out training images: ") +
                    "leave int8 out of variants, raise max_drop.int8, or try another calibration.method");
            }
            var model = Int8.Apply(quantizable.Graph, layers, ranges);
            var answers = Answer(model);
            var drop = (double)(expected.Correct - answers.Correct) / expected.Count;
            progress.Info(FormattableString.Invariant(
                $"int8: {drop * 100:0.00} points lost on {expected.Count} held-out training images with {Describe(inFloat)} in float"));
            if (drop <= maxDrop)
            {
                return (model, new QuantizationFacts(calibration, [.. quantizable.Names.Where(inFloat.Contains)], expected.Count, drop));
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

    private static string Describe(List<string> layers) => layers.Count == 0 ? "no layer" : string.Join(", ", layers);
}
