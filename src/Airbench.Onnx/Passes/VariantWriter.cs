namespace Airbench.Onnx;

/// <summary>Writes the variants of a model and lets only those through that keep its accuracy.</summary>
internal static class VariantWriter
{
    /// <summary>Largest difference between the logits of a vote inside and outside of the model, in full precision.</summary>
    public const double MaxVoteDifference = 1e-4;

    /// <summary>Smallest share of images with the same best class, where rounding to few bits may fall to either side.</summary>
    public const double MinVoteAgreement = 0.99;

    /// <summary>
    /// Writes every variant beyond fp32 beside it, scores all of them on the test split once, and prints the table.
    /// </summary>
    /// <param name="fp32">The full-precision model, already in <paramref name="folder"/> and verified.</param>
    /// <param name="options">Variants, calibration and bounds.</param>
    /// <param name="folder">The bundle being built.</param>
    /// <param name="runtime">Needed where there is more than fp32.</param>
    /// <param name="progress">Where to say what happens.</param>
    /// <param name="cancel">Ends the work early.</param>
    /// <returns>The files by variant, in the order of the options.</returns>
    /// <exception cref="GateException">A variant loses more than its <see cref="ExportOptions.MaxDropOf"/>.</exception>
    public static IReadOnlyDictionary<string, VariantFile> Write(
        OnnxGraph fp32, ExportOptions options, string folder, IVariantRuntime? runtime, IProgress progress, CancellationToken cancel)
    {
        var files = options.Variants.ToDictionary(variant => variant, variant => Path.Combine(folder, ModelVariant.All[variant].FileName));
        if (files.Count == 1)
        {
            return new Dictionary<string, VariantFile> { [ExportOptions.Fp32] = Describe(files[ExportOptions.Fp32]) };
        }
        if (runtime is null)
        {
            throw new ConfigurationException(
                $"variants: [{string.Join(", ", options.Variants)}] without the data set that judges them; expected it beside the trained model, " +
                "so add the prepare stage to needs, or the flag --dataset");
        }
        var models = new Dictionary<string, OnnxGraph> { [ExportOptions.Fp32] = fp32 };
        var facts = files.ToDictionary(file => file.Key, _ => new VariantFile("", 0, ""));
        if (files.ContainsKey(ExportOptions.Fp16))
        {
            Save(ExportOptions.Fp16, HalfPrecision.Apply(fp32));
        }
        if (files.ContainsKey(ExportOptions.Int8))
        {
            var layers = new QuantizableLayers(fp32);
            var search = new Int8Search(layers, files[ExportOptions.Fp32], folder, runtime, progress, cancel);
            var (model, quantization) = search.Run(options.Calibration, FloatLayers(options.FloatLayers, layers.Names), options.MaxDrop.TryGetValue(ExportOptions.Int8, out var given) ? given : null);
            Save(ExportOptions.Int8, model);
            facts[ExportOptions.Int8] = facts[ExportOptions.Int8] with { Quantization = quantization };
        }
        foreach (var variant in options.Variants.Select(name => ModelVariant.All[name]).Where(variant => variant.Tta != Tta.None))
        {
            cancel.ThrowIfCancellationRequested();
            var plain = files[variant.Precision];
            var low = variant.Tta == Tta.Adaptive ? ConfidenceThreshold.Choose(runtime.AnswerHeldOut(plain), options.AdaptiveShare) : null;
            Save(variant.Name, Voting.Apply(models[variant.Precision], NetworkInput.Of(fp32), variant.Tta, low?.Threshold ?? 0), low?.Threshold);
            var parity = runtime.CompareVotes(files[variant.Name], plain, variant.Tta, low?.Threshold ?? 0);
            RequireSameVotes(variant, parity);
            progress.Info(Describe(variant, parity, low));
            facts[variant.Name] = facts[variant.Name] with { Tta = variant.Tta, VotesOf = variant.Precision, VoteParity = parity, LowConfidence = low };
        }
        cancel.ThrowIfCancellationRequested();

        string[] names = [ExportOptions.Fp32, .. options.Variants.Where(variant => variant != ExportOptions.Fp32)];
        var scores = names.Zip(runtime.Score([.. names.Select(name => (name, files[name]))])).ToDictionary(p => p.First, p => p.Second);
        var variants = options.Variants.ToDictionary(name => name, name =>
        {
            var described = Describe(files[name]);
            return facts[name] with { File = described.File, Bytes = described.Bytes, Sha256 = described.Sha256, Score = name == ExportOptions.Fp32 ? scores[name] : scores[name] with { Gate = VariantGate.Describe(name, scores[name], options) } };
        });
        VariantTable.Lines(variants).ToList().ForEach(progress.Info);
        VariantGate.Check(variants, options);
        return variants;

        void Save(string name, OnnxGraph model, double? threshold = null)
        {
            models[name] = model;
            NetworkExporter.Save(VariantMetadata.Name(model.Model.Clone(), name, threshold), files[name]);
        }
    }

    /// <summary>A vote inside that is not the vote outside is a mistake of ours, and leaves nothing.</summary>
    private static void RequireSameVotes(ModelVariant variant, ParityResult parity)
    {
        var isSame = variant.Precision == ExportOptions.Fp32
            ? parity.MaxAbsDifference <= MaxVoteDifference
            : double.IsFinite(parity.MaxAbsDifference) && parity.SameTop1 >= MinVoteAgreement * parity.Images;
        if (!isSame)
        {
            throw new GateException(FormattableString.Invariant(
                $"{variant.Name}: its logits differ by up to {parity.MaxAbsDifference:g3} from those of the same views outside of the model, ") +
                FormattableString.Invariant($"same class on {parity.SameTop1} of {parity.Images} training images; allowed: ") +
                (variant.Precision == ExportOptions.Fp32
                    ? FormattableString.Invariant($"{MaxVoteDifference}")
                    : FormattableString.Invariant($"{MinVoteAgreement:0%} the same")));
        }
    }

    private static string Describe(ModelVariant variant, ParityResult parity, LowConfidence? low) =>
        FormattableString.Invariant($"{variant.Name}: logits within {parity.MaxAbsDifference:0.0e+0} of the same views outside of the model") +
        (low is null ? "" : FormattableString.Invariant($"; all views below a confidence of {low.Threshold:0.0000}, which {low.TrainingShare:0.0%} ") +
            FormattableString.Invariant($"of {low.TrainingImages} training images have"));

    /// <summary>float_layers by name.</summary>
    public static IReadOnlyList<string> FloatLayers(IReadOnlyList<string> asked, IReadOnlyList<string> layers)
    {
        var unknown = asked.Except([ExportOptions.FirstLayer, ExportOptions.LastLayer, .. layers]).ToList();
        return unknown.Count == 0
            ? [.. asked.Select(name => name switch
            {
                ExportOptions.FirstLayer => layers[0],
                ExportOptions.LastLayer => layers[^1],
                _ => name,
            }).Distinct()]
            : throw new ConfigurationException(
                $"float_layers: '{unknown[0]}'; expected {ExportOptions.FirstLayer}, {ExportOptions.LastLayer}, {string.Join(", ", layers)}");
    }

    private static VariantFile Describe(string file) => new(Path.GetFileName(file), new FileInfo(file).Length, Hash.OfFile(file));
}
