using System.Diagnostics;

namespace Airbench.Tests;

/// <summary>prepare -> train -> export -> evaluate through the real command line.</summary>
public sealed class PipelineRunTests : IDisposable
{
    private readonly Workplace _place = new Workplace().With("pipeline.yaml", Workplace.SmallPipeline);

    public void Dispose() => _place.Dispose();

    [Fact]
    public void A_run_leaves_every_artifact_and_a_row_of_times_for_each_stage()
    {
        var (code, output, errors) = _place.Run("run");
        Assert.True(code == 0, output + errors);
        Assert.True(Dataset.Open(_place["data/synthetic"]).Manifest.IsSynthetic);
        var model = TrainedModel.Open(_place["models/small"]).Manifest;
        var bundle = OnnxBundle.Open(_place["exports/small"]).Manifest;
        Assert.Equal(model.WeightsSha256, bundle.WeightsSha256);
        Assert.True(bundle.Synthetic);
        Assert.Equal(bundle.Parity.Images, bundle.Parity.SameTop1);

        var run = Assert.Single(Directory.GetDirectories(_place["runs/small"]));
        var evaluation = Evaluation.Open(Path.Combine(run, "evaluate")).Metrics;
        Assert.Equal(64, evaluation.Count);
        Assert.True(evaluation.Synthetic);
        Assert.InRange(evaluation.Correct, model.Fp32.CorrectTta - 1, model.Fp32.CorrectTta + 1);
        Assert.Equal(64 + 1, File.ReadAllLines(Path.Combine(run, "evaluate", "predictions.csv")).Length);

        var times = File.ReadAllLines(Path.Combine(run, "timings.csv"));
        Assert.Equal(
            "run_id,pipeline,stage,uses,status,started_utc,wall_seconds,work_seconds,items,items_per_second,device,peak_rss_mb,usd,error,precision,bf16_gflops,fp32_gflops",
            times[0]);
        Assert.Equal(["prepare", "train", "export", "evaluate"], times.Skip(1).Select(row => row.Split(',')[2]));
        Assert.All(times.Skip(1), row => Assert.Equal("ok", row.Split(',')[4]));
        Assert.Contains("synthetic", output, StringComparison.Ordinal);
        Assert.Empty(errors);
    }

    [Fact]
    public void The_resolved_pipeline_runs_again_and_gives_the_same_weights()
    {
        Assert.Equal(0, _place.Run("run").ExitCode);
        var weights = TrainedModel.Open(_place["models/small"]).Manifest.WeightsSha256;
        var resolved = Directory.GetFiles(_place.Folder, "pipeline.resolved.yaml", SearchOption.AllDirectories).Single();
        File.Copy(resolved, _place["again.yaml"]);
        var (code, output, errors) = _place.Run("run", "again.yaml", "--force");
        Assert.True(code == 0, output + errors);
        Assert.Equal(weights, TrainedModel.Open(_place["models/small"]).Manifest.WeightsSha256);
    }

