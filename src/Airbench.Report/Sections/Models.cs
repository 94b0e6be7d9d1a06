using System.Xml.Linq;
using static Airbench.Report.Html;

namespace Airbench.Report;

/// <summary>The exported files and what each costs and gives; benchmarks of them.</summary>
internal static class Models
{
    private const int ShownKernels = 10, KernelNameLength = 90;

    public static XElement? Variants(Run run) => run.Bundles.Count == 0 ? null : Page.Section("model", "Exported model", run.Bundles.Select(Bundle));

    public static XElement? Benchmarks(Run run) => run.Benchmarks.Count == 0 ? null : Page.Section("benchmark", "Benchmarks", run.Benchmarks.Select(Benchmark));

    private static IEnumerable<XElement?> Bundle(Recorded<BundleManifest> recorded)
    {
        var bundle = recorded.Manifest;
        yield return Tag("p", Tag("code", recorded.Folder), $": opset {bundle.Opset}",
            bundle.Signature is { } signature ? $"; takes {Join(signature.Inputs)}; gives {Join(signature.Outputs)}" : null, ".");
        var scored = bundle.Variants.Values.Any(variant => variant.Score is not null);
        string[] columns = ["variant", "file", "bytes", .. scored ? (string[])["plain", "change, points", "same class as fp32", "images/s", "p50, ms", "device"] : [], "sha256"];
        yield return Html.Table(columns, bundle.Variants.Select(entry => Tag("tr",
            Tag("td", entry.Key), Tag("td", entry.Value.File), Number(Format.Count(entry.Value.Bytes)),
            scored ? Score(entry.Value.Score) : null, Classed("td", "n", Tag("code", Format.Hash(entry.Value.Sha256))))), firstNumber: 2);
        foreach (var (name, variant) in bundle.Variants)
        {
            if (variant.Score?.Gate is { } gate)
            {
                yield return Classed("p", "muted", $"{name} passed: {gate}.");
            }
        }
        foreach (var (name, quantization) in bundle.Variants.Select(entry => (entry.Key, entry.Value.Quantization)))
        {
            if (quantization is not null)
            {
                var layers = quantization.FloatLayers.Count == 0 ? "no layer" : string.Join(", ", quantization.FloatLayers);
                yield return Classed("p", "muted",
                    $"{name}: ranges by {quantization.Calibration.Method.ToString().ToLowerInvariant()} from {Format.Count(quantization.Calibration.Images)} training images; kept in float: {layers}; loses {Format.Percent(quantization.HeldOutDrop)} on {Format.Count(quantization.HeldOutImages)} held-out training images.");
            }
        }
        var parity = bundle.Parity;
        yield return Tag("p",
            $"Parity with the trained network: largest difference of a logit {Format.Number(parity.MaxAbsDifference, "0.0e+0")}, same class for {Format.Count(parity.SameTop1)} of {Format.Count(parity.Images)} images.");
    }

    private static XElement[] Score(VariantScore? score) => score is null
        ? [.. Enumerable.Repeat(0, 6).Select(_ => Number(Format.None))]
        :
        [
            Number(Format.Percent(score.Accuracy)), Number(Format.Points(-score.Drop, unit: false)), Number(Format.Percent(score.Agreement)),
            Number(Format.Number(score.ImagesPerSecond, "#,0.0")), Number(Format.Number(score.P50Ms, "#,0.000")), Number(score.Device),
        ];

    private static string Join(IEnumerable<TensorSignature> tensors) => string.Join(", ", tensors);

    private static IEnumerable<XElement?> Benchmark(Recorded<BenchmarkReport> recorded)
    {
        yield return Tag("h3", recorded.Stage);
        if (recorded.Manifest.Train is { } train)
        {
            yield return Tag("p",
                $"{train.Recipe.Name}, {train.Precision}, {train.Device}, on {train.DatasetName}; protocol {train.Protocol.ToString().ToLowerInvariant()}; {Format.Number(train.StepsPerSecond, "0.00")} steps/s; target {Format.Percent(train.TargetAccuracy)} ",
                train.TargetReached ? "reached" : "missed", train.TargetPValue is { } p ? $" (p {Format.Number(p, "0.000")} for a true mean below it)." : ".");
            yield return Html.Table(["seed", "plain", "with TTA", "seconds", "steps"], train.Runs.Select(one => Tag("tr",
                Tag("td", $"{one.Seed}"), Number(Format.Percent(one.AccuracyPlain)), Number(Format.Percent(one.AccuracyTta)),
                Number(Format.Number(one.Seconds, "#,0.00")), Number(Format.Count(one.Steps)))));
            if (train.Trace is { } trace)
            {
                yield return Tag("p",
                    $"In one more run the GPU worked for {Format.Number(trace.BusySeconds, "0.000")} of {Format.Number(trace.Seconds, "0.000")} s; while it trained it was idle for {Format.Percent(trace.SteadyIdleShare)} of the time. What took longest:");
                yield return Html.Table(["kernel", "launches", "ms"], trace.Kernels.Take(ShownKernels).Select(kernel => Tag("tr",
                    Tag("td", Tag("code", ShortText.Fit(kernel.Name, KernelNameLength))), Number(Format.Count(kernel.Count)), Number(Format.Number(1000 * kernel.Seconds, "#,0.0")))));
            }
        }
        if (recorded.Manifest.Model is { } model)
        {
            yield return Html.Table(["variant", "device", "batch", "calls", "p50, ms", "p90, ms", "p99, ms", "images/s"], model.Rows.Select(row => Tag("tr",
                Tag("td", model.Variant), Tag("td", row.Device), Number(Format.Count(row.BatchSize)), Number(Format.Count(row.Calls)),
                Number(Format.Number(row.P50Ms, "#,0.000")), Number(Format.Number(row.P90Ms, "#,0.000")), Number(Format.Number(row.P99Ms, "#,0.000")),
                Number(Format.Number(row.ImagesPerSecond, "#,0.0")))), firstNumber: 2);
        }
    }
}
