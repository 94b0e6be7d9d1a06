using System.Text;

namespace Airbench.Onnx;

/// <summary><c>README.md</c> of a bundle: what the model is, how good, where it ends, how to call it, where it comes from.</summary>
internal static class ModelCard
{
    /// <summary>Name of the picture beside it.</summary>
    public const string PictureName = "confusion.svg";

    /// <summary>Classes up to which their table is open.</summary>
    private const int ClassesShown = 30;

    /// <summary>Writes the card.</summary>
    public static string Write(BundleManifest manifest, Confusion confusion) => $"{Head(manifest)}{Classes(manifest, confusion)}{Rest(manifest)}";

    /// <summary>What comes before the table of classes, from the manifest alone.</summary>
    public static string Head(BundleManifest manifest)
    {
        var text = new StringBuilder();
        Line($"# {Escape(manifest.Name)}");
        Line();
        Line($"An image classifier for {manifest.Classes.Count} classes ({Names(manifest.Classes)}), trained on {Escape(manifest.DatasetName)} " +
            $"by the recipe `{manifest.Recipe}` and written as ONNX, opset {manifest.Opset}. " +
            (manifest.AcceptsAnySize ? "It takes images of any size and looks at" : "It takes images of") + $" {manifest.ImageSize}x{manifest.ImageSize} pixels.");
        if (manifest.Synthetic)
        {
            Line();
            Line("**The training and test images are synthetic:** drawn by a program, not photographed. The numbers below say nothing about photographs.");
        }
        Results();
        return text.ToString();

        void Line(string line = "") => text.Append(line).Append('\n');

        void Results()
        {
            Line();
            Line("## Results");
            Line();
            if (manifest.Accuracy is { } accuracy)
            {
                Line($"On {accuracy.Count:N0} {(accuracy.Synthetic ? "synthetic " : "")}test images ({Escape(accuracy.Data)}) that training " +
                    $"did not see, in fp32:");
                Line();
                Line("| | correct | accuracy | 95% interval |");
                Line("|---|---:|---:|---|");
                Line(Row("one pass, as the model file gives it", accuracy.Plain));
                if (accuracy.Tta != Tta.None)
                {
                    Line(Row($"test-time augmentation: the mean over views, {Confusion.TtaName(accuracy.Tta)}", accuracy.WithTta));
                }
            }
            else
            {
                Line("Never counted on a test split.");
            }
            if (manifest.Transfer?.CrossValidation is { } validation)
            {
                Line();
                Line(FormattableString.Invariant($"By cross-validation in {validation.Folds} parts, every one of {validation.Count:N0} images asked of a model that had not learned it: ") +
                    FormattableString.Invariant($"{validation.Accuracy.Accuracy:0.0%} (95% interval {validation.Accuracy.Low95:0.0%} to {validation.Accuracy.High95:0.0%}), mean recall of the classes {validation.BalancedAccuracy:0.0%}. ") +
                    "That judges this way of training, not this very model.");
            }
            Line();
            Variants();
        }

        void Variants()
        {
            if (manifest.Variants.Values.All(variant => variant.Score is null))
            {
                return;
            }
            Line("The model files, each on the same test images in one call; speed where they were made, at batch 100, latency at batch 1:");
            Line();
            Line("| file | bytes | accuracy | less than fp32 by | same class as fp32 | images/s | ms (p50) | on |");
            Line("|---|---:|---:|---:|---:|---:|---:|---|");
            foreach (var (name, variant) in manifest.Variants)
            {
                if (variant.Score is { } score)
                {
                    Line(FormattableString.Invariant($"| `{variant.File}` ({name}) | {variant.Bytes:N0} | {score.Accuracy:0.00%} | {score.Drop * 100:0.00} points ") +
                        FormattableString.Invariant($"| {score.Agreement:0.00%} | {score.ImagesPerSecond:N0} | {score.P50Ms:0.00} | {score.Device} |"));
                }
            }
            Line();
            foreach (var variant in manifest.Variants.Values.Where(variant => variant.Score?.Gate is not null))
            {
                Line($"`{variant.File}` passed: {Escape(variant.Score!.Gate!)}.");
                Line();
            }
            foreach (var (name, variant) in manifest.Variants.Where(variant => variant.Value.Tta != Tta.None))
            {
                Line(variant.LowConfidence is { } low
                    ? FormattableString.Invariant($"`{variant.File}` shows {variant.VotesOf} further views of an image, mirrored and shifted, only where the first leaves a ") +
                        FormattableString.Invariant($"confidence below {low.Threshold:0.0000}: {low.TrainingShare:0.0%} of {low.TrainingImages:N0} training images, and more of new ones.")
                    : $"`{variant.File}` averages six views of each image, mirrored and shifted: the test-time augmentation above in one call, with {variant.VotesOf}. Do not add views outside.");
                Line();
            }
        }
    }

