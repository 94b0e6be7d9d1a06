using Airbench.Onnx;

namespace Airbench.Tests;

public sealed class ExporterTests : IDisposable
{
    private static readonly ParityResult Same = new(256, 1e-6, 256);
    private readonly TemporaryFolder _folder = new();

    private string Bundle => _folder.File("exports/small");

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_bundle_has_the_model_its_labels_and_a_manifest_that_opens_again()
    {
        var gated = "";
        var bundle = Export(Model(), gate: file =>
        {
            gated = File.ReadAllText(file);
            return Same;
        });

        Assert.Equal(
            [
                "README.md", "SHA256SUMS", "confusion.svg", "kserve.yaml", "labels.txt", "metadata.json", "model.onnx", "request.json", "sbom.cdx.json",
            ],
            Directory.GetFiles(bundle.Folder).Select(Path.GetFileName).Order(StringComparer.Ordinal));
        Assert.Equal("class 0\nclass 1\nclass 2\n", File.ReadAllText(bundle.File(Exporter.LabelsName)));
        Assert.Equal(File.ReadAllText(bundle.File(Exporter.ModelName)), gated);
        var manifest = OnnxBundle.Open(bundle.Folder).Manifest;
        Assert.Equal(("small", true, Same, 17), (manifest.Name, manifest.Synthetic, manifest.Parity, manifest.Opset));
        var variant = manifest.Variants["fp32"];
        Assert.Equal(new VariantFile("model.onnx", new FileInfo(bundle.File(variant.File)).Length, Hash.OfFile(bundle.File(variant.File))),
            variant);
    }

    [Fact]
    public void On_device_training_has_its_four_files_for_each_part_and_the_manifest_names_them()
    {
        var options = new ExportOptions { Training = ["head", "head+bn"], OnDevice = true };
        var bundle = Exporter.Export(Model(), options, Bundle, _ => Same, IProgress.Silent, CancellationToken.None);

        Assert.Equal(
            from part in (string[])["head", "head_bn"]
            from file in (string[])["train_step.onnx", "ort/training_model.onnx", "ort/eval_model.onnx", "ort/optimizer_model.onnx", "ort/checkpoint"]
            select $"training/{part}/{file}",
            bundle.Manifest.Training!.Select(file => file.File));
        Assert.All(bundle.Manifest.Training!, file => Assert.Equal(
            (new FileInfo(bundle.File(file.File)).Length, Hash.OfFile(bundle.File(file.File))), (file.Bytes, file.Sha256)));
        Assert.Equal(["on_device: true; expected at least one name in training beside it"], ExportOptions.Check(new ExportOptions { OnDevice = true }));
    }

    [Fact]
    public void A_failed_gate_leaves_nothing()
    {
        Assert.Throws<GateException>(() => Export(Model(), gate: _ => throw new GateException("off")));

        Assert.Empty(Directory.EnumerateFileSystemEntries(Path.GetDirectoryName(Bundle)!));
    }

    [Fact]
    public void A_failed_gate_leaves_the_earlier_bundle_as_it_was()
    {
        Export(Model());
        var before = Files();

        Assert.Throws<GateException>(() => Export(Model(seed: 2), gate: _ => throw new GateException("off")));

        Assert.Equal(before, Files());
        Assert.Single(Directory.EnumerateFileSystemEntries(Path.GetDirectoryName(Bundle)!));

        List<(string, string)> Files() => [.. Directory.GetFiles(Bundle, "*", SearchOption.AllDirectories).Order().Select(f => (f, Hash.OfFile(f)))];
    }

    [Fact]
    public void A_new_bundle_takes_the_place_of_the_earlier_one()
    {
        var first = Export(Model()).Manifest.Variants["fp32"].Sha256;
        var second = Export(Model(seed: 2)).Manifest.Variants["fp32"].Sha256;

        Assert.NotEqual(first, second);
        Assert.Equal(second, OnnxBundle.Open(Bundle).Manifest.Variants["fp32"].Sha256);
    }

