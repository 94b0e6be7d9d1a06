using System.Globalization;
using Airbench.Onnx;

namespace Airbench.Tests;

public sealed class EvaluatorTests : IDisposable
{
    private const int Count = 50;
    private static readonly float[] Logits = Bundles.Logits(RandomNetwork.Images(Count, Bundles.Network.ImageSize, seed: 8));
    private static readonly EvaluateOptions Plain = new() { Tta = Tta.None };
    private readonly Bundles _bundles = new();
    private readonly long[] _answers = Labels(wrong: 0);

    private string Folder => _bundles.File("evaluation");

    public void Dispose() => _bundles.Dispose();

    [Theory]
    [InlineData(1)]
    [InlineData(7)]
    [InlineData(100)]
    public void An_evaluation_says_the_same_at_any_batch_size(int batchSize)
    {
        var dataset = _bundles.Prepare(Labels(wrong: 4));
        var metrics = Evaluate(dataset, new EvaluateOptions { Tta = Tta.None, BatchSize = batchSize }).Metrics;

        Assert.Equal((Count, 46, 46, 0.92), (metrics.Count, metrics.Correct, metrics.CorrectPlain, metrics.Accuracy));
        Assert.Equal(("model.onnx", "drawn/test", true, "CPUExecutionProvider"),
            (metrics.Model, metrics.Data, metrics.Synthetic, metrics.Provider));
        Assert.Equal(Metrics.WilsonInterval(46, 50), metrics.AccuracyInterval95);
        Assert.True(metrics.ImagesPerSecond > 0);
    }

    [Fact]
    public void An_adaptive_evaluation_reports_the_share_of_images_that_got_all_views_and_others_do_not()
    {
        var dataset = _bundles.Prepare(_answers);
        var confidence = Enumerable.Range(0, Count).Select(i => Softmax.Confidence(Logits.AsSpan(i * 3, 3))).Order().ToArray();
        var threshold = (confidence[19] + confidence[20]) / 2;   // 20 of the 50 are below

        var metrics = Evaluate(dataset, new EvaluateOptions { Tta = Tta.Adaptive, AdaptiveThreshold = threshold }).Metrics;
        Assert.Equal((Tta.Adaptive, threshold, 0.4), (metrics.Tta, metrics.AdaptiveThreshold, metrics.AllViewsShare));

        metrics = Evaluate(dataset, new EvaluateOptions { Tta = Tta.MirrorTranslate }).Metrics;
        Assert.Equal((null, null), (metrics.AdaptiveThreshold, metrics.AllViewsShare));
    }

    [Fact]
    public void Likelihood_and_calibration_are_those_of_the_networks_own_logits()
    {
        var labels = Labels(wrong: 4);
        var metrics = Evaluate(_bundles.Prepare(labels), Plain).Metrics;

        var rows = Enumerable.Range(0, Count).Select(i => Logits.AsSpan(i * 3, 3).ToArray()).ToArray();
        Assert.Equal(rows.Select((row, i) => -Softmax.LogProbability(row, (int)labels[i])).Average(), metrics.Nll, 1e-4);
        var confidence = rows.Select(row => Math.Exp(Softmax.LogProbability(row, Softmax.ArgMax(row)))).ToArray();
        var correct = rows.Select((row, i) => Softmax.ArgMax(row) == labels[i]).ToArray();
        Assert.Equal(Calibration.Error(confidence, correct), metrics.Ece, 1e-3);
    }

    [Fact]
    public void Each_image_is_a_row_and_the_confusion_adds_up()
    {
        var evaluation = Evaluate(_bundles.Prepare(Labels(wrong: 4)), Plain);

        Assert.Equal(["confusion.csv", "metrics.json", "predictions.csv"],
            Directory.GetFiles(evaluation.Folder).Select(Path.GetFileName).Order());
        var rows = File.ReadAllLines(evaluation.File("predictions.csv"));
        Assert.Equal("index,path,label,predicted,confidence,correct,error", rows[0]);
        Assert.Equal(Count + 1, rows.Length);
        var fields = rows[11].Split(',');
        Assert.Equal(("10", "test/10.png", $"class {_answers[10]}", "true"), (fields[0], fields[1], fields[3], fields[5]));
        Assert.InRange(double.Parse(fields[4], CultureInfo.InvariantCulture), 1 / 3.0, 1);
        Assert.Equal(4, rows.Count(r => r.EndsWith(",false,", StringComparison.Ordinal)));

        var confusion = File.ReadAllLines(evaluation.File("confusion.csv"));
        Assert.Equal("class 0,class 1,class 2", confusion[0][(confusion[0].IndexOf(',', StringComparison.Ordinal) + 1)..]);
        var counts = confusion[1..].Select(line => line.Split(',')[1..].Select(int.Parse).ToArray()).ToArray();
        Assert.Equal(46, counts[0][0] + counts[1][1] + counts[2][2]);
        Assert.Equal(Count, counts.Sum(row => row.Sum()));
        Assert.Equal(evaluation.Metrics.Classes.Select(c => c.Support), counts.Select(row => row.Sum()));
    }

