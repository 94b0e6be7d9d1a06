using Airbench.Onnx;
using Airbench.Onnx.Proto;
using CsCheck;
using Microsoft.ML.OnnxRuntime;

namespace Airbench.Tests;

/// <summary>Variants through ONNX Runtime: what they compute, and what the export keeps of them.</summary>
public sealed class VariantTests : IDisposable
{
    private const int Images = 12;

    private static readonly Gen<int> Opsets = Gen.Int[0, 2].Select(i => i switch { 0 => 13, 1 => 17, _ => 22 });

    private readonly Bundles _bundles = new();

    public void Dispose() => _bundles.Dispose();

    /// <summary>
    /// Integer kernels round once where the definition does, so most values are the same to the last bit; a value that lies on the edge
    /// of two steps may fall to either side, which moves the logits by less than quantization itself does.
    /// </summary>
    [Fact]
    public void Any_int8_network_computes_in_onnx_runtime_what_its_graph_says() =>
        Gen.Select(Gen.OneOf(Gen.Const(Architecture.Airbench), Gen.Const(Architecture.Resnet18)), Gen.Enum<Activation>(), Gen.Int[16, 21], Opsets, Gen.Int)
            .ForEachCase((architecture, activation, size, opset, seed) =>
            {
                var network = RandomNetwork.Small(size, depth: 2 + (size % 2)) with
                {
                    Architecture = architecture,
                    Activation = activation,
                    Widths = architecture == Architecture.Resnet18 ? [4, 5, 6, 7] : [5, 6, 7],
                    BatchNormEpsilon = 1e-3,   // no channels that amplify a step of their input
                };
                var (graph, images) = (Graph(network, seed, opset), RandomNetwork.Images(Images, size, seed));
                var int8 = Int8.Apply(graph.Graph, graph.Names.ToHashSet(), Ranges(graph, images)).Model;

                var expected = images.Chunk(3 * size * size).SelectMany(image => OnnxInterpreter.Logits(int8, image)).ToArray();
                var found = Run(int8, images);
                var fp32 = Run(graph.Graph.Model, images);

                var spread = Deviation(fp32, fp32.Select(_ => fp32.Average()));
                // Of 80 networks all but one are below 0.03, that one at 0.06; products that overflow make it 0.16 in the middle.
                Assert.InRange(Deviation(found, expected), 0, 0.1 * spread);
                Assert.InRange(Deviation(found, fp32.Select(v => (double)v)), 0, 0.6 * spread);
            }, cases: 12);

    [Fact]
    public void Onnx_runtime_runs_every_layer_of_an_int8_model_on_integers_and_fuses_every_gelu()
    {
        var graph = Graph(RandomNetwork.Small(depth: 3), seed: 1, opset: 17);
        var int8 = Int8.Apply(graph.Graph, graph.Names.ToHashSet(), Ranges(graph, RandomNetwork.Images(Images, 16, 1))).Model;
        var operators = Optimized(int8).Graph.Node.CountBy(node => node.OpType).ToDictionary();

        Assert.Equal(graph.Names.Count - 1, operators["QLinearConv"]);
        Assert.Equal((1, 3), (operators["QGemm"], operators["MaxPool"]));
        Assert.Equal(RandomNetwork.Small(depth: 3).Layers().OfType<ActivationLayer>().Count(), operators["Gelu"]);
        Assert.DoesNotContain("Conv", operators.Keys);
    }