    [Fact]
    public void Weights_that_were_changed_since_training_are_refused()
    {
        var model = Model();
        RandomNetwork.WriteWeights(model.Folder, model.Manifest.Network, RandomNetwork.Weights(model.Manifest.Network, 99));

        Assert.Contains("changed since training", Assert.Throws<InvalidFileException>(() => Export(model)).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void A_cancelled_export_leaves_nothing()
    {
        using var cancel = new CancellationTokenSource();

        Assert.Throws<OperationCanceledException>(() => Exporter.Export(
            Model(), new ExportOptions(), Bundle, _ => { cancel.Cancel(); return Same; }, IProgress.Silent, cancel.Token));
        Assert.False(Directory.Exists(Bundle));
    }

    [Fact]
    public void Class_names_that_do_not_fit_the_network_are_refused()
    {
        var model = Model();

        Assert.Contains("names 1 classes for a network of 3", Refusal(["one"]), StringComparison.Ordinal);
        Assert.Contains("line break", Refusal(["a", "b\nc", "d"]), StringComparison.Ordinal);

        string Refusal(string[] classes) =>
            Assert.Throws<InvalidFileException>(() => Export(model with { Manifest = model.Manifest with { Classes = classes } })).Message;
    }

    [Fact]
    public void Options_that_this_version_cannot_follow_are_refused()
    {
        Assert.Empty(ExportOptions.Check(new ExportOptions()));
        Assert.Empty(ExportOptions.Check(new ExportOptions { Variants = ["fp32", "fp16", "int8"], MaxDrop = new() { ["int8"] = 0.01 } }));
        Assert.Empty(ExportOptions.Check(new ExportOptions { Variants = ["fp32", "int8", "tta", "adaptive", "int8_tta", "int8_adaptive"] }));
        Assert.Equal(["variants: 'int4'; expected fp32, fp16, int8, tta, fp16_tta, int8_tta, adaptive, fp16_adaptive, int8_adaptive"],
            ExportOptions.Check(new ExportOptions { Variants = ["fp32", "int4"] }));
        Assert.Equal(["variants: [fp32, int8_tta]; expected int8 among them, which int8_tta is made of"],
            ExportOptions.Check(new ExportOptions { Variants = ["fp32", "int8_tta"] }));
        Assert.Equal(["adaptive_share: 1; expected a share between 0 and 1"], ExportOptions.Check(new ExportOptions { AdaptiveShare = 1 }));
        Assert.Equal(["variants: [int8]; expected fp32 among them: the others are judged against it"],
            ExportOptions.Check(new ExportOptions { Variants = ["int8"] }));
        Assert.Equal(["variants: []; expected fp32 among them: the others are judged against it"],
            ExportOptions.Check(new ExportOptions { Variants = [] }));
        Assert.Equal(["max_drop.int8: 1.5; expected 0 to 1", "max_drop.fp32: unknown; expected fp16, int8, tta, fp16_tta, int8_tta, adaptive, fp16_adaptive or int8_adaptive"],
            ExportOptions.Check(new ExportOptions { MaxDrop = new() { ["int8"] = 1.5, ["fp32"] = 0 } }));
        Assert.Equal(["calibration.images: 0; expected 1 to 100000", "calibration.percentile: 50; expected above 50, to 100"],
            ExportOptions.Check(new ExportOptions { Calibration = new() { Images = 0, Percentile = 50 } }));
        Assert.Equal(["float_layers: [last, last]; expected each name once"],
            ExportOptions.Check(new ExportOptions { FloatLayers = ["last", "last"] }));
        Assert.Equal(["variants: [fp32, fp32]; expected each name once"],
            ExportOptions.Check(new ExportOptions { Variants = ["fp32", "fp32"] }));
        Assert.Equal(["opset: 12; expected 13 to 22"], ExportOptions.Check(new ExportOptions { Opset = 12 }));
        Assert.Throws<ConfigurationException>(() => Exporter.Export(
            Model(), new ExportOptions { Opset = 12 }, Bundle, _ => Same, IProgress.Silent, CancellationToken.None));
    }

    [Fact]
    public void A_bound_that_is_not_given_is_the_usual_one()
    {
        var options = new ExportOptions { MaxDrop = new() { ["int8"] = 0.01 } };

        Assert.Equal((0.01, 0.001, 0.003), (options.MaxDropOf("int8"), options.MaxDropOf("fp16"), new ExportOptions().MaxDropOf("int8")));
    }

    [Fact]
    public void Other_variants_without_a_data_set_are_refused_and_leave_nothing()
    {
        var message = Assert.Throws<ConfigurationException>(() => Exporter.Export(
            Model(), new ExportOptions { Variants = ["fp32", "int8"] }, Bundle, _ => Same, IProgress.Silent, CancellationToken.None)).Message;

        Assert.Contains("variants: [fp32, int8] without the data set that judges them", message, StringComparison.Ordinal);
        Assert.False(Directory.Exists(Bundle));
    }

    private TrainedModel Model(int seed = 1) => RandomNetwork.Write(_folder.File("model"), RandomNetwork.Small(), seed);

    private OnnxBundle Export(TrainedModel model, Func<string, ParityResult>? gate = null) =>
        Exporter.Export(model, new ExportOptions(), Bundle, gate ?? (_ => Same), IProgress.Silent, CancellationToken.None);
}
