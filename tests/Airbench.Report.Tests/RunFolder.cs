using System.Globalization;

namespace Airbench.Tests;

/// <summary>The folder of a run as the pipeline leaves it, with made-up answers of a fixed seed.</summary>
internal sealed class RunFolder : IDisposable
{
    private static readonly string[] Columns =
    [
        "run_id", "pipeline", "stage", "uses", "status", "started_utc", "wall_seconds", "work_seconds",
        "items", "items_per_second", "device", "peak_rss_mb", "usd", "error",
    ];

    private readonly string _root = Directory.CreateTempSubdirectory("airbench-report-").FullName;
    private readonly List<RunStageRecord> _stages = [];
    private readonly List<object?[]> _times = [];
    private readonly Random _random = new(1);
    private double _clock;

    public RunFolder(string id = "20260101-120000") => (Id, Folder) = (id, Directory.CreateDirectory(Path.Combine(_root, "runs", "demo", id)).FullName);

    public string Id { get; }

    public string Folder { get; }

    public string Root => _root;

    /// <summary>Class names of what follows.</summary>
    public IReadOnlyList<string> Classes { get; init; } = ["cat", "dog", "horse"];

    public string Dataset => Path.Combine(_root, "data", "made-up");

    private string DatasetSha256 => Airbench.Dataset.Open(Dataset).Manifest.Sha256;

    public string this[params ReadOnlySpan<string> names] => Path.Combine([Folder, .. names]);

    public void Dispose() => Directory.Delete(_root, recursive: true);

    /// <summary>A prepared set of random pixels, or of what <paramref name="draw"/> makes of an image's number and split.</summary>
    public RunFolder Prepare(int images = 300, int size = 8, Func<Split, int, byte[]>? draw = null)
    {
        Directory.CreateDirectory(Dataset);
        var labels = Enumerable.Range(0, images).Select(i => (long)(i % Classes.Count)).ToArray();
        foreach (var split in (string[])["train", "test"])
        {
            var pixels = new byte[images * 3 * size * size];
            _random.NextBytes(pixels);
            for (var i = 0; draw is not null && i < images; i++)
            {
                draw(split == "train" ? Split.Train : Split.Test, i).CopyTo(pixels, i * 3 * size * size);
            }
            TensorFileWriter.Write(Path.Combine(Dataset, $"{split}.safetensors"),
            [
                ("images", TensorType.U8, [images, 3, size, size], pixels),
                ("labels", TensorType.I64, [images], labels.SelectMany(BitConverter.GetBytes).ToArray()),
            ]);
        }
        var manifest = new DatasetManifest
        {
            Name = "made-up",
            Source = "folder",
            Classes = Classes,
            ImageSize = size,
            Mean = [0.5, 0.5, 0.5],
            Std = [0.2, 0.2, 0.2],
            TrainCount = images,
            TestCount = images,
            DuplicatesAcrossSplits = 0,
            TrainSha256 = Hash.OfFile(Path.Combine(Dataset, "train.safetensors")),
            TestSha256 = Hash.OfFile(Path.Combine(Dataset, "test.safetensors")),
            ProductVersion = Product.Version,
        };
        File.WriteAllText(Path.Combine(Dataset, Airbench.Dataset.ManifestName), Json.Write(manifest));
        Copy("prepare", Airbench.Dataset.ManifestName, Json.Write(manifest));
        return Stage("prepare", "prepare", "ok", 1.5, new ArtifactRecord("Dataset", "data/made-up", "_record/prepare"));
    }

