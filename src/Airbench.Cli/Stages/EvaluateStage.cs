using Airbench.Data;
using Airbench.Onnx;
using Airbench.Pipeline;

namespace Airbench.Cli;

/// <summary>A bundle answers for labelled images.</summary>
internal sealed class EvaluateStage : Stage<EvaluateOptions, Evaluation>
{
    public override string Uses => "evaluate";

    public override string Description => "Classify labelled images with ONNX Runtime and test-time augmentation.";

    public override IReadOnlyList<Type> OptionalInputs => [typeof(Dataset), typeof(OnnxBundle)];

    public override StageResult Run(StageContext context, EvaluateOptions options)
    {
        var evaluation = Evaluator.Evaluate(
            context.Inputs.OfType<OnnxBundle>().SingleOrDefault(), context.Inputs.OfType<Dataset>().SingleOrDefault(), Rooted(options, context.Root),
            context.Device, OutputFolder(context, options), context.Progress, context.Cancel);
        foreach (var line in ComparisonTable.Lines(evaluation.Metrics))
        {
            context.Progress.Info(line);
        }
        var (metrics, interval) = (evaluation.Metrics, evaluation.Metrics.AccuracyInterval95);
        var broken = metrics.Broken > 0 ? $", {metrics.Broken:N0} broken" : "";
        return new StageResult(evaluation, FormattableString.Invariant(
            $"{metrics.Data}: {metrics.Correct:N0} of {metrics.Count:N0} correct, 95% interval {interval[0]:0.0%} to {interval[1]:0.0%}{broken}"))
        {
            WorkSeconds = metrics.ImagesPerSecond > 0 ? metrics.Count / metrics.ImagesPerSecond : null,
            Items = metrics.Count,
            Device = metrics.Provider == "CPUExecutionProvider" ? "cpu" : "cuda",
            AccuracyPlain = metrics.HasPlain ? metrics.AccuracyPlain : null,
            AccuracyTta = metrics.Accuracy,
        };
    }

    public override IEnumerable<string> Check(EvaluateOptions options) => EvaluateOptions.Check(options);

    public override IReadOnlyList<Type> InputsFor(EvaluateOptions options) =>
        [.. options.Data is null ? (Type[])[typeof(Dataset)] : [], .. EvaluateOptions.NeedBundle(options) ? (Type[])[typeof(OnnxBundle)] : []];

    public override string OutputFolder(StageContext context, EvaluateOptions options) => context.InRunFolder();

    public override Evaluation Open(string folder) => Evaluation.Open(folder);

    public override Fingerprint Fingerprint(StageContext context, EvaluateOptions options) => new()
    {
        Settings = options,
        Environment = Factors.Device(context),
        Reads = EvaluationInputs.Files(Rooted(options, context.Root)),
        Versions = Factors.All(
            Factors.Code(typeof(Evaluator), typeof(Preparer)),
            Factors.Packages(typeof(Microsoft.ML.OnnxRuntime.OrtEnv), typeof(SkiaSharp.SKBitmap), typeof(BitMiracle.LibTiff.Classic.Tiff)),
            Factors.OnnxRuntime()),
    };

    /// <summary>A relative path means what the pipeline file sees, wherever the command is typed.</summary>
    private static EvaluateOptions Rooted(EvaluateOptions options, string root) => options with
    {
        Model = [.. options.Model.Select(model => EvaluateOptions.IsVariant(model) ? model : Path.Combine(root, model))],
        Data = options.Data is null ? null : Path.Combine(root, options.Data),
        Labels = options.Labels is null ? null : Path.Combine(root, options.Labels),
    };
}
