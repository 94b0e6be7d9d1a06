using Airbench.Onnx.Proto;

namespace Airbench.Onnx;

/// <summary>Looks at an ONNX file: first what it says of itself, then what an import finds.</summary>
public static class ModelSurvey
{
    /// <summary>Surveys the model in <paramref name="path"/>.</summary>
    /// <param name="path">An ONNX file.</param>
    /// <param name="input">What it does not say of its input; null where nothing is known.</param>
    /// <param name="imageSize">Height and width where the file leaves them open.</param>
    /// <param name="cancel">Stops it between steps.</param>
    /// <exception cref="InvalidFileException">It is no ONNX model, or one that must not be loaded.</exception>
    /// <exception cref="ConfigurationException">The input is described in numbers that cannot be.</exception>
    public static ModelReport Survey(string path, BackboneInput? input, int? imageSize, CancellationToken cancel)
    {
        var facts = ModelInspector.Inspect(path);
        var options = (input ?? new()).ToImport() with { ImageSize = imageSize };
        ForeignInput.Check(path, options);
        var isOpen = ForeignInput.LeavesValuesOpen(facts, options);
        var (imported, why) = Import(path, isOpen ? options with { Scale = 1 } : options, input is not null || imageSize is not null, cancel);   // what is open changes no number of the report
        var model = ProtoFile.Read(path, ModelProto.Parser);
        var values = model.Graph.Initializer.Where(tensor => Tensors.IsFloating(tensor.DataType))
            .Concat(model.Graph.Node.Where(node => node.OpType == "Constant").SelectMany(node => node.Attribute).Select(attribute => attribute.T).OfType<TensorProto>()
                .Where(tensor => Tensors.IsFloating(tensor.DataType)));
        return new ModelReport(
            path, new FileInfo(path).Length + facts.ExternalFiles.Sum(file => new FileInfo(file).Length),
            $"{model.ProducerName} {model.ProducerVersion}".Trim(), model.IrVersion,
            model.OpsetImport.Where(import => import.Domain is "" or "ai.onnx").Select(import => import.Version).DefaultIfEmpty(1).Max(),
            [.. facts.Graph.Inputs.Select(value => value.ToString())], [.. facts.Graph.Outputs.Select(value => value.ToString())],
            [.. model.Graph.Node.CountBy(Operator).OrderByDescending(pair => pair.Value).ThenBy(pair => pair.Key, StringComparer.Ordinal).Select(pair => new OperatorCount(pair.Key, pair.Value))],
            values.Sum(tensor => Extents.Elements(tensor.Dims)), imported?.Source.MultiplyAdds, imported?.ImageSize,
            imported?.Source.Head is { } head ? $"{head.Operator} '{head.Node}' reads {head.Features} and gives {head.Scores}" : null, imported?.FeatureCount,
            PixelSurvey.Describe(facts, imported, input, isOpen), imported is null ? null : LastBlockOf(imported), Uses(path, facts, imported, why, options),
            isOpen || imported is null ? [] : imported.Notes);
    }

    private static (ImportedModel? Imported, string? Why) Import(string path, ImportOptions options, bool isAsked, CancellationToken cancel)
    {
        try
        {
            return (ModelImporter.Import(path, options, cancel), null);
        }
        catch (Exception e) when (e is InvalidFileException invalid ? invalid.Path == path : e is ConfigurationException && !isAsked)
        {
            return (null, Problem(path, e));   // what the user says wrongly is an error, what the file is not is a reason
        }
    }

    private static string Operator(NodeProto node) => node.Domain is "" or "ai.onnx" ? node.OpType : $"{node.Domain}.{node.OpType}";

    private static string? LastBlockOf(ImportedModel model) => model.LastBlockStart is not { } start ? null
        : FormattableString.Invariant($"behind {start}: {model.LastBlockShare:0%} of the multiply-adds");

    private static List<ModelUse> Uses(string path, ModelFacts facts, ImportedModel? imported, string? why, ImportOptions options)
    {
        var uses = new List<ModelUse> { Evaluate(path, facts, imported, options) };
        if (imported is null)
        {
            return [.. uses, new("quantize, adapt", false, why!)];
        }
        var asked = ForeignInput.LeavesValuesOpen(facts, options) ? "; say how its pixels are scaled" : "";
        uses.Add(new("quantize", true, $"to 8 bits{asked}"));
        uses.Add(new("adapt: head", true, $"a new linear layer on {Counted.Of(imported.FeatureCount, "feature")}{asked}"));
        uses.AddRange(TrainingSurvey.Uses(imported));
        return uses;
    }

    private static ModelUse Evaluate(string path, ModelFacts facts, ImportedModel? imported, ImportOptions options)
    {
        try
        {
            var scores = ScoreOutput.Choose(path, facts.Graph, facts.Metadata.GetValueOrDefault("output_name"));
            if (options.Preprocess is not null)
            {
                return new("evaluate", false, "evaluate takes numbers for its pixels, no model in front of it; adapt or quantize it, and evaluate that");
            }
            var isOpen = ForeignInput.LeavesValuesOpen(facts, options);
            var needed = new List<string>();
            if (ForeignInput.LeavesLayoutOpen(facts))
            {
                needed.Add("--layout");
            }
            else
            {
                ForeignInput.Describe(path, facts, isOpen ? options with { Scale = 1 } : options);   // the input alone may be the reason
            }
            if (isOpen)
            {
                needed.Add("--scale and the like");
            }
            if (ForeignInput.LeavesSizeOpen(facts))
            {
                needed.Add("--image-size");
            }
            if (ScoreOutput.Kind(facts.Graph, scores.Name) is null && imported?.Source.Head is null)
            {
                needed.Add("--output-kind, if it is a classifier at all");
            }
            if (!facts.Metadata.ContainsKey("classes"))
            {
                needed.Add("--labels, its class names");
            }
            return new("evaluate", true, needed.Count == 0 ? "the file says all that is needed" : $"with {string.Join("; ", needed)}");
        }
        catch (Exception e) when (e is InvalidFileException or ConfigurationException)
        {
            return new("evaluate", false, Problem(path, e));
        }
    }

    private static string Problem(string path, Exception e) =>
        e.Message.StartsWith($"{path}: ", StringComparison.Ordinal) ? e.Message[(path.Length + 2)..] : e.Message;
}