    /// <summary>A training whose curve has the given losses, an epoch each; accuracies follow from them.</summary>
    public RunFolder Train(int runs = 1, string stage = "train", params double[] losses)
    {
        losses = losses.Length > 0 ? losses : [2.1, 1.5, 1.2, 1.1];
        var recipe = Recipe.All["airbench94"];
        var manifest = Airbench.Dataset.Open(Dataset).Manifest;
        var results = Enumerable.Range(0, runs).Select(i => new RunResult(i + 1, 0.9 + (i * 0.001), 0.91 + (i * 0.001), 60 + i, 40)).ToList();
        Copy(stage, TrainedModel.ManifestName, Json.Write(new ModelManifest
        {
            Name = "demo",
            Network = recipe.Network(manifest) with { ImageSize = 32 },   // the pixels of a run folder are fewer than a network takes
            Recipe = recipe,
            Classes = Classes,
            Seed = 1,
            Device = "cpu",
            Precision = "fp32",
            Threads = 2,
            DatasetName = manifest.Name,
            DatasetSha256 = manifest.Sha256,
            Synthetic = false,
            WeightsSha256 = Hash.OfText("weights"),
            Runs = results,
            AccuracyTta = Summary.Of([.. results.Select(result => result.AccuracyTta)]),
            Fp32 = new Fp32Score(100, 90, 91, Tta.MirrorTranslate),
            Versions = new Dictionary<string, string> { [Product.Name] = Product.Version, ["TorchSharp"] = "0.107.0" },
        }));
        Csv.Write(this["_record", stage, TrainedModel.CurveName],
            ["run", "epoch", "step", "lr", "train_loss", "train_accuracy", "validation_accuracy", "seconds", "validation_loss"],
            Enumerable.Range(0, runs).SelectMany(run => losses.Select((loss, i) => (object?[])
                [run, i + 1, (i + 1) * 10, 0.01 / (i + 1), loss + (0.02 * run), Math.Exp(-loss / 3), i % 2 == 1 ? Math.Exp(-loss / 2.5) : null, 15.0 * (i + 1),
                    i % 2 == 1 ? 0.8 * loss : null])));
        AtomicFolder.WriteFile(this["_record", stage, TrainedModel.AugmentationName], stream => stream.Write(Png.Encode([.. Enumerable.Repeat((byte)90, 3 * 168 * 168)], 168)));
        return Stage(stage, "train", "ok", 61, new ArtifactRecord("TrainedModel", "models/demo", $"_record/{stage}"));
    }

    /// <summary>A bundle of two variants.</summary>
    public RunFolder Export()
    {
        Copy("export", OnnxBundle.ManifestName, Json.Write(new BundleManifest
        {
            Name = "demo",
            Variants = new Dictionary<string, VariantFile>
            {
                ["fp32"] = new("model.onnx", 7_891_845, Hash.OfText("fp32")) { Score = new VariantScore("cpu", 300, 270, 0.9, 0, 1, 1234.5, 0.812) },
                ["int8"] = new("model.int8.onnx", 2_000_985, Hash.OfText("int8"))
                {
                    Score = new VariantScore("cpu", 300, 269, 0.8967, 0.0033, 0.98, 3210.5, 0.312) { Gate = "at most 1 points less (found 0.33)" },
                    Quantization = new QuantizationFacts(new CalibrationOptions(), ["head"], 512, 0.001),
                },
            },
            Classes = Classes,
            ImageSize = 32,
            Preprocessing = "none",
            Recipe = "airbench94",
            Seed = 1,
            DatasetName = "made-up",
            DatasetSha256 = DatasetSha256,
            Synthetic = false,
            WeightsSha256 = Hash.OfText("weights"),
            Fp32 = new Fp32Score(300, 270, 273, Tta.MirrorTranslate),
            Parity = new ParityResult(256, 3.3e-6, 256),
            Opset = 17,
            ProductVersion = Product.Version,
        }));
        return Stage("export", "export", "ok", 2.25, new ArtifactRecord("OnnxBundle", "exports/demo", "_record/export"));
    }

