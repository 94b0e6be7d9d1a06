using System.Reflection;
using Airbench.Onnx;
using Microsoft.ML;
using Microsoft.ML.OnnxRuntime;

namespace Airbench.Tests;

/// <summary>Which variant runs where, and gives ONNX Runtime's answers there: the table of docs/models.md is what this finds.</summary>
public sealed class OtherRuntimesTests : IDisposable
{
    private const int Images = 6;

    private static readonly string[] Variants = ["fp32", "fp16", "int8", "tta", "int8_tta", "adaptive", "int8_adaptive", "fp16_adaptive"];

    /// <summary>What runtimes say, and what the table calls it.</summary>
    private static readonly (string Runtime, string Says, string Reason)[] Reasons =
    [
        ("ML.NET", "Unsupported ONNX scalar type: Float16", "float16 constants"),
        ("OpenCV", "!isDynamicShape in function 'parseShape'", "open sizes"),
        ("OpenCV", "inputs.size() in function 'getMemoryShapes'", "open sizes"),
        ("OpenCV", "Unsupported data type: BOOL", "loops"),
    ];

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Every_variant_runs_where_the_documentation_says_and_agrees_there()
    {
        OtherRuntimes.SkipWithoutOpenCv();
        Programs.SkipWithoutNode("onnxruntime-node", "onnxruntime-web");
        var rows = (from variant in Variants from any in (bool[])[false, true] select (variant, any)).ToList();
        var models = rows.ToDictionary(row => row, row => (GivenModel[])
            [.. Enum.GetValues<InputFormat>().Select(format => Write("airbench94", 16, 17, new InputOptions(format, row.any), row.variant))]);
        var (versions, node) = OtherRuntimes.Node(models.Values.SelectMany(given => given), _folder.Path);
        (string Name, Func<GivenModel, Answer> Run)[] runtimes =
        [
            ($"onnxruntime-node {Version(versions["onnxruntime-node"])}", model => node["onnxruntime-node"][model.File]),
            ($"onnxruntime-web {Version(versions["onnxruntime-web"])}, WebAssembly", model => node["onnxruntime-web"][model.File]),
            ($"ML.NET {Version(typeof(MLContext).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()!.InformationalVersion)}", OtherRuntimes.MlNet),
            ($"OpenCV {Version(OpenCvSharp.Cv2.GetVersionString()!)}", OtherRuntimes.OpenCv),
        ];

        string[] table =
        [
            $"| variant | height and width | {string.Join(" | ", runtimes.Select(runtime => runtime.Name))} |",
            $"|---|---|{string.Concat(runtimes.Select(_ => "---|"))}",
            .. rows.Select(row => $"| {row.variant} | {(row.any ? "any" : "fixed")} | " +
                $"{string.Join(" | ", runtimes.Select(runtime => Cell(runtime.Name, row.variant, models[row], runtime.Run)))} |"),
        ];

        var documented = File.ReadLines(Path.Combine(Programs.Clients, "..", "..", "docs", "models.md")).SkipWhile(line => line != table[0]).Take(table.Length).ToArray();
        Assert.True(table.SequenceEqual(documented), $"docs/models.md has another table than\n{string.Join("\n", table)}");
    }

    /// <summary>OpenCV reads quantized models in its own way: every kind of layer, activation and opset, and layers that stay in float.</summary>
    [Theory]
    [InlineData("airbench94", 13, InputFormat.Uint8Nchw)]
    [InlineData("airbench96", 22, InputFormat.Uint8Nhwc)]
    [InlineData("speedrun2025", 17, InputFormat.Uint8Nchw)]
    [InlineData("resnet18", 17, InputFormat.Uint8Nhwc)]
    [InlineData("resnet18", 13, InputFormat.Uint8Nchw)]
    [InlineData("resnet18", 22, InputFormat.FloatNchw)]
    public void Opencv_gives_the_answers_of_every_recipe_in_every_precision(string recipe, int opset, InputFormat format)
    {
        OtherRuntimes.SkipWithoutOpenCv();
        foreach (var variant in (string[])["fp32", "fp16", "int8", "tta", "int8_tta", "int8 but first", "int8 but last"])
        {
            var model = Write(recipe, 17, opset, new InputOptions(format, AnySize: false), variant);
            Assert.Equal("yes", Cell("OpenCV", variant, [model], OtherRuntimes.OpenCv, fewBits: 0.015));   // 20 layers of 4 to 7 drawn channels: 0.0116
        }
    }

