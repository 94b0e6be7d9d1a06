using Airbench.Onnx.Proto;
using Google.Protobuf;

namespace Airbench.Onnx;

/// <summary>
/// <c>airbench quantize</c>: any ONNX classifier becomes an int8 one of ours, calibrated and judged on images of the user. It passes for the answers of
/// the original, or nothing is written.
/// </summary>
public static class ModelQuantizer
{
    /// <summary>Images a call where speed is measured.</summary>
    public const int BatchSize = 16;

    private const string Advice = "try --float-layers first, --calibration \"{ method: entropy }\" or more images";

    /// <summary>Quantizes <paramref name="model"/>.</summary>
    /// <param name="model">An ONNX classifier.</param>
    /// <param name="data">A folder or archive of images, labelled or not, a CSV file, or a prepared set.</param>
    /// <param name="output">The file to write.</param>
    /// <param name="force">Whether a file there may be replaced.</param>
    /// <param name="options">How.</param>
    /// <param name="input">What the file does not say of its pixels.</param>
    /// <param name="progress">Where to say what happens.</param>
    /// <param name="cancel">Ends the work within a batch.</param>
    /// <exception cref="ConfigurationException">The output exists, or something about the model is left open.</exception>
    /// <exception cref="InvalidFileException">It is no classifier that can be taken in; the message names the node.</exception>
    /// <exception cref="DataException">There are too few images, or none can be read.</exception>
    /// <exception cref="GateException">Its answers are not those of the original.</exception>
    public static QuantizedModel Quantize(
        string model, string data, string output, bool force, QuantizeOptions options, BackboneInput? input, IProgress progress, CancellationToken cancel)
    {
        RefuseExisting(model, output, force);
        if (!Path.Exists(data))
        {
            throw new DataException($"--data {data}: does not exist (looked at {Path.GetFullPath(data)}); expected a folder or archive of images, a CSV file, or a prepared set");
        }
        var imported = ModelImporter.Import(
            model,
            (input ?? new()).ToImport() with { ImageSize = options.ImageSize, Part = ImportPart.Classifier },
            cancel);
        imported.Notes.ToList().ForEach(progress.Info);
        if (imported.Source.Head is null)
        {
            progress.Warn($"{model}: has no linear layer at its end: the {imported.FeatureCount} numbers that it gives are taken for scores of classes");
        }
        var own = ModelDescription.OwnClasses(model, ModelInspector.Inspect(model));
        var classes = options.Labels is { } file ? LabelsFile.Read(file, model, own) : own;
        if (classes is not null && classes.Count != imported.FeatureCount)
        {
            throw new ConfigurationException($"{model}: gives {imported.FeatureCount} scores, and there are {classes.Count} class names; expected one for each: set --labels");
        }
        var fit = options.Fit ?? imported.Source.Input.Fit;
        using var images = QuantizationImages.Open(data, model, classes, imported.ImageSize, fit, options, progress, cancel);
        if (options.MaxDrop is not null && !images.HasLabels)
        {
            throw new ConfigurationException("max_drop: given, but the right answers are not known; expected images in folders called as the model's classes, and --labels where the model does not name them");
        }
        using var scratch = AtomicFolder.Create(Path.Combine(Path.GetTempPath(), $"airbench-quantize-{Environment.ProcessId}"));
        var fp32 = ClassifierModel.Build(imported, classes ?? [.. Enumerable.Range(0, imported.FeatureCount).Select(k => $"class {k}")], fit);
        var (fp32File, int8File) = (scratch.File("fp32.onnx"), scratch.File("int8.onnx"));
        NetworkExporter.Save(fp32.Model, fp32File);

        var layers = new QuantizableLayers(fp32);
        var runtime = new QuantizationRuntime(images, options.Calibration, progress, cancel);
        var search = new Int8Search(layers, fp32File, scratch.Path, runtime, progress, cancel) { Advice = Advice };
        var (int8, facts) = search.Run(options.Calibration, VariantWriter.FloatLayers(options.FloatLayers, layers.Names), options.MaxDrop);
        NetworkExporter.Save(int8.Model, int8File);

        using var first = OnnxClassifier.Open(fp32File);
        using var second = OnnxClassifier.Open(int8File);
        var (answers, correct, broken) = Compare(first, second, images, progress, cancel);
        Judge(answers, correct, images.HasLabels, options);
        var speeds = VariantSpeed.Measure([first, second], runtime.Batch(BatchSize), BatchSize, cancel);
        var written = Describe(int8.Model.Clone(), classes is not null, facts, answers);
        RefuseExisting(model, output, force);
        AtomicFolder.WriteFile(output, written.WriteTo);
        return new QuantizedModel(
            output, Score(fp32File, correct.First, speeds[0]), Score(output, correct.Second, speeds[1]), layers.Names.Count - facts.FloatLayers.Count,
            facts.FloatLayers, [.. layers.Unfit.Select(layer => layer.ToString())], runtime.CalibrationImages, answers, images.HasLabels, broken + runtime.BrokenImages);

        QuantizedScore Score(string path, int right, (double ImagesPerSecond, double P50Ms) speed) =>
            new(new FileInfo(path).Length, images.HasLabels ? right : null, Math.Round(speed.ImagesPerSecond, 1), speed.P50Ms);
    }

