using Airbench.Onnx;
using Airbench.Onnx.Proto;
using static Airbench.Onnx.Proto.TensorProto.Types;

namespace Airbench.Tests;

/// <summary>What the writers make of a graph, and what the search and the gate make of a runtime's answers.</summary>
public sealed class VariantWriterTests : IDisposable
{
    private static readonly string[] Layers =
        ["whiten", "group1.conv1", "group1.conv2", "group2.conv1", "group2.conv2", "group3.conv1", "group3.conv2", "head"];

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Every_layer_in_int8_reads_and_gives_bytes_and_the_pixels_are_quantized_behind_their_cast()
    {
        var graph = Quantize(Fp32(), Layers).Graph;

        Assert.Equal(
            """
            pixels = Cast(images)
            pixels/quantized = QuantizeLinear(pixels)
            pixels/dequantized = DequantizeLinear(pixels/quantized)
            whiten.weight/dequantized = DequantizeLinear(whiten.weight/quantized)
            whiten.bias/dequantized = DequantizeLinear(whiten.bias/quantized)
            whiten = Conv(pixels/dequantized)
            whiten/quantized = QuantizeLinear(whiten)
            whiten/half = DequantizeLinear(whiten/quantized)
            whiten/restored = Div(whiten/half)
            whiten.gelu/div = Div(whiten/restored)
            whiten.gelu/erf = Erf(whiten.gelu/div)
            whiten.gelu/add = Add(whiten.gelu/erf)
            whiten.gelu/mul = Mul(whiten/restored)
            whiten.gelu = Mul(whiten.gelu/mul)
            whiten.gelu/quantized = QuantizeLinear(whiten.gelu)
            whiten.gelu/dequantized = DequantizeLinear(whiten.gelu/quantized)
            group1.conv1.weight/dequantized = DequantizeLinear(group1.conv1.weight/quantized)
            group1.conv1.bias/dequantized = DequantizeLinear(group1.conv1.bias/quantized)
            group1.conv1 = Conv(whiten.gelu/dequantized)
            group1.conv1/quantized = QuantizeLinear(group1.conv1)
            group1.conv1/dequantized = DequantizeLinear(group1.conv1/quantized)
            group1.pool = MaxPool(group1.conv1/dequantized)
            group1.pool/quantized = QuantizeLinear(group1.pool)
            """.Split('\n'), Lines(graph).Take(23));
        Assert.Equal(
        [
            "pool/quantized = QuantizeLinear(pool)", "pool/dequantized = DequantizeLinear(pool/quantized)",
            "head.weight/dequantized = DequantizeLinear(head.weight/quantized)", "logits = Gemm(pool/dequantized)", "probabilities = Softmax(logits)",
        ], Lines(graph).TakeLast(5));
        var scales = graph.Node.Where(n => n.OpType == "QuantizeLinear").ToDictionary(n => n.Input[0], n => n.Input[1]);
        Assert.Equal(scales["group1.conv1"], scales["group1.pool"]);
        Assert.DoesNotContain(graph.Initializer, tensor => tensor.Name == "whiten.weight");
    }

    [Fact]
    public void A_layer_in_float_has_neither_bytes_nor_pairs_around_it()
    {
        var lines = Lines(Quantize(Fp32(), [.. Layers.Except(["whiten", "group1.conv1", "head"])]).Graph).ToArray();

        Assert.Equal(["pixels = Cast(images)", "whiten = Conv(pixels)", "whiten.gelu/div = Div(whiten)"], lines[..3]);
        Assert.Contains("group1.conv1 = Conv(whiten.gelu)", lines);
        Assert.Contains("group1.pool = MaxPool(group1.conv1)", lines);
        Assert.Contains("group1.conv2 = Conv(group1.gelu1/dequantized)", lines);
        Assert.Equal("logits = Gemm(pool)", lines[^2]);
    }

