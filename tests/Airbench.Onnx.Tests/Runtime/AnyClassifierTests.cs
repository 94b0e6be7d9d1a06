using Airbench.Onnx;
using Airbench.Onnx.Proto;
using Google.Protobuf;
using Element = Airbench.Onnx.Proto.TensorProto.Types.DataType;

namespace Airbench.Tests;

public sealed class AnyClassifierTests : IDisposable
{
    private readonly ColourModels _models = new();

    public void Dispose() => _models.Dispose();

    [Theory]
    [InlineData("Float", false, false, false, null)]
    [InlineData("Float", true, false, false, null)]
    [InlineData("Float", true, true, false, null)]
    [InlineData("Float", false, true, true, null)]
    [InlineData("Float16", false, false, false, null)]
    [InlineData("Float16", true, false, true, null)]
    [InlineData("Float", false, false, true, 3)]     // a fixed batch that does not divide the number of images
    [InlineData("Float", true, false, false, 1)]
    public void Any_form_of_input_and_output_gets_the_same_answers(string element, bool nhwc, bool bgr, bool softmax, int? batch)
    {
        var model = _models.Write("model.onnx", Enum.Parse<Element>(element), nhwc, bgr, softmax, batch: batch);
        var options = ColourModels.Options(_models.Images("images", 10, wrong: [4]), model) with { ColorOrder = bgr ? ColorOrder.Bgr : null };

        var metrics = _models.Evaluate(options).Metrics;

        Assert.Equal((10, 9), (metrics.Count, metrics.Correct));
        Assert.Contains(nhwc ? "nhwc" : "nchw", metrics.Settings!.Input, StringComparison.Ordinal);
        Assert.Contains(softmax ? "probabilities" : "logits", metrics.Settings.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void Uint8_pixels_go_in_as_they_are_and_a_scale_for_them_is_refused()
    {
        var model = _models.Write("model.onnx", Element.Uint8, nhwc: true);
        var options = ColourModels.Options(_models.Images("images", 6), model);

        Assert.Equal(6, _models.Evaluate(options with { Scale = null }).Metrics.Correct);
        Assert.Contains("scale, mean and std are for float inputs", Assert.Throws<ConfigurationException>(() => _models.Evaluate(options)).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void Scores_in_half_precision_are_read()
    {
        var model = _models.Write("model.onnx", output: Element.Float16);
        var options = ColourModels.Options(_models.Images("images", 6), model) with { OutputKind = OutputKind.Logits };

        Assert.Equal(6, _models.Evaluate(options).Metrics.Correct);
    }

    [Theory]
    [InlineData("Float", false)]
    [InlineData("Uint8", true)]
    [InlineData("Float16", false)]
    public void Bound_inputs_and_outputs_give_the_very_same_scores(string element, bool nhwc)
    {
        var type = Enum.Parse<Element>(element);
        var path = _models.Write("model.onnx", type, nhwc);
        var options = new ClassifierOptions { Scale = type == Element.Uint8 ? null : 1 / 255.0 };
        var description = ModelDescription.Read(path, ModelInspector.Inspect(path), options);
        var images = RandomNetwork.Images(9, ColourModels.Size, seed: 3);
        var (plain, bound) = (new float[27], new float[27]);
        using (var classifier = OnnxClassifier.Open(path, description.Input, description.Output, "cpu", new SessionSettings()))
        {
            classifier.Run(images, 9, plain);
            Assert.False(classifier.IsBound);
        }
        using (var classifier = OnnxClassifier.Open(path, description.Input, description.Output, "cpu", new SessionSettings(IoBinding: true)))
        {
            classifier.Run(images.AsSpan(0, 5 * 3 * 64), 5, bound.AsSpan(0, 15));   // another size first: buffers are used again
            classifier.Run(images, 9, bound);
            Assert.True(classifier.IsBound);
            Assert.True(classifier.SessionTime > TimeSpan.Zero);
        }
        Assert.Equal(plain, bound);
    }

    [Fact]
    public void Encoded_pixels_are_scaled_centred_and_divided_in_their_place()
    {
        byte[] image = [10, 20, 30, 40, 50, 60, 70, 80, 90, 100, 110, 120];   // 2x2: red 10..40, green 50..80, blue 90..120
        var normalization = new Normalization(0.5, [1, 2, 3], [2, 4, 8]);
        var planes = new float[12];
        new PixelEncoder(new("x", "float", PixelLayout.Nchw, ColorOrder.Rgb, normalization, 2, Fit.Crop, null)).Encode(image, System.Runtime.InteropServices.MemoryMarshal.AsBytes(planes.AsSpan()));
        Assert.Equal([2f, 4.5f, 7, 9.5f, 5.75f, 7, 8.25f, 9.5f, 5.25f, 5.875f, 6.5f, 7.125f], planes);

        var mixed = new Half[12];
        new PixelEncoder(new("x", "float16", PixelLayout.Nhwc, ColorOrder.Bgr, normalization, 2, Fit.Crop, null)).Encode(image, System.Runtime.InteropServices.MemoryMarshal.AsBytes(mixed.AsSpan()));
        Assert.Equal(new[] { 5.25f, 5.75f, 2, 5.875f, 7, 4.5f, 6.5f, 8.25f, 7, 7.125f, 9.5f, 9.5f }.Select(v => (Half)v), mixed);
    }

    [Fact]
    public void Metadata_properties_speak_for_the_file_and_options_win()
    {
        var model = ModelProto.Parser.ParseFrom(File.ReadAllBytes(_models.Write("model.onnx")));
        foreach (var (key, value) in (ReadOnlySpan<(string, string)>)[("scale", "0.5"), ("mean", "[1, 2, 3]"), ("std", "4, 5, 6"), ("color_order", "bgr"), ("output_kind", "probabilities")])
        {
            model.MetadataProps.Add(new StringStringEntryProto { Key = key, Value = value });
        }
        var path = _models.Write("described.onnx", model);
        var facts = ModelInspector.Inspect(path);

        var said = ModelDescription.Read(path, facts, new ClassifierOptions());
        Assert.Equal((0.5, ColorOrder.Bgr, OutputKind.Probabilities), (said.Input.Normalization.Scale, said.Input.Color, said.Output.Kind));
        Assert.Equal<double>([1, 2, 3, 4, 5, 6], [.. said.Input.Normalization.Mean, .. said.Input.Normalization.Std]);
        Assert.Equal(ColourModels.Classes, said.Classes);
        Assert.Equal(2, ModelDescription.Read(path, facts, new ClassifierOptions { Scale = 2 }).Input.Normalization.Scale);
    }

    [Fact]
    public void What_the_file_leaves_open_is_an_error_that_names_the_option()
    {
        var images = _models.Images("images", 3);
        var plain = ModelProto.Parser.ParseFrom(File.ReadAllBytes(_models.Write("plain.onnx")));
        string Refused(Action<ModelProto> change, Func<EvaluateOptions, EvaluateOptions>? more = null)
        {
            var model = plain.Clone();
            change(model);
            var options = ColourModels.Options(images, _models.Write("open.onnx", model));
            return Assert.Throws<ConfigurationException>(() => _models.Evaluate(more?.Invoke(options) ?? options)).Message;
        }
        static void Dimension(ModelProto model, int i) => model.Graph.Input[0].Type.TensorType.Shape.Dim[i].DimParam = $"d{i}";

        Assert.Contains("set scale (--scale): 0.00392", Refused(_ => { }, options => options with { Scale = null }), StringComparison.Ordinal);
        Assert.Contains("set layout (--layout): nchw or nhwc", Refused(model => Dimension(model, 1)), StringComparison.Ordinal);
        Assert.Contains("set image_size (--image-size)", Refused(model => { Dimension(model, 2); Dimension(model, 3); }), StringComparison.Ordinal);
        Assert.Contains("set labels (--labels)", Refused(model => model.MetadataProps.Clear()), StringComparison.Ordinal);
        Assert.Contains("set output_name (--output-name)", Refused(model => model.Graph.Output.Add(new ValueInfoProto(model.Graph.Output[0]) { Name = "product" })), StringComparison.Ordinal);
        Assert.Contains("input_name: 'x'; the model has pixels float [N, 3, 8, 8]", Refused(_ => { }, options => options with { InputName = "x" }), StringComparison.Ordinal);
        Assert.Contains("set output_kind (--output-kind)", Refused(model => model.Graph.Node[^1].OpType = "Mystery"), StringComparison.Ordinal);
        Assert.Contains("output_name: 'x'; the model has scores float [N, 3]", Refused(_ => { }, options => options with { OutputName = "x" }), StringComparison.Ordinal);
        Assert.Contains("there are 2 class names", Refused(model => model.MetadataProps[0].Value = """["a", "b"]"""), StringComparison.Ordinal);
        Assert.Contains("two classes are called 'a'", Refused(model => model.MetadataProps[0].Value = """["a", "b", "a"]"""), StringComparison.Ordinal);
        Assert.Contains("which is not a probability; set output_kind: logits", Refused(_ => { }, options => options with { OutputKind = OutputKind.Probabilities }), StringComparison.Ordinal);
    }

    [Fact]
    public void A_labels_file_names_the_classes_in_the_order_of_the_scores()
    {
        var model = _models.Write("model.onnx", isDescribed: false);
        File.WriteAllText(_models.File("labels.txt"), "red\ngreen\r\nblue\n");
        var options = ColourModels.Options(_models.Images("images", 6), model) with { Labels = _models.File("labels.txt") };

        Assert.Equal(6, _models.Evaluate(options).Metrics.Correct);
    }

    [Fact]
    public void Several_models_are_compared_with_the_first_on_the_same_images()
    {
        var images = _models.Images("images", 12, wrong: [0]);
        var (right, again, swapped) = (_models.Write("right.onnx"), _models.Write("again.onnx"), _models.Write("swapped.onnx", bgr: true));

        var evaluation = _models.Evaluate(ColourModels.Options(images, right, again, swapped));   // swapped gets rgb: red and blue change places

        var rows = evaluation.Metrics.Comparison!;
        Assert.Equal(["right", "again", "swapped"], rows.Select(row => row.Name));
        Assert.Equal((1.0, 0, 0, 0.0, 1.0), (rows[1].Agreement, rows[1].OnlyFirst, rows[1].OnlyThis, rows[1].Difference, rows[1].McNemarP));
        // 12 images: 4 green stay, 8 red or blue change; image 0 is red in the green folder and wrong with both.
        Assert.Equal((4 / 12.0, 7, 0, -7 / 12.0), (rows[2].Agreement, rows[2].OnlyFirst, rows[2].OnlyThis, rows[2].Difference));
        Assert.Equal(Metrics.McNemar(7, 0), rows[2].McNemarP);
        Assert.InRange(rows[2].Difference, rows[2].Difference95[0], rows[2].Difference95[1]);
        Assert.Equal(4, File.ReadAllLines(evaluation.File("comparison.csv")).Length);
        Assert.Equal(13, File.ReadAllLines(evaluation.File("models/swapped/predictions.csv")).Length);
        Assert.Equal(4, Evaluation.Open(evaluation.File("models/swapped")).Metrics.Correct);
        Assert.Equal(4, ComparisonTable.Lines(evaluation.Metrics).Count());
    }

    [Fact]
    public void Settings_of_the_session_are_recorded_and_provider_options_need_a_provider_that_has_some()
    {
        var options = ColourModels.Options(_models.Images("images", 3), _models.Write("model.onnx")) with { GraphOptimization = GraphOptimization.Basic, Threads = 1 };

        var settings = _models.Evaluate(options).Metrics.Settings!;
        Assert.Equal(("basic", 1, 4, false), (settings.GraphOptimization, settings.Threads, settings.BatchSize, settings.IoBinding));
        var bad = options with { ProviderOptions = new() { ["cudnn_conv_algo_search"] = "HEURISTIC" } };
        Assert.Contains("provider_options: found cudnn_conv_algo_search", Assert.Throws<ConfigurationException>(() => _models.Evaluate(bad)).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void A_score_that_is_no_number_ends_the_evaluation_with_the_image()
    {
        var model = ModelProto.Parser.ParseFrom(File.ReadAllBytes(_models.Write("model.onnx")));
        model.Graph.Initializer[0].RawData = ByteString.CopyFrom([.. Enumerable.Repeat((byte)0xFF, 36)]);
        var options = ColourModels.Options(_models.Images("images", 3), _models.Write("nan.onnx", model));

        Assert.Contains("computes NaN as a score of blue/002.png", Assert.Throws<InvalidFileException>(() => _models.Evaluate(options)).Message, StringComparison.Ordinal);
    }
}
