using Airbench.Data;
using Airbench.Onnx;
using Airbench.Pipeline;

namespace Airbench.Cli;

/// <summary>A trained network becomes a bundle.</summary>
internal sealed class ExportStage : Stage<ExportOptions, OnnxBundle>
{
    public override string Uses => "export";

    public override string Description => "Write the trained network as ONNX and prove that it computes the same.";

    public override IReadOnlyList<Type> Inputs => [typeof(TrainedModel)];

    public override IReadOnlyList<Type> OptionalInputs => [typeof(Dataset)];

    public override StageResult Run(StageContext context, ExportOptions options)
    {
        var bundle = Exporter.Export(
            context.Input<TrainedModel>(), options, OutputFolder(context, options), context.Inputs.OfType<Dataset>().SingleOrDefault(),
            context.Device, context.Seed, context.Progress, context.Cancel);
        var parity = bundle.Manifest.Parity;
        var sizes = string.Join(", ", bundle.Manifest.Variants.Values.Select(variant => FormattableString.Invariant(
            $"{variant.File} {variant.Bytes / 1e6:0.0} MB")));
        return new StageResult(bundle, FormattableString.Invariant(
            $"{sizes}, opset {bundle.Manifest.Opset}; parity {parity.MaxAbsDifference:0.0e+0} on {parity.Images} images"))
        {
            Items = parity.Images,
        };
    }

    public override IEnumerable<string> Check(ExportOptions options) => ExportOptions.Check(options);

    public override IReadOnlyList<Type> InputsFor(ExportOptions options) => ExportOptions.NeedDataset(options) ? [typeof(Dataset)] : [];

    public override string OutputFolder(StageContext context, ExportOptions options) => context.Below("exports", options.Name);

    public override OnnxBundle Open(string folder) => OnnxBundle.Open(folder);

    public override DeviceUse UseOf(ExportOptions options) => ExportOptions.NeedDataset(options) ? DeviceUse.Takes : DeviceUse.None;

    public override Fingerprint Fingerprint(StageContext context, ExportOptions options) => new()
    {
        Settings = ExportOptions.NeedDataset(options)
            ? options with { Name = null }
            : options with { Name = null, MaxDrop = [], AdaptiveShare = 0, Calibration = new(), FloatLayers = [] },   // of variants that are not made
        Environment = ExportOptions.NeedDataset(options)
            ? Factors.All(Factors.Seed(context), Factors.Device(context))
            : Factors.Device(context with { Device = "cpu" }),   // where parity is proven
        Versions = Factors.All(
            Factors.Code(typeof(Exporter), typeof(Preparer)),
            Factors.Packages(typeof(Microsoft.ML.OnnxRuntime.OrtEnv), typeof(Google.Protobuf.IMessage)), Factors.OnnxRuntime()),
    };
}
