using Airbench.Data;
using Airbench.Onnx;
using Airbench.Onnx.Proto;
using Google.Protobuf;

namespace Airbench.Tests;

/// <summary>What a prediction refuses, as an evaluation does.</summary>
public sealed class PredictorTests : IDisposable
{
    private readonly ColourModels _models = new();
    private readonly Bundles _bundles = new();

    public void Dispose()
    {
        _models.Dispose();
        _bundles.Dispose();
    }

    [Fact]
    public void A_score_that_is_no_number_ends_a_prediction_with_the_image_too()
    {
        var model = ModelProto.Parser.ParseFrom(File.ReadAllBytes(_models.Write("model.onnx")));
        model.Graph.Initializer[0].RawData = ByteString.CopyFrom([.. Enumerable.Repeat((byte)0xFF, 36)]);
        using var predictor = Predictor.Open(_models.Write("nan.onnx", model), null, new PredictOptions { Scale = 1 / 255.0 }, "cpu");
        using var images = UnlabelledFiles.Open([_models.Images("images", 3, broken: [2])], 1 << 30, IProgress.Silent, CancellationToken.None);

        Assert.Contains(
            "computes NaN as a score of " + _models.File("images/green/001.png"),
            Assert.Throws<InvalidFileException>(() => predictor.Predict(images, CancellationToken.None).Count()).Message, StringComparison.Ordinal);
        Assert.Contains(
            "computes NaN as a score of image 0",
            Assert.Throws<InvalidFileException>(() => predictor.Predict(new byte[3 * ColourModels.Size * ColourModels.Size])).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("red\ngreen\nblue\n", null)]
    [InlineData("green\nred\nblue\n", "it calls class 1 'green', the model itself 'red'")]
    [InlineData("red\ngreen\n", "it has 2 names, the model itself 3")]
    [InlineData("red\ngreen\nbleu\n", "it calls class 3 'bleu', the model itself 'blue'")]
    public void Labels_that_contradict_the_models_own_are_refused_by_both_verbs(string labels, string? problem)
    {
        var model = _models.Write("model.onnx");
        File.WriteAllText(_models.File("labels.txt"), labels);
        var options = ColourModels.Options(_models.Images("images", 6), model) with { Labels = _models.File("labels.txt") };
        void Predict() => Predictor.Open(model, null, new PredictOptions { Scale = 1 / 255.0, Labels = options.Labels }, "cpu").Dispose();

        if (problem is null)
        {
            Assert.Equal(6, _models.Evaluate(options).Metrics.Correct);
            Predict();
            return;
        }
        foreach (var run in new Action[] { () => _models.Evaluate(options), Predict })
        {
            var message = Assert.Throws<ConfigurationException>(run).Message;
            Assert.Contains("contradicts", message, StringComparison.Ordinal);
            Assert.Contains(problem, message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Labels_that_are_no_utf8_text_or_no_file_are_refused()
    {
        var model = _models.Write("model.onnx", isDescribed: false);
        File.WriteAllBytes(_models.File("latin.txt"), [.. "red\ngr"u8, 0xFC, .. "n\nblue\n"u8]);
        var pipe = NamedPipes.Make(_models.File("pipe.txt"));

        Assert.Contains("which is not UTF-8", Problem(_models.File("latin.txt")), StringComparison.Ordinal);
        Assert.Contains("is a named pipe; expected a text file", Problem(pipe), StringComparison.Ordinal);
        Assert.Contains("is a folder; expected a text file", Problem(_models.Folder), StringComparison.Ordinal);
        Assert.Contains("is a named pipe", Assert.Throws<InvalidFileException>(
            () => Predictor.Open(NamedPipes.Make(_models.File("pipe.onnx")), null, new PredictOptions(), "cpu")).Message, StringComparison.Ordinal);

        string Problem(string labels) => Assert.Throws<ConfigurationException>(
            () => Predictor.Open(model, null, new PredictOptions { Scale = 1, Labels = labels }, "cpu")).Message;
    }

    [Fact]
    public void Options_about_onnx_files_are_refused_where_every_model_is_of_a_bundle()
    {
        var bundle = _bundles.Export();
        PredictOptions[] all =
        [
            new() { Labels = "labels.txt" }, new() { Scale = 1 }, new() { Mean = [0, 0, 0] }, new() { Std = [1, 1, 1] }, new() { ImageSize = 16 },
            new() { Layout = PixelLayout.Nchw }, new() { ColorOrder = ColorOrder.Bgr }, new() { InputName = "x" }, new() { OutputName = "y" },
            new() { OutputKind = OutputKind.Logits }, new() { Fit = Fit.Crop },
        ];
        foreach (var model in new[] { "fp32", bundle.Folder })
        {
            Assert.All(all, options => Assert.Contains(
                "does nothing for a model of a bundle",
                Assert.Throws<ConfigurationException>(() => Predictor.Open(model, model == "fp32" ? bundle : null, options, "cpu")).Message, StringComparison.Ordinal));
        }
        var several = Assert.Throws<ConfigurationException>(() => Predictor.Open("fp32", bundle, new PredictOptions { Scale = 1, ImageSize = 16 }, "cpu")).Message;
        Assert.StartsWith("scale, image_size: do nothing", several, StringComparison.Ordinal);
        Assert.Contains("leave out --scale, --image-size", several, StringComparison.Ordinal);
        Assert.Contains("is not used", Assert.Throws<ConfigurationException>(
            () => Predictor.Open(_models.Write("model.onnx"), bundle, new PredictOptions { Scale = 1 }, "cpu")).Message, StringComparison.Ordinal);

        var evaluate = new EvaluateOptions { Labels = "labels.txt", Data = _models.Images("images", 3) };
        Assert.Contains("labels: does nothing", Assert.Throws<ConfigurationException>(() => Evaluator.Evaluate(
            bundle, null, evaluate, "cpu", _models.File("out"), IProgress.Silent, CancellationToken.None)).Message, StringComparison.Ordinal);
    }

    /// <summary>A long image, blue at its ends and red in the middle: what a model sees of it, and so what it answers, is the fit.</summary>
    [Theory]
    [InlineData(null, "red")]
    [InlineData(Fit.Crop, "red")]
    [InlineData(Fit.Pad, "blue")]
    [InlineData(Fit.Stretch, "blue")]
    public void An_image_is_fitted_as_the_option_says_or_else_the_file(Fit? fit, string expected)
    {
        var pixels = new byte[3 * 64 * 16];
        for (var i = 0; i < 64 * 16; i++)
        {
            pixels[(i % 64) is >= 24 and < 40 ? i : i + (2 * 64 * 16)] = 255;
        }
        var folder = Directory.CreateDirectory(_models.File("images/" + expected)).FullName;
        File.WriteAllBytes(Path.Combine(folder, "long.png"), TestImages.Png(pixels, 64, 16));
        var plain = _models.Write("plain.onnx");
        var described = ModelProto.Parser.ParseFrom(File.ReadAllBytes(plain));
        if (fit is { } way)
        {
            described.MetadataProps.Add(new StringStringEntryProto { Key = "fit", Value = way.ToString().ToLowerInvariant() });
        }
        var own = _models.Write("own.onnx", described);

        foreach (var (model, option) in new[] { (plain, fit), (own, null) })
        {
            using var predictor = Predictor.Open(model, null, new PredictOptions { Scale = 1 / 255.0, Fit = option }, "cpu");
            using var images = UnlabelledFiles.Open([folder], 1 << 30, IProgress.Silent, CancellationToken.None);
            Assert.Equal(expected, predictor.Predict(images, CancellationToken.None).Single().Best!.Label);
            var options = ColourModels.Options(_models.File("images"), model) with { Fit = option };
            var metrics = Evaluate(options);
            Assert.Equal((1, fit ?? Fit.Crop), (metrics.Correct, metrics.Settings!.Fit));
        }

        // The other two classes have to be there.
        EvaluationMetrics Evaluate(EvaluateOptions options)
        {
            foreach (var other in ColourModels.Classes.Except([expected]))
            {
                Directory.CreateDirectory(_models.File("images/" + other));
                File.WriteAllBytes(_models.File($"images/{other}/none.png"), [1]);
            }
            return _models.Evaluate(options with { MaxBadFraction = 1 }).Metrics;
        }
    }

    [Theory]
    [InlineData(Fit.Crop)]
    [InlineData(Fit.Pad)]
    [InlineData(Fit.Stretch)]
    public void A_bundle_is_shown_images_as_its_manifest_says(Fit fit)
    {
        var bundle = _bundles.Export(fit: fit);
        var file = TestImages.Png(TestImages.Planar(5, 50, 20), 50, 20);
        File.WriteAllBytes(_bundles.File("long.png"), file);
        using var decoder = new ImageDecoder { Fit = fit };
        var pixels = new byte[3 * 16 * 16];
        decoder.Decode(file, 16, pixels);

        using var predictor = Predictor.Open("fp32", bundle, new PredictOptions { Tta = Tta.None }, "cpu");
        using var images = UnlabelledFiles.Open([_bundles.File("long.png")], 1 << 30, IProgress.Silent, CancellationToken.None);
        Assert.Equal(predictor.Predict(pixels).Single(), predictor.Predict(images, CancellationToken.None).Single().Probabilities);
    }

    [Fact]
    public void Classes_of_a_model_and_of_images_are_the_same_in_either_unicode_form()
    {
        Assert.Equal([1, 0], LabelMap.Match("data", ["cafe\u0301", "tea"], "model", ["tea", "caf\u00E9"]));
        Assert.Equal([1, 0], LabelMap.Match("data", ["caf\u00E9", "tea"], "model", ["tea", "cafe\u0301"]));
        Assert.Contains("differ in Unicode form only", Assert.Throws<DataException>(
            () => LabelMap.Match("data", ["tea"], "model", ["tea", "cafe\u0301", "caf\u00E9"])).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Rows_without_an_image_or_a_label_are_broken_ones_of_an_evaluation()
    {
        _models.Images("images", 3);
        File.WriteAllText(_models.File("list.csv"), "path,label\nimages/red/000.png,red\nimages\\green\\001.png,green\nno\0.png,red\nimages/blue/002.png,\nimages,blue\n");
        var options = ColourModels.Options(_models.File("list.csv"), _models.Write("model.onnx")) with { MaxBadFraction = 0.6 };

        var evaluation = _models.Evaluate(options);

        Assert.Equal((2, 2, 3), (evaluation.Metrics.Count, evaluation.Metrics.Correct, evaluation.Metrics.Broken));
        var rows = File.ReadAllLines(evaluation.File("predictions.csv"));
        Assert.Equal("3,images/blue/002.png,,,,,cannot be read: row 4 has an empty label", rows[4]);
        Assert.Equal("4,images,blue,,,,\"cannot be read: it is a folder, not a file\"", rows[5]);
        Assert.Equal(
            [_models.File("list.csv"), _models.File("images/red/000.png"), _models.File("images/green/001.png"), _models.File("images/blue/002.png"), _models.File("images")],
            EvaluationInputs.Files(options).Take(5));
    }

    [Fact]
    public void What_the_source_holds_besides_is_in_the_metrics()
    {
        var folder = _models.Images("images", 3);
        File.WriteAllBytes(Path.Combine(folder, "red", "1.heic"), [1]);
        var metrics = _models.Evaluate(ColourModels.Options(folder, _models.Write("model.onnx"))).Metrics;
        Assert.Equal([KeyValuePair.Create(".heic", 1L)], metrics.LeftOut);
        Assert.Equal([KeyValuePair.Create(".heic", 1L)], Evaluation.Open(_models.File("evaluation")).Metrics.LeftOut);
    }
}
