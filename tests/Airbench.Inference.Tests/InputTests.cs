using Airbench.Data;
using Airbench.Inference;
using Airbench.OnnxModel;
using Airbench.OnnxModel.Bundle;
using CsCheck;
using Microsoft.ML.OnnxRuntime;
using SkiaSharp;

namespace Airbench.Tests;

/// <summary>Models with other inputs: the same answers from the same pixels, and from images of any size those of prepared ones.</summary>
public sealed class InputTests : IDisposable
{
    private const int Size = 16;
    private readonly Bundles _bundles = new();

    public void Dispose() => _bundles.Dispose();

    public static TheoryData<InputFormat, bool, int> Inputs => new(
        from format in Enum.GetValues<InputFormat>()
        from anySize in (bool[])[false, true]
        from opset in (int[])[13, 14, 15, 16, 17, 18, 19, 20, 21, 22]
        select (format, anySize, opset));

    [Theory]
    [MemberData(nameof(Inputs))]
    public void Every_input_in_every_opset_passes_the_parity_gate(InputFormat format, bool anySize, int opset)
    {
        var result = ParityGate.Check(Build(new InputOptions(format, anySize), opset), _bundles.ReferenceFile);
        Assert.Equal((Bundles.ReferenceCount, Bundles.ReferenceCount), (result.Images, result.SameTop1));
        Assert.InRange(result.MaxAbsDifference, 0, 1e-4);
    }

    /// <summary>
    /// The pixels in front of the network against those that the decoder of prepare leaves, of images of any shape. Sums that end next to one
    /// half may round differently in float32.
    /// </summary>
    [Fact]
    public void The_model_resizes_and_crops_as_prepare_does()
    {
        var files = Enum.GetValues<InputFormat>().ToDictionary(format => format, format => WithPixels(new InputOptions(format, AnySize: true)));
        using var decoder = new ImageDecoder();
        var (pixels, different) = (0, 0);
        Gen.Select(Gen.Int[1, 70], Gen.Int[1, 70], Gen.Enum<InputFormat>(), Gen.Int[0, 1000]).ForEachCase(
            (width, height, format, seed) =>
            {
                var planes = new byte[3 * width * height];
                new Random(seed).NextBytes(planes);
                var expected = new byte[3 * Size * Size];
                decoder.Decode(Encode(planes, width, height), Size, expected);

                using var session = new InferenceSession(files[format]);
                using var run = new RunOptions();
                using var input = OrtValues.Create(
                    format == InputFormat.FloatNchw ? "float" : "uint8", InputFormats.Encode(format, planes, width * height),
                    InputFormats.Shape(format, 1, height, width));
                using var results = session.Run(run, ["images"], [input], ["pixels"]);
                var found = results[0].GetTensorDataAsSpan<float>().ToArray();

                Assert.Equal(expected.Length, found.Length);
                Assert.All(expected.Zip(found), pair => Assert.InRange(pair.Second - pair.First, -1, 1));
                (pixels, different) = (pixels + found.Length, different + expected.Zip(found).Count(pair => pair.First != pair.Second));
            },
            cases: 40);
        Assert.InRange(different, 0, pixels / 1000);
    }

