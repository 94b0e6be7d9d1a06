using Airbench.Data;
using Airbench.Onnx;
using Airbench.Pipeline;

namespace Airbench.Cli;

/// <summary>A bundle and new images become a new bundle.</summary>
internal sealed class FinetuneStage : Stage<FinetuneOptions, OnnxBundle>
{
    public override string Uses => "finetune";

    public override string Description => "Adapt an exported model to new images with ONNX Runtime, and export it again.";

    public override IReadOnlyList<Type> OptionalInputs => [typeof(OnnxBundle), typeof(TrainedModel), typeof(Dataset)];

    public override bool FinishesStep => true;

    public override StageResult Run(StageContext context, FinetuneOptions options)
    {
        var name = NameOf(context, options);
        var inputs = FinetuneInputs.Open(options, context.Inputs, context.Root, context.Seed, context.Progress, context.Cancel);
        var (bundle, facts) = Finetuner.Finetune(
            inputs, options, context.Below("models", name), context.Below("exports", name), context.Device, context.Seed, context.Progress, context.Cancel);
        return new StageResult(bundle, FormattableString.Invariant(
            $"{facts.Train}, {facts.Images:N0} images, epoch {facts.BestEpoch} of {facts.Epochs}; {facts.New}"))
        {
            Items = facts.Images * (long)facts.Epochs,
            Device = facts.Engine.Split(" on ")[^1],
            AccuracyPlain = (double)facts.New.CorrectAfter / facts.New.Count,
        };
    }

    public override IEnumerable<string> Check(FinetuneOptions options) => FinetuneOptions.Check(options).Concat(
        ExportOptions.Check(new ExportOptions { Variants = options.Variants ?? [ExportOptions.Fp32], MaxDrop = options.MaxDrop }));

    public override IReadOnlyList<Type> InputsFor(FinetuneOptions options) =>
        [.. options.Model is null ? (Type[])[typeof(OnnxBundle)] : [], .. options.Data is null ? (Type[])[typeof(Dataset)] : []];

    public override string OutputFolder(StageContext context, FinetuneOptions options) => context.Below("exports", NameOf(context, options));

    public override OnnxBundle Open(string folder) => OnnxBundle.Open(folder);

    public override Fingerprint Fingerprint(StageContext context, FinetuneOptions options) => new()
    {
        Settings = options with { Name = null, Model = null, Data = null, OldData = null, Weights = null },   // the content counts, see Reads
        Environment = Factors.All(Factors.Seed(context), Factors.Device(context), Factors.Threads(options.Threads)),
        Reads = new[] { options.Model, options.Data, options.OldData, options.Weights }.OfType<string>(),
        Versions = Factors.All(
            Factors.Code(typeof(Finetuner), typeof(Preparer)),
            Factors.Packages(
                typeof(Microsoft.ML.OnnxRuntime.OrtEnv), typeof(Google.Protobuf.IMessage), typeof(SkiaSharp.SKBitmap), typeof(BitMiracle.LibTiff.Classic.Tiff)),
            Factors.OnnxRuntime()),
    };

    /// <summary>Where the options give no name: never that of the bundle that is adapted.</summary>
    private static string NameOf(StageContext context, FinetuneOptions options) => options.Name ??
        $"{(options.Model is { } model ? Path.GetFileName(Path.TrimEndingDirectorySeparator(model)) : context.DefaultName)}-finetuned";
}