    [Fact]
    public void The_written_metrics_open_again() =>
        Assert.Equivalent(Evaluate(_bundles.Prepare(_answers), new EvaluateOptions()).Metrics, Evaluation.Open(Folder).Metrics);

    [Fact]
    public void Names_with_commas_and_quotes_survive_the_csv()
    {
        string[] classes = ["a, b", "say \"c\"", "d"];
        var bundle = _bundles.Export();
        bundle = bundle with { Manifest = bundle.Manifest with { Classes = classes } };
        var evaluation = Evaluate(bundle, _bundles.Prepare(_answers, classes), Plain);

        Assert.EndsWith(",\"a, b\",\"say \"\"c\"\"\",d", File.ReadLines(evaluation.File("confusion.csv")).First(),
            StringComparison.Ordinal);
    }

    [Fact]
    public void A_missed_gate_fails_with_the_numbers_and_keeps_the_evaluation()
    {
        var options = new EvaluateOptions { Tta = Tta.None, Gates = new() { ["accuracy_min"] = 0.95, ["accuracy_plain_min"] = 0.93 } };
        var message = Assert.Throws<GateException>(() => Evaluate(_bundles.Prepare(Labels(wrong: 4)), options)).Message;

        Assert.StartsWith("accuracy 0.9200 (46 of 50) is below accuracy_min 0.95; plain accuracy 0.9200 (46 of 50) is below", message,
            StringComparison.Ordinal);
        Assert.EndsWith($"kept in {Folder}", message, StringComparison.Ordinal);
        Assert.Equal(46, Evaluation.Open(Folder).Metrics.Correct);
    }

    [Fact]
    public void A_gate_that_is_met_exactly_passes() =>
        Evaluate(_bundles.Prepare(Labels(wrong: 4)), new EvaluateOptions { Tta = Tta.None, Gates = new() { ["accuracy_min"] = 0.92 } });