    /// <summary>An evaluation of the prepared test split, or of as many images that only have paths.</summary>
    /// <param name="accuracy">Share of right answers.</param>
    /// <param name="stage">Name of the stage.</param>
    /// <param name="tta">Views.</param>
    /// <param name="broken">Images without an answer, after the others.</param>
    /// <param name="nll">As it is put into metrics.json.</param>
    /// <param name="images">How many.</param>
    /// <param name="paths">Paths of the images; null for those of the split.</param>
    /// <param name="sha256">Hash of the data; null for that of the prepared set.</param>
    /// <param name="status">How the stage ended.</param>
    /// <param name="split">Whether <paramref name="paths"/> are those of the split.</param>
    public RunFolder Evaluate(
        double accuracy = 0.9, string stage = "evaluate", Tta tta = Tta.MirrorTranslate, int broken = 0, double nll = 0.3, int images = 300,
        IReadOnlyList<string>? paths = null, string? sha256 = null, string status = "ok", bool split = false)
    {
        var folder = Directory.CreateDirectory(this[stage]).FullName;
        var confusion = Enumerable.Range(0, Classes.Count).Select(_ => new int[Classes.Count]).ToArray();
        var rows = new List<object?[]>();
        for (var i = 0; i < images; i++)
        {
            var actual = i % Classes.Count;
            var right = _random.NextDouble() < accuracy || Classes.Count == 1;
            var predicted = right ? actual : (actual + 1 + _random.Next(Classes.Count - 1)) % Classes.Count;
            var confidence = 0.3 + (0.7 * Math.Sqrt(_random.NextDouble()));
            confusion[actual][predicted]++;
            rows.Add([i, paths?[i] ?? $"test/{i:0000}.png", Classes[actual], Classes[predicted], confidence.ToString("0.000000", CultureInfo.InvariantCulture), right ? "true" : "false", null]);
        }
        for (var i = 0; i < broken; i++)
        {
            rows.Add([images + i, $"test/broken-{i}.jpg", Classes[0], null, null, null, "is not an image <b>"]);
        }
        Csv.Write(Path.Combine(folder, "predictions.csv"), ["index", "path", "label", "predicted", "confidence", "correct", "error"], rows);
        Csv.Write(Path.Combine(folder, "confusion.csv"), ["true \\ predicted", .. Classes],
            Classes.Select((name, actual) => (object?[])[name, .. confusion[actual].Select(count => (object?)count)]));
        var correct = rows.Count(row => (string?)row[5] == "true");
        var metrics = new EvaluationMetrics
        {
            Model = "model.onnx",
            ModelSha256 = Hash.OfText("fp32"),
            Data = paths is null || split ? "made-up/test" : "photos",
            DatasetSha256 = sha256 ?? DatasetSha256,
            Synthetic = false,
            Provider = "CPUExecutionProvider",
            Tta = tta,
            SourceCount = images + broken,
            Broken = broken,
            Count = images,
            Correct = correct,
            CorrectPlain = Math.Max(0, correct - 2),
            Accuracy = images == 0 ? 0 : (double)correct / images,
            AccuracyPlain = images == 0 ? 0 : (double)Math.Max(0, correct - 2) / images,
            AccuracyInterval95 = Proportion.WilsonInterval(correct, images),
            Nll = nll,
            Ece = 0.0123,
            ImagesPerSecond = 456.7,
            Classes = Metrics.PerClass(confusion, Classes),
        };
        File.WriteAllText(Path.Combine(folder, Evaluation.ManifestName), Json.Write(metrics));
        return Stage(stage, "evaluate", status, 6.5, new ArtifactRecord("Evaluation", $"runs/demo/{Id}/{stage}"),
            status == "ok" ? null : "accuracy_min: found 0.9, expected at least 0.99 <script>alert(1)</script>");
    }

    /// <summary>A stage that made nothing.</summary>
    public RunFolder Stage(string stage, string uses, string status, double seconds = 0, ArtifactRecord? made = null, string? error = null)
    {
        _stages.Add(new RunStageRecord
        {
            Stage = stage,
            Uses = uses,
            Needs = [.. _stages.TakeLast(1).Select(earlier => earlier.Stage)],
            Status = status,
            Summary = status == "ok" ? $"what {stage} made" : null,
            Error = error,
            Made = made,
        });
        if (status is "ok" or "failed" or "cancelled")
        {
            var start = new DateTime(2026, 1, 1, 12, 0, 0, DateTimeKind.Utc).AddSeconds(_clock);
            _clock += seconds;
            _times.Add([
                Id, "demo", stage, uses, status, start.ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture), seconds, seconds / 2, 1000,
                2000 / Math.Max(seconds, 1e-3), "cpu", 512, seconds / 3600 * 2.5, error,
            ]);
        }
        return this;
    }

    /// <summary>Writes what the runner writes; without a record the run was killed.</summary>
    public RunFolder End(string status = "ok", bool record = true, string options = "")
    {
        Csv.Write(this["timings.csv"], Columns, _times);
        File.WriteAllText(this["log.txt"], "2026-01-01T12:00:00.000Z info  run demo\n2026-01-01T12:00:09.000Z error it failed & stopped\n");
        File.WriteAllText(this["pipeline.resolved.yaml"],
            $"# Written by Airbench.Onnx.\nname: demo\nseed: 1\ndevice: auto\nstages:\n  train:\n    uses: train\n    needs: []\n    with:\n      epochs: 9.9\n      name: \"<i>&amp;\"\n{options}");
        if (record)
        {
            File.WriteAllText(this[RunRecord.FileName], Json.Write(new RunRecord
            {
                RunId = Id,
                Pipeline = "demo",
                Command = "airbench run pipeline.yaml --set seed=1",
                Seed = 1,
                Device = "auto",
                Status = status,
                UsdPerHour = 2.5,
                ProductVersion = Product.Version,
                Machine = BenchmarkMachine.Current(),
                Stages = _stages,
            }));
        }
        return this;
    }

    private void Copy(string stage, string name, string content)
    {
        Directory.CreateDirectory(this["_record", stage]);
        File.WriteAllText(this["_record", stage, name], content);
    }
}