    [Fact]
    public void A_missed_gate_fails_the_run_keeps_the_evaluation_and_is_a_row()
    {
        var (code, _, errors) = _place.Run("run", "--set", "evaluate.with.gates={ accuracy_min: 0.999 }");
        Assert.Equal(1, code);
        Assert.Contains("accuracy_min", errors, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", errors, StringComparison.Ordinal);
        var run = Assert.Single(Directory.GetDirectories(_place["runs/small"]));
        Assert.True(File.Exists(Path.Combine(run, "evaluate", "metrics.json")));
        Assert.Contains(File.ReadAllLines(Path.Combine(run, "timings.csv")), row => row.Contains(",evaluate,failed,", StringComparison.Ordinal));
    }

    [Fact]
    public void One_stage_verbs_take_artifacts_by_folder()
    {
        Assert.Equal(0, _place.Run("prepare", "--source", "synthetic", "--train-count", "128", "--test-count", "32", "--name", "tiny").ExitCode);
        var trained = _place.Run("train", "--dataset", "data/tiny", "--epochs", "1", "--batch-size", "32", "--widths", "4,8,8", "--device", "cpu");
        Assert.True(trained.ExitCode == 0, trained.Errors);
        Assert.Equal(0, _place.Run("export", "--trained-model", "models/tiny").ExitCode);
        Assert.Equal(0, _place.Run("evaluate", "--dataset", "data/tiny", "--bundle", "exports/tiny", "--tta", "none").ExitCode);
    }

    [Fact]
    public void Variants_are_written_scored_and_shown_and_can_be_evaluated()
    {
        _place.With("pipeline.yaml", Workplace.SmallPipeline.ReplaceLineEndings("\n")
            .Replace("uses: export\n    needs: [train]", "uses: export\n    needs: [prepare, train]", StringComparison.Ordinal));
        var (code, output, errors) = _place.Run("run",
            "--set", "export.with={ variants: [fp32, fp16, int8], max_drop: { fp16: 0.1, int8: 0.2 } }", "--set", "evaluate.with.model=int8");
        Assert.True(code == 0, output + errors);
        Assert.Contains("variant", output, StringComparison.Ordinal);
        Assert.Contains("agreement", output, StringComparison.Ordinal);
        var variants = OnnxBundle.Open(_place["exports/small"]).Manifest.Variants;
        Assert.Equal(["fp32", "fp16", "int8"], variants.Keys);
        Assert.All(variants.Values, variant => Assert.Equal(64, variant.Score!.Count));
        var run = Assert.Single(Directory.GetDirectories(_place["runs/small"]));
        Assert.Equal("model.int8.onnx", Evaluation.Open(Path.Combine(run, "evaluate")).Metrics.Model);

        (code, _, errors) = _place.Run("export", "--trained-model", "models/small", "--dataset", "data/synthetic", "--variants", "fp32,int8",
            "--max-drop", "{ int8: 0.2 }", "--float-layers", "first,last");
        Assert.True(code == 0, errors);
        Assert.Equal(["whiten", "head"], OnnxBundle.Open(_place["exports/small"]).Manifest.Variants["int8"].Quantization!.FloatLayers);

        (code, _, errors) = _place.Run("export", "--trained-model", "models/small", "--variants", "fp32,int8");
        Assert.Equal(2, code);
        Assert.Contains("export: with these options needs a prepared data set: --dataset data/NAME", errors, StringComparison.Ordinal);
    }

    [Fact]
    public void Int8_without_the_data_set_is_refused_before_any_work()
    {
        var (code, _, errors) = _place.Run("run", "--set", "export.with.variants=[fp32, int8]");
        Assert.Equal(2, code);
        Assert.Contains("stage 'export' (uses export) needs a Dataset: add 'prepare' to needs", errors, StringComparison.Ordinal);
    }

    [Fact]
    public void Verify_accepts_an_exported_bundle_and_says_what_differs_in_a_changed_one()
    {
        Assert.Equal(0, _place.Run("run", "--set", "train.with.epochs=0.5").ExitCode);
        var bundle = OnnxBundle.Open(_place["exports/small"]);
        Assert.Equal(64, bundle.Manifest.Accuracy!.Count);
        Assert.Contains(
            "64 answers (64 test images, with mirrored and shifted views (TTA))", File.ReadAllText(bundle.File("README.md")), StringComparison.Ordinal);
        var (code, output, errors) = _place.Run("verify", "exports/small");
        Assert.True(code == 0, errors);
        Assert.Contains("unchanged since it was exported", output, StringComparison.Ordinal);

        File.AppendAllText(bundle.File("labels.txt"), "one more\n");
        (code, _, errors) = _place.Run("verify", "exports/small");
        Assert.Equal(1, code);
        Assert.Contains("labels.txt: has sha256", errors, StringComparison.Ordinal);
        Assert.Contains("labels.txt: line 11 is 'one more'", errors, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", errors, StringComparison.Ordinal);

        File.Delete(bundle.File(OnnxBundle.ManifestName));   // still a bundle, and a damaged one
        (code, _, errors) = _place.Run("verify", "exports/small");
        Assert.Equal(1, code);
        Assert.Contains("metadata.json: missing; SHA256SUMS lists it", errors, StringComparison.Ordinal);
    }

    [Fact]
    public void Predict_writes_a_row_for_every_image_and_the_error_of_a_broken_one()
    {
        Assert.Equal(0, _place.Run("run", "--set", "train.with.epochs=0.5").ExitCode);
        File.WriteAllBytes(_place["red.png"], RedPixel);
        File.WriteAllText(_place["broken.jpg"], "not an image");
        var (code, output, _) = _place.Run("predict", "--bundle", "exports/small", "red.png", "broken.jpg");
        Assert.Equal(1, code);
        var rows = output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal("path,label,confidence,error", rows[0]);
        Assert.Contains(rows[1].Split(',')[1], OnnxBundle.Open(_place["exports/small"]).Manifest.Classes);
        Assert.StartsWith("broken.jpg,,,", rows[2], StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_interrupt_stops_after_a_step_with_130_and_keeps_the_earlier_model()
    {
        Interrupts.SkipWhereImpossible();
        Assert.Equal(0, _place.Run("run").ExitCode);
        var before = TrainedModel.Open(_place["models/small"]).Manifest.WeightsSha256;

        using var process = _place.Start("run", "--from", "train", "--set", "train.with.epochs=5000", "--set", "seed=9");
        var errors = process.StandardError.ReadToEndAsync();
        while (process.StandardOutput.ReadLine() is { } line && !line.Contains("airbench94 on cpu", StringComparison.Ordinal))
        {
        }
        var rest = process.StandardOutput.ReadToEndAsync();
        Process.Start("kill", ["-INT", $"{process.Id}"]).WaitForExit();
        await process.WaitForExitAsync();
        Assert.Equal(130, process.ExitCode);
        Assert.Contains("stopping after this step", await errors, StringComparison.Ordinal);
        Assert.Contains("cancelled", await rest, StringComparison.Ordinal);
        Assert.Equal(before, TrainedModel.Open(_place["models/small"]).Manifest.WeightsSha256);
        Assert.Contains(
            Directory.GetFiles(_place.Folder, "timings.csv", SearchOption.AllDirectories).SelectMany(File.ReadAllLines),
            row => row.Contains(",train,cancelled,", StringComparison.Ordinal));
    }

    /// <summary>A PNG of one red pixel.</summary>
    private static readonly byte[] RedPixel = Convert.FromBase64String(
        "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGP4z8AAAAMBAQDJ/pLvAAAAAElFTkSuQmCC");
}