    [Theory]
    [InlineData(46, true)]
    [InlineData(47, true)]
    [InlineData(45, true)]
    [InlineData(48, false)]
    [InlineData(44, false)]
    public void Right_answers_must_be_those_that_torchsharp_counted_on_the_same_images(int torch, bool passes)
    {
        var dataset = _bundles.Prepare(Labels(wrong: 4));
        var bundle = _bundles.Export(dataset.Manifest.Sha256, new Fp32Score(Count, 46, torch, Tta.None));
        Evaluation Run() => Evaluate(bundle, dataset, Plain);

        if (passes)
        {
            Assert.Equal(46, Run().Metrics.Correct);
        }
        else
        {
            Assert.Contains($"ONNX Runtime 46, TorchSharp {torch} of 50", Assert.Throws<GateException>(Run).Message,
                StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Torchsharps_tta_count_is_no_yardstick_for_another_tta_but_its_plain_count_is()
    {
        var dataset = _bundles.Prepare(Labels(wrong: 4));
        var bundle = _bundles.Export(dataset.Manifest.Sha256, new Fp32Score(Count, 46, 0, Tta.Mirror));
        Evaluate(bundle, dataset, Plain);

        bundle = _bundles.Export(dataset.Manifest.Sha256, new Fp32Score(Count, 40, 0, Tta.Mirror));
        Assert.Throws<GateException>(() => Evaluate(bundle, dataset, Plain));
    }

    [Fact]
    public void An_adaptive_count_of_torchsharp_is_no_yardstick_as_it_takes_other_images()
    {
        var dataset = _bundles.Prepare(Labels(wrong: 4));
        var bundle = _bundles.Export(dataset.Manifest.Sha256, new Fp32Score(Count, 46, 0, Tta.Adaptive));

        Evaluate(bundle, dataset, new EvaluateOptions { Tta = Tta.Adaptive });
    }

    [Fact]
    public void The_network_of_these_tests_answers_with_every_class() => Assert.Equal([0, 1, 2], _answers.Distinct().Order());

    [Fact]
    public void A_predictor_gives_the_same_classes_and_whole_probabilities_at_any_batch_size()
    {
        using var predictor = Predictor.Open("fp32", _bundles.Export(), new PredictOptions { Tta = Tta.None, BatchSize = 7 }, "cpu");
        var predictions = predictor.Predict(RandomNetwork.Images(Count, predictor.ImageSize, seed: 8));

        Assert.Equal(_answers, predictions.Select(p => (long)Array.IndexOf(p, p.Max())));
        Assert.All(predictions, p => Assert.Equal((3, 1.0), (p.Length, Math.Round(p.Sum(), 6))));
        Assert.Throws<ArgumentOutOfRangeException>(() => predictor.Predict(new byte[5]));
    }

    [Fact]
    public void Two_in_ten_thousand_is_the_bound_on_large_splits()
    {
        var metrics = Evaluate(_bundles.Prepare(_answers), Plain).Metrics;
        metrics = metrics with { Count = 10_000, Correct = 9000, CorrectPlain = 9000 };

        Assert.Empty(EvaluationGates.Differences(metrics, new Fp32Score(10_000, 9002, 8998, Tta.None)));
        Assert.Single(EvaluationGates.Differences(metrics, new Fp32Score(10_000, 9003, 9000, Tta.None)));
        Assert.Single(EvaluationGates.Differences(metrics, new Fp32Score(9_999, 9000, 9000, Tta.None)));
    }

    [Fact]
    public void A_data_set_with_other_classes_or_sizes_is_refused()
    {
        var otherClasses = _bundles.Prepare(_answers, ["cat", "dog", "class 2"]);
        Assert.Contains("has the classes [cat, dog, class 2] (3); the model knows [", Refusal(otherClasses), StringComparison.Ordinal);
        Assert.Contains("20-pixel images, the model takes", Refusal(_bundles.Prepare(_answers, imageSize: 20)), StringComparison.Ordinal);
        Assert.Contains(
            "was prepared with fit: pad, the model fp32 takes fit: crop", Refusal(_bundles.Prepare(_answers, fit: Fit.Pad)), StringComparison.Ordinal);
        Assert.Contains("has no images", Refusal(_bundles.Prepare([])), StringComparison.Ordinal);

        string Refusal(Dataset dataset) => Assert.Throws<DataException>(() => Evaluate(dataset, Plain)).Message;
    }

    [Fact]
    public void A_model_that_was_changed_since_the_export_is_refused()
    {
        var bundle = _bundles.Export();
        File.AppendAllText(bundle.File("model.onnx"), "x");

        var e = Assert.Throws<InvalidFileException>(() => Evaluate(bundle, _bundles.Prepare(_answers), Plain));

        Assert.Contains("changed since the export", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_variant_that_the_bundle_lacks_is_refused_with_those_it_has() =>
        Assert.EndsWith("has fp32",
            Assert.Throws<ConfigurationException>(() => Evaluate(_bundles.Prepare(_answers), Plain with { Model = ["int8"] })).Message,
            StringComparison.Ordinal);

    [Fact]
    public void Cuda_is_an_error_where_there_is_none()
    {
        Assert.SkipWhen(OnnxRuntime.Start().GetAvailableProviders().Contains("CUDAExecutionProvider"),
            "this ONNX Runtime has CUDA");
        Assert.Throws<DeviceException>(() => Evaluate(_bundles.Export(), _bundles.Prepare(_answers), Plain, device: "cuda"));
        Assert.False(Directory.Exists(Folder));
    }

    [Fact]
    public void A_cancelled_evaluation_leaves_nothing()
    {
        var cancelled = new CancellationToken(canceled: true);

        Assert.Throws<OperationCanceledException>(() => Evaluate(_bundles.Export(), _bundles.Prepare(_answers), Plain, cancel: cancelled));
        Assert.False(Directory.Exists(Folder));
    }

    [Fact]
    public void Options_out_of_range_are_named_with_their_range()
    {
        var gates = new Dictionary<string, double> { ["accuracy_max"] = 1, ["accuracy_min"] = 90 };
        var bad = new EvaluateOptions { Model = [""], AdaptiveThreshold = 1.5, BatchSize = 0, Threads = -1, Gates = gates };

        Assert.Empty(EvaluateOptions.Check(new EvaluateOptions { Gates = new() { ["accuracy_min"] = 1 } }));
        Assert.Empty(EvaluateOptions.Check(new EvaluateOptions { Tta = Tta.Adaptive, AdaptiveThreshold = 0.7 }));
        Assert.Equal(
            ["adaptive_threshold: 0.7, which does nothing without tta adaptive; set that too, or leave it out"],
            EvaluateOptions.Check(new EvaluateOptions { AdaptiveThreshold = 0.7 }));
        Assert.Equal(
        [
            "model: empty; expected a variant, such as fp32, or an ONNX file",
            "adaptive_threshold: 1.5; expected 0 to 1",
            "batch_size: 0; expected 1 to 10000",
            "threads: -1; expected 0 to 1024",
            "gates.accuracy_max: unknown; expected accuracy_min or accuracy_plain_min",
            "gates.accuracy_min: 90; expected 0 to 1",
        ], EvaluateOptions.Check(bad));
    }

    private Evaluation Evaluate(Dataset dataset, EvaluateOptions options) => Evaluate(_bundles.Export(), dataset, options);

    private Evaluation Evaluate(
        OnnxBundle bundle, Dataset dataset, EvaluateOptions options, string device = "cpu", CancellationToken cancel = default) =>
        Evaluator.Evaluate(bundle, dataset, options, device, Folder, IProgress.Silent, cancel);

    /// <summary>The network's own best classes, the first <paramref name="wrong"/> of them moved on by one.</summary>
    private static long[] Labels(int wrong) =>
        [.. Enumerable.Range(0, Count).Select(i => (long)((Softmax.ArgMax(Logits.AsSpan(i * 3, 3)) + (i < wrong ? 1 : 0)) % 3))];
}