    [Fact]
    public void A_relu_stands_before_the_pair_and_a_padded_first_layer_reads_centred_pixels()
    {
        var network = RandomNetwork.Small() with { Architecture = Architecture.Resnet18, Widths = [4, 6, 8, 10], Activation = Activation.Relu };
        var model = Fp32(network);
        var lines = Lines(Quantize(model, [.. new QuantizableLayers(new OnnxGraph(model)).Names]).Graph).ToArray();

        Assert.Equal(["pixels = Cast(images)", "pixels/centred = Sub(pixels)", "pixels/centred/quantized = QuantizeLinear(pixels/centred)"], lines[..3]);
        var stem = Array.IndexOf(lines, "stem.conv = Conv(pixels/centred/dequantized)");
        Assert.Equal(["stem.relu = Relu(stem.conv)", "stem.relu/quantized = QuantizeLinear(stem.relu)"], lines[(stem + 1)..(stem + 3)]);
        Assert.Equal(["head/product = Gemm(pool/dequantized)", "logits = Add(head/product)"], lines[^3..^1]);
        var add = Array.IndexOf(lines, "stage1.block1.add = Add(stage1.block1.conv2/dequantized)");
        Assert.Equal("stage1.block1.relu2 = Relu(stage1.block1.add)", lines[add + 1]);
    }

    [Fact]
    public void Native_gelu_stands_between_two_pairs()
    {
        var lines = Lines(Quantize(Fp32(opset: 20), Layers).Graph).ToArray();

        Assert.Contains("whiten.gelu = Gelu(whiten/dequantized)", lines);
        Assert.DoesNotContain(lines, line => line.Contains("/restored", StringComparison.Ordinal));
    }

    [Fact]
    public void Half_precision_is_everywhere_between_the_pixels_and_the_logits()
    {
        var model = HalfPrecision.Apply(new OnnxGraph(Fp32())).Model;
        var lines = Lines(model.Graph).ToArray();

        Assert.All(model.Graph.Initializer, tensor => Assert.Equal((int)DataType.Float16, tensor.DataType));
        Assert.Equal((long)DataType.Float16, model.Graph.Node[0].Attribute.Single().I);
        Assert.Equal(["logits/half = Gemm(pool)", "logits = Cast(logits/half)", "probabilities = Softmax(logits)"], lines[^3..]);
        Assert.Equal(Fp32().Graph.Output, model.Graph.Output);
    }