    /// <summary>Full stack: all variants of a model with this input, judged, evaluated, verified, and run by another runtime.</summary>
    [Theory]
    [InlineData(InputFormat.Uint8Nchw, false)]
    [InlineData(InputFormat.Uint8Nhwc, true)]
    [InlineData(InputFormat.FloatNchw, false)]
    public void A_bundle_of_any_input_and_all_variants_is_whole(InputFormat format, bool anySize)
    {
        var dataset = Labelled(60);
        var options = new ExportOptions
        {
            Variants = ["fp32", "fp16", "int8", "tta", "adaptive", "int8_tta", "int8_adaptive", "fp16_adaptive"],
            MaxDrop = new[] { "fp16", "int8", "tta", "adaptive", "int8_tta", "int8_adaptive", "fp16_adaptive" }.ToDictionary(name => name, _ => 1.0),
            AdaptiveShare = 0.4,
            Input = format,
            AcceptAnySize = anySize,
        };
        _bundles.TrainedOn(dataset);
        OnnxBundle bundle;
        using (var runtime = VariantRuntime.Open(
            dataset, _bundles.Model, options.Calibration, "cpu", seed: 1, IProgress.Silent, CancellationToken.None))
        {
            bundle = Exporter.Export(_bundles.Model, options, _bundles.File("exports/small"), file =>
                ParityGate.Check(file, _bundles.ReferenceFile), IProgress.Silent, CancellationToken.None, runtime);
        }

        Assert.Empty(BundleVerifier.Verify(bundle.Folder, TestDataRunner.Run).Problems);
        var doubt = bundle.Manifest.Variants["adaptive"].Doubt!;
        Assert.Equal((30, 0.4), (doubt.TrainingImages, doubt.TrainingShare));
        Assert.InRange(bundle.Manifest.Variants["tta"].VoteParity!.MaxAbsDifference, 0, 1e-4);

        // Views outside of fp32, and whatever tta says, none outside of the models that have them inside: the same right answers.
        foreach (var (name, tta, outside) in (ReadOnlySpan<(string, Tta, Tta)>)
            [("tta", Tta.MirrorTranslate, Tta.MirrorTranslate), ("adaptive", Tta.MirrorTranslate, Tta.Adaptive), ("adaptive", Tta.None, Tta.Adaptive)])
        {
            var found = Evaluate(bundle, dataset, name, tta, 0.5);
            var expected = Evaluate(bundle, dataset, "fp32", outside, doubt.Threshold);
            Assert.Equal((Tta.None, outside), (found.Tta, found.TtaInside));
            Assert.Equal(expected.Correct, found.Correct);
            Assert.Equal(expected.Nll, found.Nll, 1e-4);
        }

        using var predictor = Predictor.Open("tta", bundle, new ClassifierOptions(), "cpu");
        using var outer = Predictor.Open("fp32", bundle, new ClassifierOptions(), "cpu");
        var images = RandomNetwork.Images(3, Size, 3);
        Assert.All(predictor.Predict(images).Zip(outer.Predict(images)), pair => Assert.All(
            pair.First.Zip(pair.Second), odds => Assert.Equal(odds.First, odds.Second, 1e-4)));

        Programs.SkipWithoutNode("onnxruntime-node");
        var (exitCode, output) = Programs.Run("node", [Path.Combine(Programs.Clients, "check_node.mjs"), bundle.Folder]);
        Assert.True(exitCode == 0, output);
        Assert.Contains("model.int8.adaptive.onnx", output, StringComparison.Ordinal);
    }

    private EvaluationMetrics Evaluate(OnnxBundle bundle, Dataset dataset, string model, Tta tta, double threshold) => Evaluator.Evaluate(
        bundle, dataset, new EvaluateOptions { Model = [model], Tta = tta, AdaptiveThreshold = threshold, Split = Split.Train }, "cpu",
        _bundles.File($"evaluation-{Guid.NewGuid():N}"), IProgress.Silent, CancellationToken.None).Metrics;

    /// <summary>A set whose labels are what the network of the bundle answers.</summary>
    private Dataset Labelled(int count) => _bundles.Prepare(
        [.. Bundles.Logits(RandomNetwork.Images(count, Size, 8)).Chunk(3).Select(row => (long)Softmax.ArgMax(row))]);

    private string Build(InputOptions input, int opset)
    {
        var file = _bundles.File($"{Guid.NewGuid():N}.onnx");
        NetworkExporter.Save(NetworkExporter.Build(_bundles.Model.Manifest, _bundles.Model.File(TrainedModel.WeightsName), opset, input), file);
        return file;
    }

    /// <summary>A model that also gives its pixels.</summary>
    private string WithPixels(InputOptions input)
    {
        var model = NetworkExporter.Build(_bundles.Model.Manifest, _bundles.Model.File(TrainedModel.WeightsName), 17, input);
        new GraphBuilder(model.Graph).Output(InputWriter.Pixels, OnnxModel.Proto.TensorProto.Types.DataType.Float, 3, Size, Size);
        var file = _bundles.File($"{Guid.NewGuid():N}.onnx");
        NetworkExporter.Save(model, file);
        return file;
    }

    private static byte[] Encode(byte[] planes, int width, int height)
    {
        using var bitmap = new SKBitmap(new SKImageInfo(width, height, SKColorType.Rgba8888, SKAlphaType.Unpremul));
        var (rgba, area) = (new byte[4 * width * height], width * height);
        for (var i = 0; i < rgba.Length; i++)
        {
            rgba[i] = i % 4 == 3 ? (byte)255 : planes[(i % 4 * area) + (i / 4)];
        }
        System.Runtime.InteropServices.Marshal.Copy(rgba, 0, bitmap.GetPixels(), rgba.Length);
        using var png = bitmap.Encode(SKEncodedImageFormat.Png, 100);
        return png.ToArray();
    }
}