    [Fact]
    public void The_fast_products_of_every_processor_are_the_exact_ones() =>
        Gen.Select(Gen.OneOf(Gen.Const(Architecture.Airbench), Gen.Const(Architecture.Resnet18)), Gen.Bool, Gen.Bool, Gen.Int)
            .ForEachCase((architecture, isWide, isFlat, seed) =>
            {
                var network = RandomNetwork.Small() with
                {
                    Architecture = architecture,
                    Widths = architecture == Architecture.Resnet18 ? isWide ? [16, 16, 20, 24] : [4, 5, 6, 7] : isWide ? [16, 20, 24] : [5, 6, 7],
                };
                var weights = RandomNetwork.Weights(network, seed);
                foreach (var name in weights.Keys.Where(name => isFlat && name.EndsWith("conv1.weight", StringComparison.Ordinal)).ToArray())
                {
                    weights[name].AsSpan().Fill(0.1f);   // every weight is its channel's largest
                }
                var graph = new QuantizableLayers(new OnnxGraph(NetworkExporter.Build(
                    RandomNetwork.Manifest(network), RandomNetwork.WriteWeights(_bundles.Folder, network, weights), opset: 17)));
                var images = RandomNetwork.Images(Images, 16, seed);
                images.AsSpan(0, images.Length / 2).Fill(byte.MaxValue);
                var file = Save(Int8.Apply(graph.Graph, graph.Names.ToHashSet(), Ranges(graph, images)).Model);

                Assert.Equal(Logits(file, images, isExact: true), Logits(file, images, isExact: false));
            }, cases: 12);

    private static float[] Logits(string file, byte[] images, bool isExact)
    {
        using var options = new SessionOptions();
        options.AddSessionConfigEntry("session.x64quantprecision", isExact ? "1" : "0");
        using var session = new InferenceSession(file, options);
        using var input = OrtValue.CreateTensorValueFromMemory(images, [Images, 3, 16, 16]);
        using var run = new RunOptions();
        using var outputs = session.Run(run, ["images"], [input], ["logits"]);
        return outputs[0].GetTensorDataAsSpan<float>().ToArray();
    }

    [Fact]
    public void Onnx_runtime_makes_a_relu_part_of_the_convolution_or_addition_before_it()
    {
        var network = RandomNetwork.Small() with { Architecture = Architecture.Resnet18, Widths = [4, 5, 6, 7], Activation = Activation.Relu };
        var graph = Graph(network, seed: 2, opset: 17);
        var operators = Optimized(Int8.Apply(graph.Graph, graph.Names.ToHashSet(), Ranges(graph, RandomNetwork.Images(Images, 16, 1))).Model)
            .Graph.Node.CountBy(node => node.OpType).ToDictionary();

        Assert.Equal(20, operators["QLinearConv"]);
        Assert.Equal(7, operators["QLinearAdd"]);   // the eighth goes to the mean pool in float
        Assert.Equal(1, operators.GetValueOrDefault("Relu"));
    }

    [Fact]
    public void Half_precision_is_as_close_as_half_precision_is() =>
        Gen.Select(Gen.OneOf(Gen.Const(Architecture.Airbench), Gen.Const(Architecture.Resnet18)), Gen.Enum<Activation>(), Opsets, Gen.Int)
            .ForEachCase((architecture, activation, opset, seed) =>
            {
                var network = RandomNetwork.Small() with
                {
                    Architecture = architecture,
                    Activation = activation,
                    Widths = architecture == Architecture.Resnet18 ? [4, 5, 6, 7] : [5, 6, 7],
                    BatchNormEpsilon = 1e-3,
                };
                var (graph, images) = (Graph(network, seed, opset), RandomNetwork.Images(Images, 16, seed));
                var (fp32, fp16) = (Run(graph.Graph.Model, images), Run(HalfPrecision.Apply(graph.Graph).Model, images));

                var largest = fp32.Max(Math.Abs);
                Assert.InRange(Deviation(fp16, fp32.Select(v => (double)v)), 1e-7, largest * 0.02);
            }, cases: 10);

    [Fact]
    public void An_export_of_all_variants_scores_them_on_the_test_split_and_each_can_be_evaluated()
    {
        var dataset = Labelled(200);
        var bundle = Export(dataset, new ExportOptions { Variants = ["fp32", "fp16", "int8"], MaxDrop = new() { ["int8"] = 0.2, ["fp16"] = 0.1 } });

        var (fp32, int8) = (bundle.Manifest.Variants["fp32"].Score!, bundle.Manifest.Variants["int8"].Score!);
        Assert.Equal((200, 200, 0.0, 1.0), (fp32.Count, fp32.Correct, fp32.Drop, fp32.Agreement));
        Assert.Equal((200 - int8.Correct) / 200.0, int8.Drop, 1e-12);
        Assert.Equal(int8.Accuracy, int8.Agreement);   // as every label is fp32's answer
        Assert.True(int8.ImagesPerSecond > 0 && int8.P50Ms > 0);
        foreach (var (name, variant) in bundle.Manifest.Variants)
        {
            var metrics = Evaluator.Evaluate(bundle, dataset, new EvaluateOptions { Model = [name], Tta = Tta.None }, "cpu",
                _bundles.File($"evaluation-{name}"), IProgress.Silent, CancellationToken.None).Metrics;
            Assert.Equal(variant.Score!.Correct, metrics.Correct);
        }
    }

