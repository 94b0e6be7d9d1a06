namespace Airbench.Tests;

/// <summary>One manifest of each kind, every member set.</summary>
internal static class Manifests
{
    private static readonly NetworkSpec Network = RandomNetwork.Small();

    private static readonly ParityResult Parity = new(256, 1e-6, 256);

    private static readonly FinetuneRecord Finetuned = new(
        new ParentModel("parent", "a", "b", "old", "c"), "head+bn", "onnxruntime on cpu", new FinetuneSettings(0.01, 0.9, 5e-4, 16, 0.1, true, 2, 0.5),
        100, 20, 50, 10, 7, ["new"], ["gone"], new BeforeAndAfter("new/test", 50, 3, 45))
    {
        Old = new BeforeAndAfter("old/test", 100, 94, 93),
    };

    /// <summary>A value and how its file is read.</summary>
    public static IReadOnlyDictionary<string, (object Value, Func<string, object> Read)> All { get; } = new Dictionary<string, (object, Func<string, object>)>
    {
        ["dataset"] = (new DatasetManifest
        {
            Name = "drawn",
            Source = "synthetic",
            Classes = ["disc", "square"],
            ImageSize = 32,
            Mean = [0.5, 0.5, 0.5],
            Std = [0.25, 0.25, 0.25],
            TrainCount = 7,
            TestCount = 3,
            DuplicatesAcrossSplits = 1,
            BadImages = 2,
            TrainSha256 = "a",
            TestSha256 = "b",
            ProductVersion = "1.0.0",
        }, Json.Read<DatasetManifest>),
        ["model"] = (RandomNetwork.Manifest(Network) with
        {
            Runs = [new RunResult(1, 0.9, 0.91, 12.5, 100), new RunResult(2, 0.92, 0.93, 12.25, 100)],
            Versions = new Dictionary<string, string> { ["libtorch"] = "2.10.0" },
            Finetuned = Finetuned,
        }, Json.Read<ModelManifest>),
        ["bundle"] = (new BundleManifest
        {
            Name = "small",
            Variants = new Dictionary<string, VariantFile>
            {
                ["fp32"] = new("model.onnx", 1000, "f"),
                ["int8_adaptive"] = new("model.int8.adaptive.onnx", 500, "i")
                {
                    Score = new VariantScore("cpu", 2000, 1800, 0.9, 0.001, 0.99, 1000, 0.5),
                    Tta = Tta.Adaptive,
                    VotesOf = "int8",
                    VoteParity = Parity,
                    LowConfidence = new LowConfidence(0.6, 0.12, 2000),
                    Quantization = new QuantizationFacts(new CalibrationOptions(), ["head"], 500, 0.002),
                },
            },
            Classes = ["class 0", "class 1", "class 2"],
            ImageSize = 16,
            Input = InputFormat.Uint8Nhwc,
            AcceptsAnySize = true,
            Preprocessing = "images",
            Recipe = "airbench94",
            Seed = 7,
            DatasetName = "drawn",
            DatasetSha256 = "d",
            Synthetic = true,
            WeightsSha256 = "w",
            Fp32 = new Fp32Score(2000, 1801, 1822, Tta.MirrorTranslate),
            Parity = Parity,
            Opset = 17,
            ProductVersion = "1.0.0",
            Signature = new ModelSignature([new("images", "uint8", [-1, 3, 16, 16])], [new("logits", "float", [-1, 3])]),
            PreprocessingSteps = new PreprocessingSteps("applied", "bilinear_antialias", "RGB", [0, 255], new Normalization(1 / 255.0, Network.Mean, Network.Std))
            {
                ShortSide = 16,
                CentreCrop = 16,
            },
            Accuracy = new BundleAccuracy("drawn/test", true, 2000, Proportion.Of(1801, 2000), Proportion.Of(1822, 2000), Tta.MirrorTranslate),
            Provenance = new Provenance("cpu, fp32", new Dictionary<string, string> { ["libtorch"] = "2.10.0" }) { Commit = "abc" },
            Finetuned = Finetuned,
            Training = [new TrainingFile("head", "training/head/train_step.onnx", 300, "t")],
        }, Json.Read<BundleManifest>),
        ["evaluation"] = (new EvaluationMetrics
        {
            Model = "model.onnx",
            ModelSha256 = "m",
            Data = "drawn/test",
            DatasetSha256 = "d",
            Synthetic = true,
            Provider = "CPUExecutionProvider",
            Tta = Tta.Adaptive,
            AdaptiveThreshold = 0.6,
            AllViewsShare = 0.2,
            Shard = "1/2",
            SourceCount = 12,
            Broken = 2,
            Count = 10,
            Correct = 9,
            CorrectPlain = 8,
            Accuracy = 0.9,
            AccuracyPlain = 0.8,
            AccuracyInterval95 = Proportion.WilsonInterval(9, 10),
            Nll = 0.3,
            Ece = 0.02,
            ImagesPerSecond = 100,
            Classes = [new ClassMetrics("disc", 5, 1, 0.9, 0.95), new ClassMetrics("square", 0, null, null, null)],
            Settings = new RunSettings("pixels", "logits", 100, 2, "all", new Dictionary<string, string> { ["device_id"] = "0" }, true, "1.19.2"),
            WallSeconds = 2,
            SessionSeconds = 1,
            Comparison = [new ModelComparison("fp32", ".", 10, 9, 0.9, [0.6, 0.98], 1, 0, 0, 0, [-0.1, 0.1], 1, 100)],
        }, Json.Read<EvaluationMetrics>),
        ["run"] = (new RunRecord
        {
            RunId = "20260102-030405",
            Pipeline = "demo",
            Command = "airbench run",
            Seed = 1,
            Device = "auto",
            Status = "failed",
            UsdPerHour = 3.6,
            ProductVersion = "1.0.0",
            Machine = Given.Machine,
            Stages =
            [
                new RunStageRecord
                {
                    Stage = "train",
                    Uses = "train",
                    Needs = ["data"],
                    Status = "failed",
                    Why = "seed 1 -> 2",
                    Summary = "done",
                    Error = "two\nlines",
                    Made = new ArtifactRecord("TrainedModel", "models/demo", "_record/train"),
                    Given = [new ArtifactRecord("Dataset", "data/demo")],
                },
            ],
        }, Json.Read<RunRecord>),
        ["train benchmark"] = (Given.Train(10, 11, 12.5), BenchmarkReport.Read),
        ["model benchmark"] = (Given.Model(1), BenchmarkReport.Read),
    };
}