    /// <summary>"yes" where the runtime agrees on the models of all inputs, else why not; the same for all inputs.</summary>
    private static string Cell(string runtime, string variant, GivenModel[] models, Func<GivenModel, Answer> run, double fewBits = 0.01) => Assert.Single(models.Select(model =>
    {
        var (expected, found) = (OtherRuntimes.Run(model), run(model));
        if (found.Error is { } error)
        {
            var reason = Reasons.FirstOrDefault(known => runtime.StartsWith(known.Runtime, StringComparison.Ordinal) && error.Contains(known.Says, StringComparison.Ordinal)).Reason;
            return reason is not null ? $"no: {reason}" : throw new InvalidOperationException($"{runtime}, {variant} {model.Format}: {error}");
        }
        Assert.True(expected.Max() - expected.Min() > 0.1);   // or there would be nothing to tell apart
        var allowed = variant.StartsWith("int8", StringComparison.Ordinal) || variant.StartsWith("fp16", StringComparison.Ordinal) ? fewBits : 1e-3;
        Assert.Equal(expected.Length, found.Probabilities.Length);
        var worst = expected.Zip(found.Probabilities).Max(pair => double.IsNaN(pair.Second) ? double.NaN : Math.Abs(pair.First - pair.Second));
        Assert.True(worst <= allowed, $"{runtime}, {variant} {model.Format}: probabilities differ by {worst}");
        return "yes";
    }).Distinct());

    private GivenModel Write(string recipe, int size, int opset, InputOptions input, string variant)
    {
        int[] narrow = Recipe.All[recipe].Architecture == Architecture.Resnet18 ? [4, 5, 6, 7] : [4, 6, 5];
        var network = (Recipe.All[recipe] with { Widths = narrow }).Network(size, GivenModel.Classes, [0.49, 0.48, 0.45], [0.25, 0.24, 0.26]) with
        {
            BatchNormEpsilon = 0.1,   // no channels that amplify a step of their input
            LogitScale = 1,
        };
        var weights = RandomNetwork.WriteWeights(_folder.Path, network, RandomNetwork.Weights(network, seed: 11));
        var pixels = RandomNetwork.Images(Images, size, seed: 8);
        var largest = Observe(Build(InputOptions.Default), ["logits"], pixels, size)["logits"];
        network = network with { LogitScale = 3 / Math.Max(largest.High, -largest.Low) };
        var fp32 = Build(input);
        var (precision, views) = variant.Split('_') is [var first, .. var rest] ? (first, rest) : default;
        var (model, source) = (precision.StartsWith("int8", StringComparison.Ordinal) ? Quantize() : precision == "fp16" ? HalfPrecision.Apply(fp32) : fp32, NetworkInput.Of(fp32));
        model = variant.EndsWith("tta", StringComparison.Ordinal) ? Voting.Apply(model, source, Tta.MirrorTranslate)
            : variant.EndsWith("adaptive", StringComparison.Ordinal) ? Voting.Apply(model, source, Tta.Adaptive, MedianConfidence()) : model;
        var file = _folder.File($"{Guid.NewGuid():N}.onnx");
        NetworkExporter.Save(model.Model, file);
        return new GivenModel(file, input.Format, pixels, Images, size);

        OnnxGraph Build(InputOptions options) => new(NetworkExporter.Build(RandomNetwork.Manifest(network), weights, opset, options));

        OnnxGraph Quantize()
        {
            var layers = new QuantizableLayers(Build(InputOptions.Default));
            var ranges = Observe(layers.WithObservedOutputs(), layers.ObservedValues(), pixels, size);
            var inFloat = precision switch { "int8 but first" => layers.Names[0], "int8 but last" => layers.Names[^1], _ => "" };
            return Int8.Apply(fp32, layers.Names.Where(layer => layer != inFloat).ToHashSet(), ranges);
        }

        // Half of the images are in doubt, and none is so close to the threshold that rounding decides.
        double MedianConfidence()
        {
            using var classifier = Open(Build(InputOptions.Default));
            var logits = new float[Images * GivenModel.Classes];
            classifier.Run(pixels, Images, logits);
            var confidence = logits.Chunk(GivenModel.Classes).Select(row => Softmax.Confidence(row)).Order().ToArray();
            return (confidence[(Images / 2) - 1] + confidence[Images / 2]) / 2;
        }
    }

    private OnnxClassifier Open(OnnxGraph model)
    {
        var file = _folder.File($"{Guid.NewGuid():N}.onnx");
        NetworkExporter.Save(model.Model, file);
        return OnnxClassifier.Open(file);
    }

    /// <summary>Smallest and largest values on the images.</summary>
    private Dictionary<string, ValueRange> Observe(OnnxGraph model, IReadOnlyList<string> values, byte[] pixels, int size)
    {
        var file = _folder.File($"{Guid.NewGuid():N}.onnx");
        NetworkExporter.Save(model.Model, file);
        using var session = new InferenceSession(file);
        using var input = OrtValue.CreateTensorValueFromMemory(pixels, [Images, 3, size, size]);
        using var options = new RunOptions();
        using var outputs = session.Run(options, ["images"], [input], [.. values]);
        return values.Zip(outputs.Select(output => output.GetTensorDataAsSpan<float>().ToArray())).ToDictionary(
            pair => pair.First, pair => new ValueRange(pair.Second.Min(), pair.Second.Max()));
    }

    /// <summary>"1.30.0" as "1.30".</summary>
    private static string Version(string text) => string.Join('.', text.Split('.').Take(2));
}
