using Airbench.Onnx;

namespace Airbench.Tests;

/// <summary>A bundle and a folder of pictures become another bundle through the real command line.</summary>
public sealed class FinetuneTests : IDisposable
{
    private readonly Workplace _place = new();

    public void Dispose() => _place.Dispose();

    [Fact]
    public void The_new_bundle_is_exported_as_the_old_one_or_with_other_variants_and_verifies()
    {
        _place.With("pipeline.yaml", Workplace.SmallPipeline.ReplaceLineEndings("\n")
            .Replace("uses: export\n    needs: [train]", "uses: export\n    needs: [prepare, train]", StringComparison.Ordinal));
        var exported = _place.Run("run", "--set", "export.with={ variants: [fp32, int8, tta], max_drop: { int8: 1, tta: 1 }, " +
            "input: uint8_nhwc, accept_any_size: true, opset: 18, training: [head, head+bn], calibration: { images: 32 } }");
        Assert.True(exported.ExitCode == 0, exported.Output + exported.Errors);
        var random = new Random(1);
        foreach (var (label, i) in Enumerable.Range(0, 2).SelectMany(label => Enumerable.Range(0, 16).Select(i => (label, i))))
        {
            PictureFolder.Write(_place[$"photos/class {label}/{i}.png"], label, 40, 36, random);
        }
        string[] finetune = ["finetune", "--model", "exports/small", "--data", "photos", "--epochs", "2", "--device", "cpu"];

        var (code, output, errors) = _place.Run([.. finetune, "--max-drop", "{ int8: 1, tta: 1 }"]);

        Assert.True(code == 0, output + errors);
        Assert.Contains("fp32, int8, tta", output, StringComparison.Ordinal);
        var (before, after) = (OnnxBundle.Open(_place["exports/small"]).Manifest, OnnxBundle.Open(_place["exports/small-finetuned"]).Manifest);
        Assert.Equal(before.Variants["fp32"].Sha256, after.Finetuned!.Parent.ModelSha256);
        Assert.Equal(before.Variants.Keys, after.Variants.Keys);
        Assert.Equal((InputFormat.Uint8Nhwc, true, 18), (after.Input, after.AcceptsAnySize, after.Opset));
        Assert.Equal(before.Training!.Select(file => file.File), after.Training!.Select(file => file.File));
        Assert.Equal(before.Variants["int8"].Quantization!.Calibration, after.Variants["int8"].Quantization!.Calibration);
        Assert.Equal(after.Finetuned.New.CorrectAfter, after.Variants["fp32"].Score!.Correct);
        var verified = _place.Run("verify", "exports/small-finetuned");
        Assert.True(verified.ExitCode == 0, verified.Errors);

        (code, output, errors) = _place.Run([.. finetune, "--variants", "fp32,fp16", "--max-drop", "{ fp16: 1 }", "--name", "half"]);
        Assert.True(code == 0, output + errors);
        Assert.Equal(["fp32", "fp16"], OnnxBundle.Open(_place["exports/half"]).Manifest.Variants.Keys);
    }

    [Theory]
    [InlineData("int8", "{ }", "expected fp32 among them")]
    [InlineData("fp32,int8_tta", "{ }", "expected int8 among them, which int8_tta is made of")]
    [InlineData("fp32", "{ int9: 0.1 }", "max_drop.int9: unknown")]
    public void Variants_that_cannot_be_made_are_refused_before_any_work(string variants, string maxDrop, string message)
    {
        var (code, _, errors) = _place.Run("finetune", "--model", "exports/none", "--data", "none", "--variants", variants, "--max-drop", maxDrop);

        Assert.Equal(2, code);
        Assert.Contains(message, errors, StringComparison.Ordinal);
    }

    [Fact]
    public void A_bundle_with_what_this_version_does_not_write_is_refused_until_the_options_say_otherwise()
    {
        var fp32 = new VariantFile("model.onnx", 1, "");
        var bundle = new OnnxBundle("exports/later", new BundleManifest
        {
            Name = "later",
            Variants = new Dictionary<string, VariantFile> { ["fp32"] = fp32, ["int4"] = fp32 },
            Classes = ["a", "b"],
            ImageSize = 32,
            Preprocessing = "",
            Recipe = "airbench94",
            Seed = 1,
            DatasetName = "",
            DatasetSha256 = "",
            Synthetic = false,
            WeightsSha256 = "",
            Fp32 = new Fp32Score(0, 0, 0, Tta.None),
            Parity = new ParityResult(1, 0, 1),
            Opset = 17,
            ProductVersion = "9",
        });

        var refusal = Assert.Throws<InvalidFileException>(() => Inputs(bundle).ExportLike(new FinetuneOptions()));

        Assert.Contains("variants: 'int4'", refusal.Message, StringComparison.Ordinal);
        Assert.Equal([ExportOptions.Fp32], Inputs(bundle).ExportLike(new FinetuneOptions { Variants = [ExportOptions.Fp32] }).Variants);
    }

    private static FinetuneInputs Inputs(OnnxBundle bundle) => new(bundle, Parent: null!, Data: null!, OldData: null);
}
