using Airbench.Onnx;
using Airbench.Onnx.Proto;
using Google.Protobuf;
using Microsoft.ML;
using Microsoft.ML.Data;

namespace Airbench.Tests;

/// <summary>A bundle of each kind of input with every kind of model in it: judged, verified, evaluated, and run by other people's stacks.</summary>
public sealed class WholeBundleTests : IDisposable
{
    private const int Size = 16;

    private static readonly string[] Variants = ["fp32", "fp16", "int8", "tta", "adaptive", "int8_tta", "int8_adaptive", "fp16_adaptive"];

    private readonly Bundles _bundles = new();

    public void Dispose() => _bundles.Dispose();

    [Theory]
    [InlineData(InputFormat.Uint8Nchw, false)]
    [InlineData(InputFormat.Uint8Nhwc, true)]
    [InlineData(InputFormat.FloatNchw, true)]
    public void Every_model_of_a_bundle_answers_everywhere_as_it_should(InputFormat format, bool anySize)
    {
        var (bundle, dataset) = Export(format, anySize);

        var problems = Problems(bundle);
        Assert.True(problems.Count == 0, string.Join('\n', problems));
        var low = bundle.Manifest.Variants["adaptive"].LowConfidence!;
        Assert.Equal((30, 0.4), (low.TrainingImages, low.TrainingShare));
        Assert.InRange(bundle.Manifest.Variants["tta"].VoteParity!.MaxAbsDifference, 0, 1e-4);
        EvaluatesAsViewsOutside(bundle, dataset, low.Threshold);
        ADoubtfulModelThatChangedIsFound(bundle);

        Programs.SkipWithoutNode("onnxruntime-node", "onnxruntime-web", "playwright-core", "sharp");
        Directory.CreateSymbolicLink(bundle.File("samples/javascript/node_modules"), Path.Combine(Programs.Clients, "node_modules"));
        foreach (var file in (string[])["model.onnx", "model.adaptive.onnx"])
        {
            var (code, printed) = Programs.Run("node", [bundle.File("samples/javascript/classify.mjs"), file, .. Samples.Images(bundle)]);
            Assert.True(code == 0, printed);
            Samples.ShowAnswers(bundle, printed, Probabilities(bundle, file));
        }
        var (exitCode, output) = Programs.Run("node", [Path.Combine(Programs.Clients, "check_node.mjs"), bundle.Folder]);
        Assert.True(exitCode == 0, output);
        Assert.Contains("model.int8.adaptive.onnx", output, StringComparison.Ordinal);
        Assert.SkipUnless(File.Exists(Environment.GetEnvironmentVariable("CHROMIUM") ?? "/usr/bin/chromium"), "no Chromium here");
        (exitCode, output) = Programs.Run("node", [Path.Combine(Programs.Clients, "check_web.mjs"), bundle.Folder]);
        Assert.True(exitCode == 0, output);
        Assert.Contains("model.adaptive.onnx: 4 images through the page", output, StringComparison.Ordinal);
    }

    [Fact]
    public void The_csharp_sample_gives_interleaved_images_of_any_size_to_an_adaptive_model()
    {
        var (bundle, _) = Export(InputFormat.Uint8Nhwc, anySize: true, "fp32", "adaptive");
        var (exitCode, output) = Programs.Run("dotnet", ["run", bundle.File("samples/csharp/classify.cs"), "--", "model.adaptive.onnx", .. Samples.Images(bundle)]);
        Assert.SkipWhen(output.Contains("error NU1", StringComparison.Ordinal), "the packages that the sample names cannot be restored here");
        Assert.True(exitCode == 0, output);
        Samples.ShowAnswers(bundle, output, Probabilities(bundle, "model.adaptive.onnx"));
    }

    [Theory]
    [InlineData("model.tta.onnx")]
    [InlineData("model.adaptive.onnx")]
    public void Ml_net_runs_the_models_with_views_inside(string file)
    {
        var (bundle, _) = Export(InputFormat.FloatNchw, anySize: false, "fp32", "tta", "adaptive");
        var input = TestDataSet.Floats(TestDataSet.Read(bundle.File(TestDataSet.Input(0))));
        var context = new MLContext(seed: 1);
        var schema = SchemaDefinition.Create(typeof(Planes));
        schema["images"].ColumnType = new VectorDataViewType(NumberDataViewType.Single, 3, Size, Size);
        var data = context.Data.LoadFromEnumerable(input.Chunk(3 * Size * Size).Select(image => new Planes { Images = image }).ToList(), schema);
        var estimator = context.Transforms.ApplyOnnxModel(
            ["probabilities"], ["images"], bundle.File(file),
            new Dictionary<string, int[]> { ["images"] = [1, 3, Size, Size], ["probabilities"] = [1, 3] }, gpuDeviceId: null, fallbackToCpu: false, recursionLimit: 100);
        var found = estimator.Fit(data).Transform(data).GetColumn<float[]>("probabilities").SelectMany(row => row).ToArray();

        Assert.All(Probabilities(bundle, file).Zip(found, (a, b) => a - b), difference => Assert.InRange(difference, -1e-3, 1e-3));
    }