    /// <summary>How each class came off.</summary>
    private static string Classes(BundleManifest manifest, Confusion confusion)
    {
        var text = new StringBuilder();
        Line($"Each class, from {confusion.Total:N0} answers ({confusion.Origin}):");
        Line();
        // Many classes are folded away: how to call the model comes after them.
        var (open, close) = manifest.Classes.Count > ClassesShown ? ($"<details><summary>All {manifest.Classes.Count:N0} classes</summary>\n\n", "\n</details>\n") : ("", "");
        text.Append(open);
        Line("| class | images | precision | recall |");
        Line("|---|---:|---:|---:|");
        var answered = new long[manifest.Classes.Count];
        foreach (var row in confusion.Counts)
        {
            foreach (var (k, count) in row.Index())
            {
                answered[k] += count;
            }
        }
        for (var k = 0; k < manifest.Classes.Count; k++)
        {
            var (hits, actual) = (confusion.Counts[k][k], confusion.Counts[k].Sum());
            Line($"| {Escape(manifest.Classes[k])} | {actual:N0} | {Percent(hits, answered[k])} | {Percent(hits, actual)} |");
        }
        text.Append(close);
        return text.ToString();

        void Line(string line = "") => text.Append(line).Append('\n');
    }

    /// <summary>What comes behind the table of classes, from the manifest alone.</summary>
    public static string Rest(BundleManifest manifest)
    {
        var text = new StringBuilder();
        Line();
        Line($"![Confusion: a row for each true class, a column for each answer]({PictureName})");
        Calling(manifest.Signature!);
        Files(manifest);
        Limits();
        Origin();
        return text.ToString();

        void Line(string line = "") => text.Append(line).Append('\n');

        void Limits()
        {
            Line();
            Line("## Limits");
            Line();
            Line("- It answers with one of its classes whatever it is shown: an image of anything else gets the class that it resembles, " +
                "often with high confidence.");
            Line("- The accuracy is that of images like those of its test split. Other cameras, crops, compression or lighting lower it; " +
                "measure on your own images.");
            var seen = manifest.Fit switch
            {
                Fit.Pad => "long images are seen whole, but small (`fit: pad`)",
                Fit.Stretch => "images that are not square are seen distorted (`fit: stretch`)",
                _ => "only the centre square of an image is seen (`fit: crop`)",
            };
            Line($"- Details that do not survive in {manifest.ImageSize}x{manifest.ImageSize} pixels play no role, and {seen}.");
            Line("- Probabilities are a softmax and were not calibrated.");
            if (manifest.Synthetic)
            {
                Line("- Trained on synthetic images: for trying the tools, not for use.");
            }
        }

        void Origin()
        {
            Line();
            Line("## Provenance");
            Line();
            Line("| | |");
            Line("|---|---|");
            var drawn = manifest.Synthetic && manifest.DatasetName != "synthetic" ? " (synthetic)" : "";
            Line($"| data | {Escape(manifest.DatasetName)}{drawn}, sha256 `{manifest.DatasetSha256}` |");
            if (manifest.Finetuned is { } tuned)
            {
                Line($"| fine-tuned from | {Escape(tuned.Parent.Name)} (trained on {Escape(tuned.Parent.DatasetName)}), model sha256 `{tuned.Parent.ModelSha256}`, weights sha256 `{tuned.Parent.WeightsSha256}` |");
                Line(FormattableString.Invariant($"| fine-tuning | {tuned.Train} on {tuned.Images:N0} images, epoch {tuned.BestEpoch} of {tuned.Epochs}, {tuned.Engine} |"));
                Line($"| new data | {Escape(tuned.New.ToString())} |");
                Line(tuned.Old is { } old ? $"| old data | {Escape(old.ToString())} |" : "| old data | not measured |");
            }
            if (manifest.Backbone is { } backbone)
            {
                Line($"| backbone | {Escape(backbone.Name)}: {Escape(backbone.Origin)}; licence {(backbone.License is { } license ? $"{Escape(license)}" : "not stated: find out before you pass this model on")}; sha256 `{backbone.SourceSha256}` |");
            }
            Line($"| weights | sha256 `{manifest.WeightsSha256}`, recipe {manifest.Recipe}, seed {manifest.Seed} |");
            foreach (var (name, variant) in manifest.Variants)
            {
                Line($"| {variant.File} ({name}) | {variant.Bytes:N0} bytes, sha256 `{variant.Sha256}` |");
            }
            Line(FormattableString.Invariant($"| parity | logits within {manifest.Parity.MaxAbsDifference:0.0e+0} of the trained network's own ") +
                FormattableString.Invariant($"on {manifest.Parity.Images} images, the same class on {manifest.Parity.SameTop1} |"));
            Line($"| trained on | {Escape(manifest.Provenance!.TrainedOn)} |");
            Line($"| made by | {Product.Name} {manifest.ProductVersion} |");
            Line();
            Line("Packages with their versions: `sbom.cdx.json`. The same facts in machine-readable form: `metadata.json`.");
        }

        void Calling(ModelSignature ends)
        {
            Line();
            Line("## Calling it");
            Line();
            Line("| | name | type | shape |");
            Line("|---|---|---|---|");
            foreach (var (kind, end) in ends.Inputs.Select(t => ("input", t)).Concat(ends.Outputs.Select(t => ("output", t))))
            {
                Line($"| {kind} | `{end.Name}` | {end.Type} | {end.ToString()[(end.Name.Length + end.Type.Length + 2)..]} |");
            }
            Line();
            Line($"{manifest.Preprocessing} The filter is bilinear with antialiasing (Pillow's `BILINEAR`). N is free. `labels.txt` names " +
                $"class k in line k + 1.");
            Line();
            var (height, width) = manifest.AcceptsAnySize ? ("height", "width") : ("size", "size");
            Line(Template.Text("calling.md").TrimEnd('\n')
                .Replace("EXTENTS", manifest.Input == InputFormat.Uint8Nhwc ? $"n, {height}, {width}, 3" : $"n, 3, {height}, {width}", StringComparison.Ordinal)
                .Replace("ELEMENT", manifest.Input == InputFormat.FloatNchw ? "float" : "byte", StringComparison.Ordinal));
        }

        void Files(BundleManifest bundle)
        {
            var folder = bundle.Name;
            Line();
            Line("## Serving it");
            Line();
            Line($"- **Triton:** `tritonserver --model-repository=triton`. The folder holds its own copy of the model, so that it works when copied alone; " +
                $"`curl -d @request.json localhost:8000/v2/models/{Uri.EscapeDataString(folder)}/infer` sends it a test image.");
            var service = ServingFiles.DnsName(folder);
            Line("- **OpenVINO Model Server and Azure ML** read the same `triton/` tree; **KServe:** `kserve.yaml`, with the location of that tree filled in." +
                (service == folder ? "" : $" The service is called `{service}`: its name has to {ServingFiles.DnsRule}."));
            Line("- `onnx_test_runner` and `onnxruntime_perf_test` find `test_data_set_0/` beside `model.onnx`.");
        }
    }

    private static string Row(string name, Proportion share) => FormattableString.Invariant(
        $"| {name} | {share.Correct:N0} | {share.Accuracy:0.00%} | {share.Low95:0.0%} to {share.High95:0.0%} |");

    private static string Percent(long part, long whole) => whole == 0 ? "-" : FormattableString.Invariant($"{(double)part / whole:0.0%}");

    private static string Names(IReadOnlyList<string> classes) =>
        string.Join(", ", classes.Take(12).Select(Escape)) + (classes.Count > 12 ? ", ..." : "");

    /// <summary>A name is text: nothing in it may become Markdown or HTML.</summary>
    private static string Escape(string text) => string.Concat(text.Select(c =>
        c switch
        {
            '<' => "&lt;",
            '>' => "&gt;",
            '&' => "&amp;",
            _ when char.IsControl(c) => " ",
            _ => "\\`*_{}[]#|!~".Contains(c, StringComparison.Ordinal) ? $"\\{c}" : $"{c}",
        }));
}