    [Fact]
    public void One_layer_that_quantizes_badly_is_found_and_kept_in_float()
    {
        // Channel 0 in front of group3.conv2 is always zero, and the layer's weights on it are huge: nothing to float, but the one scale of
        // an output channel leaves its other weights no step.
        var network = Bundles.Network with { Activation = Activation.Relu };
        var weights = RandomNetwork.Weights(network, Bundles.Seed);
        var channels = weights["group3.norm1.bias"].Length;
        weights["group3.conv1.weight"].AsSpan(0, weights["group3.conv1.weight"].Length / channels).Clear();
        weights["group3.norm1.running_mean"][0] = 0;
        weights["group3.norm1.bias"][0] = -0.1f;
        for (var i = 0; i < weights["group3.conv2.weight"].Length; i++)
        {
            weights["group3.conv2.weight"][i] = i / 9 % channels == 0 ? 1000 : weights["group3.conv2.weight"][i];
        }
        _bundles.Replace(network, weights);

        var facts = Export(Labelled(300), new ExportOptions
        {
            Variants = ["fp32", "int8"],
            MaxDrop = new() { ["int8"] = 0.1 },
            Calibration = new() { Method = CalibrationMethod.Minmax, Images = 100 },
        }).Manifest.Variants["int8"].Quantization!;

        Assert.Equal(["group3.conv2"], facts.FloatLayers);
        Assert.Equal(200, facts.HeldOutImages);
    }

    [Fact]
    public void A_variant_that_loses_too_much_on_the_test_split_leaves_nothing()
    {
        // No label of the training split is what fp32 answers, so nothing is lost there; half of the first layer's values saturate.
        var message = Assert.Throws<GateException>(() => Export(Labelled(100, wrongTraining: true), new ExportOptions
        {
            Variants = ["fp32", "int8"],
            MaxDrop = new() { ["int8"] = 0.01 },
            FloatLayers = [.. Graph(Bundles.Network, Bundles.Seed, 17).Names.Skip(1)],
            Calibration = new() { Percentile = 50.5 },
        })).Message;

        Assert.Matches(@"^int8: [0-9]+ of 100 test images correct, fp32 100: a drop of 0\.[0-9]{4}, above max_drop\.int8 = 0\.01 \(1 images\)$", message);
        Assert.Empty(Directory.EnumerateFileSystemEntries(_bundles.File("exports")));
    }