    private (OnnxBundle Bundle, Dataset Dataset) Export(InputFormat format, bool anySize, params string[] variants)
    {
        var labels = Bundles.Logits(RandomNetwork.Images(60, Size, 8)).Chunk(3).Select(row => (long)Softmax.ArgMax(row)).ToArray();
        var dataset = _bundles.Prepare(labels);
        _bundles.TrainedOn(dataset);
        _bundles.WriteClearReference();
        var options = new ExportOptions
        {
            Variants = variants.Length > 0 ? variants : Variants,
            MaxDrop = Variants[1..].ToDictionary(name => name, _ => 1.0),
            AdaptiveShare = 0.4,
            Input = format,
            AcceptAnySize = anySize,
        };
        using var runtime = VariantRuntime.Open(
            dataset, _bundles.Model, options.Calibration, "cpu", seed: 1, IProgress.Silent, CancellationToken.None);
        var bundle = Exporter.Export(_bundles.Model, options, _bundles.File("exports/small"), file =>
            ParityGate.Check(file, _bundles.ReferenceFile), IProgress.Silent, CancellationToken.None, runtime);
        return (bundle, dataset);
    }

    /// <summary>Whatever tta says, a model with views inside gets none outside, and has the right answers of fp32 with them outside.</summary>
    private void EvaluatesAsViewsOutside(OnnxBundle bundle, Dataset dataset, double threshold)
    {
        foreach (var (name, tta, outside) in (ReadOnlySpan<(string, Tta, Tta)>)
            [("tta", Tta.MirrorTranslate, Tta.MirrorTranslate), ("adaptive", Tta.MirrorTranslate, Tta.Adaptive), ("adaptive", Tta.None, Tta.Adaptive)])
        {
            var found = Evaluate(name, tta, 0.5);
            var expected = Evaluate("fp32", outside, outside == Tta.Adaptive ? threshold : ClassifierOptions.DefaultAdaptiveThreshold);
            Assert.Equal((Tta.None, outside), (found.Tta, found.TtaInside));
            Assert.Equal(expected.Correct, found.Correct);
            Assert.Equal(expected.Nll, found.Nll, 1e-4);
        }
        using var inside = Predictor.Open("tta", bundle, new ClassifierOptions(), "cpu");
        using var around = Predictor.Open("fp32", bundle, new ClassifierOptions(), "cpu");
        var images = RandomNetwork.Images(3, Size, 3);
        Assert.All(
            inside.Predict(images).Zip(around.Predict(images)),
            pair => Assert.All(pair.First.Zip(pair.Second), odds => Assert.Equal(odds.First, odds.Second, 1e-4)));

        EvaluationMetrics Evaluate(string model, Tta views, double limit) => Evaluator.Evaluate(
            bundle, dataset, new EvaluateOptions { Model = [model], Tta = views, AdaptiveThreshold = limit, Split = Split.Train }, "cpu",
            _bundles.File($"evaluation-{Guid.NewGuid():N}"), IProgress.Silent, CancellationToken.None).Metrics;
    }

    /// <summary>Another threshold, with every hash rewritten: only the answers tell.</summary>
    private static void ADoubtfulModelThatChangedIsFound(OnnxBundle bundle)
    {
        var (path, manifest) = (bundle.File("model.adaptive.onnx"), bundle.File(OnnxBundle.ManifestName));
        var (bytes, text) = (File.ReadAllBytes(path), File.ReadAllText(manifest));
        var model = ModelProto.Parser.ParseFrom(bytes);
        model.Graph.Initializer.Single(tensor => tensor.Name == "doubt.threshold").RawData = ByteString.CopyFrom(BitConverter.GetBytes(0f));
        File.WriteAllBytes(path, model.ToByteArray());
        var variants = bundle.Manifest.Variants.ToDictionary();
        variants["adaptive"] = variants["adaptive"] with { Bytes = new FileInfo(path).Length, Sha256 = Hash.OfFile(path) };
        File.WriteAllText(manifest, Json.Write(bundle.Manifest with { Variants = variants }));
        Checksums.Write(bundle.Folder);
        Assert.Contains(Problems(bundle), p => p.StartsWith("model.adaptive.onnx: logits differs from the same views through fp32", StringComparison.Ordinal));

        File.WriteAllBytes(path, bytes);
        File.WriteAllText(manifest, text);
        Checksums.Write(bundle.Folder);
        Assert.Empty(Problems(bundle));
    }

    private static IReadOnlyList<string> Problems(OnnxBundle bundle) => BundleVerifier.Verify(bundle.Folder, TestDataRunner.Run).Problems;

    /// <summary>What ONNX Runtime answers to the test data.</summary>
    private static float[] Probabilities(OnnxBundle bundle, string file)
    {
        var input = TestDataSet.Read(bundle.File(TestDataSet.Input(0)));
        return TestDataRunner.Run(
            bundle.File(file), bundle.Manifest.Signature!.Inputs[0], input.RawData.ToByteArray(), [.. input.Dims], ["probabilities"])[0];
    }

    private sealed class Planes
    {
        [ColumnName("images")]
        public float[] Images { get; set; } = [];
    }
}