    private static void RefuseExisting(string model, string output, bool force)
    {
        if (Path.GetFullPath(model) == Path.GetFullPath(output))
        {
            throw new ConfigurationException($"--output {output}: is the model itself; expected another file");
        }
        if (Directory.Exists(output) || (File.Exists(output) && !force))
        {
            throw new ConfigurationException($"--output {output}: {(Directory.Exists(output) ? "is a folder; expected a file" : "exists; give another name, or --force to replace it")}");
        }
    }

    private static (AnswerComparison Answers, (int First, int Second) Correct, int Broken) Compare(
        OnnxClassifier first, OnnxClassifier second, QuantizationImages images, IProgress progress, CancellationToken cancel)
    {
        using var task = progress.Start("compare", images.ComparedCount, "images");
        var (ours, theirs, labels, correct, broken) = (new List<int>(), new List<int>(), new List<int>(), (First: 0, Second: 0), 0);
        foreach (var batch in images.Compared(image => { broken++; progress.Warn($"{image.Path}: {image.Error}; left out"); }, cancel))
        {
            correct.First += Add(first, theirs);
            correct.Second += Add(second, ours);
            labels.AddRange(batch.Labels);
            task.Report(labels.Count);

            int Add(OnnxClassifier classifier, List<int> best)
            {
                var (logits, right) = QuantizationRuntime.Answers(classifier, batch.Pixels, batch.Labels, cancel);
                best.AddRange(logits.Chunk(classifier.ClassCount).Select(scores => Softmax.ArgMax(scores)));
                return right;
            }
        }
        return (AnswerComparison.Of(theirs, ours, images.HasLabels ? labels : null), correct, broken);
    }

    /// <summary>Lets pass, or says what was lost.</summary>
    /// <exception cref="GateException">Too much.</exception>
    internal static void Judge(AnswerComparison answers, (int First, int Second) correct, bool hasLabels, QuantizeOptions options)
    {
        if (options.MaxDrop is null && (!hasLabels || answers.Count < VariantGate.SmallSet))
        {
            if (VariantGate.Missed(ExportOptions.Int8, answers) is { } missed)
            {
                throw new GateException($"{missed}: {Advice}");
            }
            return;
        }
        var maxDrop = options.MaxDrop ?? new ExportOptions().MaxDropOf(ExportOptions.Int8);
        var allowed = (int)Math.Floor((maxDrop * answers.Count) + 1e-9);
        if (correct.First - correct.Second > allowed)
        {
            throw new GateException(FormattableString.Invariant(
                $"int8: {correct.Second} of {answers.Count} images right, the original {correct.First}: more than max_drop = {maxDrop} ({allowed} images) lost: ") + Advice);
        }
    }

    private static ModelProto Describe(ModelProto model, bool hasClasses, QuantizationFacts facts, AnswerComparison answers)
    {
        VariantMetadata.Name(model, ExportOptions.Int8);
        foreach (var property in model.MetadataProps.Where(property => property.Key == "classes" && !hasClasses).ToArray())
        {
            model.MetadataProps.Remove(property);   // names that stood in for unknown ones
        }
        Add("float_layers", string.Join(", ", facts.FloatLayers));
        Add("agreement", FormattableString.Invariant($"{answers.Same} of {answers.Count} images"));
        return model;

        void Add(string key, string value) => model.MetadataProps.Add(new StringStringEntryProto { Key = key, Value = value });
    }
}