    [Fact]
    public void Another_data_set_than_the_one_trained_on_is_refused()
    {
        var dataset = Labelled(20);

        Assert.Contains("is not the data set of", Assert.Throws<DataException>(() => VariantRuntime.Open(
            dataset, _bundles.Model, new(), "cpu", 1, IProgress.Silent, CancellationToken.None)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Ranges_of_minmax_are_the_smallest_and_largest_value_on_the_calibration_images()
    {
        var graph = Graph(Bundles.Network, Bundles.Seed, 17);
        var dataset = Labelled(40);
        using var split = dataset.OpenSplit(Split.Train);
        int[] indices = [3, 17, 8, 25, 30];
        var file = Save(graph.WithObservedOutputs().Model);

        var ranges = Calibrator.Observe(
            file, graph.ObservedValues(), indices.Length, (first, count) => ImageBatch.Gather(split, indices[first..(first + count)]), split.ImageSize, new() { Method = CalibrationMethod.Minmax }, IProgress.Silent, CancellationToken.None);

        var expected = Ranges(graph, ImageBatch.Gather(split, indices));
        Assert.Equal(graph.ObservedValues(), ranges.Keys);
        foreach (var (value, range) in ranges)
        {
            Assert.Equal(expected[value].Low, range.Low, 1e-5);
            Assert.Equal(expected[value].High, range.High, 1e-5);
        }
    }

    private OnnxBundle Export(Dataset dataset, ExportOptions options)
    {
        _bundles.TrainedOn(dataset);
        using var runtime = VariantRuntime.Open(
            dataset, _bundles.Model, options.Calibration, "cpu", seed: 1, IProgress.Silent, CancellationToken.None);
        return Exporter.Export(_bundles.Model, options, _bundles.File("exports/small"), _ => new ParityResult(1, 0, 1), IProgress.Silent,
            CancellationToken.None, runtime);
    }

    /// <summary>A set whose labels are what the network of the bundle answers in fp32.</summary>
    private Dataset Labelled(int count, bool wrongTraining = false)
    {
        var images = RandomNetwork.Images(count, 16, 8);
        var model = NetworkExporter.Build(_bundles.Model.Manifest, _bundles.Model.File(TrainedModel.WeightsName), 17);
        var best = Run(model, images).Chunk(3).Select(logits => (long)Softmax.ArgMax(logits)).ToArray();
        return _bundles.Prepare(best, trainLabels: wrongTraining ? Array.ConvertAll(best, label => (label + 1) % 3) : best);
    }

    private QuantizableLayers Graph(NetworkSpec network, int seed, int opset) => new(new OnnxGraph(NetworkExporter.Build(
        RandomNetwork.Manifest(network), RandomNetwork.WriteWeights(_bundles.Folder, network, RandomNetwork.Weights(network, seed)), opset)));

    /// <summary>Smallest and largest values on these images.</summary>
    private Dictionary<string, ValueRange> Ranges(QuantizableLayers graph, byte[] images)
    {
        using var session = new InferenceSession(Save(graph.WithObservedOutputs().Model));
        var size = (int)graph.Graph.Model.Graph.Input[0].Type.TensorType.Shape.Dim[2].DimValue;
        using var input = OrtValue.CreateTensorValueFromMemory(images, [images.Length / (3 * size * size), 3, size, size]);
        using var run = new RunOptions();
        var values = graph.ObservedValues();
        using var outputs = session.Run(run, ["images"], [input], [.. values]);
        return values.Zip(outputs.Select(o => o.GetTensorDataAsSpan<float>().ToArray())).ToDictionary(
            p => p.First, p => new ValueRange(p.Second.Min(), p.Second.Max()));
    }

    private float[] Run(ModelProto model, byte[] images)
    {
        using var classifier = OnnxClassifier.Open(Save(model));
        var count = images.Length / (3 * classifier.ImageSize * classifier.ImageSize);
        var logits = new float[count * classifier.ClassCount];
        classifier.Run(images, count, logits);
        return logits;
    }

    private ModelProto Optimized(ModelProto model)
    {
        var optimized = _bundles.File("optimized.onnx");
        using var options = new SessionOptions
        {
            GraphOptimizationLevel = GraphOptimizationLevel.ORT_ENABLE_EXTENDED,   // the level above depends on the processor
            OptimizedModelFilePath = optimized,
            LogSeverityLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_ERROR,
        };
        using (new InferenceSession(Save(model), options))
        {
            return ModelProto.Parser.ParseFrom(File.ReadAllBytes(optimized));
        }
    }

    private string Save(ModelProto model)
    {
        var file = _bundles.File($"{Guid.NewGuid():N}.onnx");
        NetworkExporter.Save(model, file);
        return file;
    }

    /// <summary>Root of the mean squared difference.</summary>
    private static double Deviation(IEnumerable<float> a, IEnumerable<double> b) => Math.Sqrt(a.Zip(b, (x, y) => (x - y) * (x - y)).Average());

    private static double Deviation(IEnumerable<float> a, IEnumerable<float> b) => Deviation(a, b.Select(v => (double)v));
}