    [Fact]
    public void A_weight_beyond_half_precision_is_refused_by_name()
    {
        var model = Fp32();
        var bias = model.Graph.Initializer.Single(tensor => tensor.Name == "group2.conv1.bias");
        var values = Tensors.Floats(bias);
        values[3] = -70_000;
        bias.RawData = Tensors.Create<float>("x", DataType.Float, values, values.Length).RawData;

        Assert.StartsWith("fp16: element 3 of 'group2.conv1.bias' is -70000; the largest half-precision number is 65504",
            Assert.Throws<GateException>(() => HalfPrecision.Apply(new OnnxGraph(model))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_search_gives_up_only_the_layers_that_do_the_harm()
    {
        var runtime = new FakeRuntime { Harm = { ["group2.conv1"] = 50, ["whiten"] = 20, ["head"] = 2 } };

        var facts = Export(runtime, new ExportOptions { MaxDrop = new() { ["int8"] = 0.003 } }).Manifest.Variants["int8"].Quantization!;

        Assert.Equal(["whiten", "group2.conv1"], facts.FloatLayers);
        Assert.Equal((1000, 0.002), (facts.HeldOutImages, facts.HeldOutDrop));
    }

    [Fact]
    public void Layers_that_are_to_stay_in_float_do_whatever_the_accuracy()
    {
        var options = new ExportOptions { FloatLayers = ["last", "first", "group3.conv1"] };

        Assert.Equal(["whiten", "group3.conv1", "head"], Export(new FakeRuntime(), options).Manifest.Variants["int8"].Quantization!.FloatLayers);
        Assert.Contains("float_layers: 'conv9'; expected first, last, whiten, group1.conv1",
            Assert.Throws<ConfigurationException>(() => Export(new FakeRuntime(), new ExportOptions { FloatLayers = ["conv9"] })).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void Where_every_layer_does_harm_there_is_no_int8_model()
    {
        var runtime = new FakeRuntime();
        foreach (var layer in Layers)
        {
            runtime.Harm[layer] = 4;
        }

        Assert.Contains("with any layer quantized more than max_drop.int8 = 0.003 is lost",
            Assert.Throws<GateException>(() => Export(runtime, new ExportOptions())).Message, StringComparison.Ordinal);
        Assert.Empty(Directory.EnumerateFileSystemEntries(_folder.File("exports")));
    }

    [Fact]
    public void Scores_and_files_of_every_variant_are_in_the_manifest_and_nothing_else_is_left()
    {
        var bundle = Export(new FakeRuntime { Correct = { ["int8"] = 9_030, ["fp16"] = 9_050 } }, new ExportOptions());

        var variants = OnnxBundle.Open(bundle.Folder).Manifest.Variants;
        Assert.Equal(["fp32", "fp16", "int8"], variants.Keys);
        Assert.Equal(0.003, variants["int8"].Score!.Drop, 1e-12);
        foreach (var variant in variants.Values)
        {
            Assert.Equal(Hash.OfFile(bundle.File(variant.File)), variant.Sha256);
        }
        Assert.Equal(["model.fp16.onnx", "model.int8.onnx", "model.onnx"], Directory.GetFiles(bundle.Folder, "*.onnx").Select(Path.GetFileName).Order());
        var metadata = ModelProto.Parser.ParseFrom(File.ReadAllBytes(bundle.File("model.int8.onnx"))).MetadataProps.ToDictionary(p => p.Key, p => p.Value);
        Assert.Equal("int8", metadata["variant"]);
        Assert.DoesNotContain("accuracy_plain", metadata.Keys);
    }

    [Theory]
    [InlineData("int8", 9_029, "int8: 9029 of 10000 test images correct, fp32 9060: a drop of 0.0031, above max_drop.int8 = 0.003 (30 images)")]
    [InlineData("fp16", 9_049, "fp16: 9049 of 10000 test images correct, fp32 9060: a drop of 0.0011, above max_drop.fp16 = 0.001 (10 images)")]
    public void A_variant_that_loses_too_much_fails_with_its_numbers_and_leaves_nothing(string variant, int correct, string expected)
    {
        Assert.Equal(expected,
            Assert.Throws<GateException>(() => Export(new FakeRuntime { Correct = { [variant] = correct } }, new ExportOptions())).Message);
        Assert.Empty(Directory.EnumerateFileSystemEntries(_folder.File("exports")));
    }

    [Theory]
    [InlineData("int8", 197, 0, 0, null)]
    [InlineData("int8", 196, 4, 0, null)]      // p = 0.125
    [InlineData("int8", 195, 0, 0, "int8: the class of fp32 on 195 of 200 images; expected 196 (98.0%). 40 test images are too few")]
    [InlineData("fp16", 199, 1, 0, null)]
    [InlineData("fp16", 198, 0, 0, "fp16: the class of fp32 on 198 of 200 images; expected 199 (99.5%)")]
    [InlineData("int8", 196, 0, 9, null)]      // better is no fault
    [InlineData("int8", 196, 9, 1, "int8: 9 of 200 images that fp32 alone gets right, 1 that it alone does: McNemar's exact test p = 0.0215; expected at least 0.05")]
    public void On_a_small_test_split_a_variant_is_judged_by_its_answers_to_all_images(string variant, int same, int onlyFp32, int onlyVariant, string? error)
    {
        var runtime = new FakeRuntime { Tested = 40, Answers = { [variant] = new AnswerComparison(200, same, onlyFp32, onlyVariant, Metrics.McNemar(onlyFp32, onlyVariant)) } };

        if (error is not null)
        {
            Assert.StartsWith(error, Assert.Throws<GateException>(() => Export(runtime, new ExportOptions())).Message, StringComparison.Ordinal);
            return;
        }
        var bundle = Export(runtime, new ExportOptions());
        var score = bundle.Manifest.Variants[variant].Score!;
        Assert.Equal(runtime.Answers[variant], score.AllImages);
        Assert.Contains($"of 200 images of both splits (found {same})", score.Gate, StringComparison.Ordinal);
        Assert.Null(bundle.Manifest.Variants["fp32"].Score!.Gate);
        Assert.Contains($"`{bundle.Manifest.Variants[variant].File}` passed: the class of fp32 on at least", ModelCard.Head(bundle.Manifest), StringComparison.Ordinal);
    }

    [Fact]
    public void A_bound_on_accuracy_that_was_given_judges_small_test_splits_too()
    {
        var runtime = new FakeRuntime { Tested = 40, Answers = { ["int8"] = new AnswerComparison(200, 100, 60, 0, 0) }, Correct = { ["int8"] = 35 } };
        var options = new ExportOptions { MaxDrop = new() { ["int8"] = 0.02 } };
        Assert.StartsWith("int8: 35 of 40 test images correct, fp32 36: a drop of 0.0250, above max_drop.int8 = 0.02 (0 images)",
            Assert.Throws<GateException>(() => Export(runtime, options)).Message, StringComparison.Ordinal);
        var gate = Export(runtime, options with { MaxDrop = new() { ["int8"] = 0.03 } }).Manifest.Variants["int8"].Score!.Gate;
        Assert.Equal("at most 3 points of accuracy less than fp32 on 40 test images (found 2.50)", gate);
    }

    [Fact]
    public void With_few_held_out_images_the_search_looks_at_the_answers_and_lets_one_be_another()
    {
        var runtime = new FakeRuntime { HeldOut = 60, Harm = { ["group2.conv1"] = 2, ["whiten"] = 1 } };

        var facts = Export(runtime, new ExportOptions()).Manifest.Variants["int8"].Quantization!;
        Assert.Equal(["group2.conv1"], facts.FloatLayers);
        Assert.Equal((60, 59 / 60.0), (facts.HeldOutImages, facts.HeldOutAgreement));

        facts = Export(runtime, new ExportOptions { MaxDrop = new() { ["int8"] = 0.1 } }).Manifest.Variants["int8"].Quantization!;
        Assert.Empty(facts.FloatLayers);   // 3 of 60 right answers are 5 points
        Assert.Null(facts.HeldOutAgreement);
    }

    [Fact]
    public void The_table_has_a_line_for_each_variant_in_columns() => Assert.Equal(
        """
        variant      bytes  accuracy    drop  agreement  images/s  p50 ms  device
        fp32     7,891,845    90.60%   0.00%    100.00%     1,600   1.100     cpu
        int8       987,654    90.65%  -0.05%     98.12%     4,400   0.350     cpu
        """.Split('\n'), VariantTable.Lines(new Dictionary<string, VariantFile>
        {
            ["fp32"] = new("model.onnx", 7_891_845, "") { Score = new("cpu", 10_000, 9_060, 0.906, 0, 1, 1600, 1.1) },
            ["int8"] = new("model.int8.onnx", 987_654, "") { Score = new("cpu", 10_000, 9_065, 0.9065, -0.0005, 0.9812, 4400.4, 0.35) },
        }));

    private static IEnumerable<string> Lines(GraphProto graph) => graph.Node.Select(node => $"{node.Output[0]} = {node.OpType}({node.Input[0]})");

    private ModelProto Fp32(NetworkSpec? spec = null, int opset = 17)
    {
        var network = spec ?? RandomNetwork.Small();
        return NetworkExporter.Build(
            RandomNetwork.Manifest(network), RandomNetwork.WriteWeights(_folder.Path, network, RandomNetwork.Weights(network, 1)), opset);
    }

    private static ModelProto Quantize(ModelProto model, string[] layers)
    {
        var graph = new QuantizableLayers(new OnnxGraph(model));
        return Int8.Apply(graph.Graph, layers.ToHashSet(), graph.ObservedValues().ToDictionary(value => value, _ => new ValueRange(-1, 2))).Model;
    }

    [Fact]
    public void A_vote_inside_that_is_not_the_vote_outside_leaves_nothing()
    {
        var options = new ExportOptions { Variants = ["fp32", "tta"] };
        Assert.Equal(Tta.MirrorTranslate, Vote(new FakeRuntime()).Manifest.Variants["tta"].Tta);
        Assert.Equal(
            "tta: its logits differ by up to 0.00011 from those of the same views outside of the model, same class on 100 of 100 training images; allowed: 0.0001",
            Assert.Throws<GateException>(() => Vote(new FakeRuntime { VoteDifference = 1.1e-4 })).Message);
        Assert.Throws<GateException>(() => Vote(new FakeRuntime { VoteDifference = double.NaN }));

        OnnxBundle Vote(FakeRuntime runtime) => Exporter.Export(
            RandomNetwork.Write(_folder.File("model"), RandomNetwork.Small()), options, _folder.File("exports/voting"), _ => new ParityResult(1, 0, 1),
            IProgress.Silent, CancellationToken.None, runtime);
    }

    private OnnxBundle Export(FakeRuntime runtime, ExportOptions options) => Exporter.Export(
        RandomNetwork.Write(_folder.File("model"), RandomNetwork.Small()), options with { Variants = ["fp32", "fp16", "int8"] },
        _folder.File("exports/small"), _ => new ParityResult(1, 0, 1), IProgress.Silent, CancellationToken.None, runtime);

    /// <summary>Answers by which layers a file has in int8: each costs a stated number of right answers of 1000, and moves the logits by it.</summary>
    private sealed class FakeRuntime : IVariantRuntime
    {
        public Dictionary<string, int> Harm { get; } = [];

        public Dictionary<string, int> Correct { get; } = [];

        /// <summary>Answers beside those of fp32, on a small test split.</summary>
        public Dictionary<string, AnswerComparison> Answers { get; } = [];

        public int Tested { get; init; } = 10_000;

        public int HeldOut { get; init; } = 1000;

        public IReadOnlyDictionary<string, ValueRange> Calibrate(string modelFile, IReadOnlyList<string> values)
        {
            var outputs = Read(modelFile).Output.Select(output => output.Name).ToList();
            Assert.All(values, value => Assert.Contains(value, outputs));
            return values.ToDictionary(value => value, _ => new ValueRange(-1, 1));
        }

        public HeldOutAnswers AnswerHeldOut(string modelFile)
        {
            var names = Read(modelFile).Initializer.Select(tensor => tensor.Name).ToHashSet();
            var harm = Harm.Where(layer => names.Contains($"{layer.Key}.weight/quantized")).Sum(layer => layer.Value);
            return HeldOut == 1000
                ? new HeldOutAnswers(1000, 900 - harm, [harm])
                : new HeldOutAnswers(HeldOut, HeldOut - harm, [.. Enumerable.Range(0, HeldOut).SelectMany(i => i < harm ? new[] { 1f, 0 } : [0, 1f])]);
        }

        /// <summary>Difference between a vote inside and outside.</summary>
        public double VoteDifference { get; init; } = 1e-6;

        public ParityResult CompareVotes(string votingFile, string plainFile, Tta tta, double threshold)
        {
            Assert.NotEqual(Tta.None, tta);
            Assert.True(File.Exists(votingFile) && File.Exists(plainFile));
            return new ParityResult(100, VoteDifference, 100);
        }

        public IReadOnlyList<VariantScore> Score(IReadOnlyList<(string Variant, string File)> models)
        {
            Assert.Equal("fp32", models[0].Variant);
            return [.. models.Select(model =>
            {
                Assert.True(File.Exists(model.File));
                var best = Tested == 10_000 ? 9_060 : 36;
                var correct = Correct.GetValueOrDefault(model.Variant, best);
                return new VariantScore("cpu", Tested, correct, (double)correct / Tested, (double)(best - correct) / Tested, 0.99, 1000, 1)
                {
                    AllImages = Tested == 10_000 || model.Variant == "fp32" ? null : Answers.GetValueOrDefault(model.Variant, new AnswerComparison(200, 200, 0, 0, 1)),
                };
            })];
        }

        private static GraphProto Read(string file) => ModelProto.Parser.ParseFrom(File.ReadAllBytes(file)).Graph;
    }
}
