using System.Xml.Linq;
using static Airbench.Report.Html;

namespace Airbench.Report;

/// <summary>On what it ran, from what, and how to do it again.</summary>
internal static class Origin
{
    public static XElement Environment(Run run)
    {
        var machine = run.Record?.Machine;
        var versions = run.Models.SelectMany(model => model.Manifest.Versions)
            .Concat(run.Evaluations.Where(evaluation => evaluation.Metrics.Settings is not null).Select(evaluation => KeyValuePair.Create("ONNX Runtime", evaluation.Metrics.Settings!.OnnxRuntime)))
            .Where(version => version.Key != Product.Name).Distinct().Select(version => $"{version.Key} {version.Value}");
        var providers = run.Evaluations.Select(evaluation => evaluation.Metrics.Provider).Distinct();
        return Page.Section("environment", "Environment", Page.Facts(
            (Product.Name, run.Record?.ProductVersion),
            ("processor", machine is null ? null : $"{machine.Cpu}, {machine.Cores} cores"),
            ("memory", machine is null ? null : $"{Format.Number(machine.MemoryGb, "0.0")} GB"),
            ("GPU", machine is null ? null : machine.Gpu ?? "none"),
            ("system", machine?.Os),
            ("runtime", machine?.Runtime),
            ("device", run.Record is { } record ? $"{record.Device} asked for; {string.Join(", ", run.Times.Select(time => time.Device).Where(device => device.Length > 0).Distinct())} used" : null),
            ("providers", string.Join(", ", providers)),
            ("packages", string.Join(", ", versions))));
    }

    public static XElement Reproduce(Run run)
    {
        var options = run.ResolvedYaml is { } yaml ? ResolvedOptions.Of(yaml) : [];
        var seed = run.Record is { } record ? $"{record.Seed}" : ResolvedOptions.Text(options, "seed");
        var given = run.Record?.Stages.Any(stage => stage.Given.Count > 0) ?? false;   // artifacts by folder, which a pipeline file does not name
        return Page.Section("reproduce", "How to reproduce it",
            run.Record is null ? null : (object?[])[Tag("p", "The command:"), Tag("pre", run.Record.Command)],
            given ? null : (object?[])
            [
                Tag("p", "The same run with every option written out, independent of the defaults of later versions:"),
                Tag("pre", $"cp runs/{run.Title}/pipeline.resolved.yaml again.yaml\nairbench run again.yaml"),
            ],
            Classed("p", "muted", "On the CPU, with the same package versions, processor features and number of threads, the weights are the same to the last bit."),
            Page.Facts([
                ("seed", seed),
                .. run.Datasets.Select(set => ($"data {set.Manifest.Name}", (object?)Hash(set.Manifest.Sha256,
                    $"{Format.Count(set.Manifest.TrainCount)} train, {Format.Count(set.Manifest.TestCount)} test, {set.Manifest.Classes.Count} classes, source {set.Manifest.Source}"))),
                .. run.Models.Select(model => ($"weights {model.Manifest.Name}", (object?)Hash(model.Manifest.WeightsSha256, $"seed {model.Manifest.Seed}, data {Format.Hash(model.Manifest.DatasetSha256)}"))),
                .. run.Bundles.SelectMany(bundle => bundle.Manifest.Variants.Select(variant => ($"model {variant.Key}", (object?)Hash(variant.Value.Sha256, variant.Value.File)))),
                .. run.Evaluations.Where(evaluation => evaluation.IsFirst).Select(evaluation => ($"evaluated {evaluation.Stage}", (object?)Hash(evaluation.Metrics.DatasetSha256, $"{evaluation.Metrics.Data}, model {Format.Hash(evaluation.Metrics.ModelSha256)}"))),
            ]),
            run.ResolvedYaml is null ? null : Tag("details", Tag("summary", "pipeline.resolved.yaml: every option"), Tag("pre", run.ResolvedYaml.TrimEnd())));
    }

    private static XElement[] Hash(string sha256, string detail) => [Tag("code", sha256), Tag("br"), Classed("span", "muted", detail)];
}
