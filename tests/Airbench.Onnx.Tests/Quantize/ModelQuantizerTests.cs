using Airbench.Data;
using Airbench.Onnx;
using Airbench.Onnx.Proto;
using Google.Protobuf;

namespace Airbench.Tests;

/// <summary>From a foreign file and a folder of images to an int8 file that is evaluated on its own.</summary>
public sealed class ModelQuantizerTests : IDisposable
{
    private const int Size = ForeignNetworks.Size, Images = 48;

    private static readonly string[] Names = ["ant", "bee", "cat", "dog"];

    private readonly TemporaryFolder _folder = new();
    private readonly RecordedProgress _progress = new();
    private readonly BackboneInput _input = new() { Scale = 1 / 255.0 };

    public ModelQuantizerTests()
    {
        var model = ForeignNetworks.Torch(13);
        // Weights of the head so large that drawn images fall into several classes.
        Spread(model.Graph.Initializer.Single(tensor => tensor.Name == "fc.weight"));
        File.WriteAllBytes(Model, model.ToByteArray());
        File.WriteAllLines(_folder.File("labels.txt"), Names);
        var pixels = RandomNetwork.Images(Images, Size, 9);
        var best = OriginalAnswers(pixels);
        foreach (var (i, image) in pixels.Chunk(3 * Size * Size).Index())
        {
            // Every sixth label is wrong: the original has an accuracy below 1.
            var place = Directory.CreateDirectory(_folder.File($"photos/{Names[i % 6 == 0 ? (best[i] + 1) % 4 : best[i]]}")).FullName;
            File.WriteAllBytes(Path.Combine(place, $"{i}.png"), Png.Encode(image, Size));
        }
    }

    private string Model => _folder.File("foreign.onnx");

    private string Output => _folder.File("out/foreign.int8.onnx");

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void The_file_takes_pixels_names_its_classes_and_is_evaluated_without_options()
    {
        var made = Quantize(_folder.File("photos"), new QuantizeOptions { Labels = _folder.File("labels.txt") });

        Assert.Equal((24, 24, true, 0), (made.CalibrationImages, made.Answers.Count, made.HasLabels, made.BrokenImages));
        Assert.Equal((5, 0, 0), (made.Layers, made.FloatLayers.Count, made.UnfitLayers.Count));
        Assert.InRange(made.Answers.Same, 23, 24);
        Assert.Equal(made.Int8.Correct - made.Original.Correct, made.Answers.OnlySecond - made.Answers.OnlyFirst);
        Assert.InRange(made.Original.Correct!.Value, 15, 23);
        var file = ModelProto.Parser.ParseFrom(File.ReadAllBytes(Output));
        Assert.Equal(["images"], file.Graph.Input.Select(input => input.Name));
        Assert.Equal(["logits", "probabilities"], file.Graph.Output.Select(output => output.Name));
        var properties = file.MetadataProps.ToDictionary(property => property.Key, property => property.Value);
        Assert.Equal(("int8", $"{made.Answers.Same} of 24 images", Hash.OfFile(Model)), (properties["variant"], properties["agreement"], properties["source_sha256"]));

        var metrics = Evaluator.Evaluate(null, null, new EvaluateOptions { Model = [Output], Data = _folder.File("photos"), Tta = Tta.None }, "cpu",
            _folder.File("evaluation"), IProgress.Silent, CancellationToken.None).Metrics;
        Assert.Equal(Images, metrics.Count);
        Assert.InRange(metrics.Correct, 36, 42);   // 8 labels are wrong
    }

    [Fact]
    public void Images_without_labels_do_and_those_that_cannot_be_read_are_counted()
    {
        var flat = Directory.CreateDirectory(_folder.File("flat")).FullName;
        foreach (var image in Directory.GetFiles(_folder.File("photos"), "*.png", SearchOption.AllDirectories))
        {
            File.Copy(image, Path.Combine(flat, Path.GetFileName(image)));
        }
        File.WriteAllText(Path.Combine(flat, "broken.png"), "no image");
        var made = Quantize(flat, new QuantizeOptions());

        Assert.Equal((48, 1, false), (made.CalibrationImages + made.Answers.Count, made.BrokenImages, made.HasLabels));
        Assert.Null(made.Original.Correct);
        Assert.DoesNotContain(ModelProto.Parser.ParseFrom(File.ReadAllBytes(Output)).MetadataProps, property => property.Key == "classes");
        Assert.Contains("right answers are not known", Assert.Throws<ConfigurationException>(
            () => Quantize(flat, new QuantizeOptions { MaxDrop = 0.1 }, force: true)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_prepared_set_is_taken_as_it_is_if_it_fits_the_model()
    {
        var set = Preparer.Prepare(
            new PrepareOptions { Source = DataSource.Folder, Path = _folder.File("photos"), Name = "photos", ImageSize = Size, TestFraction = 0.25 },
            _folder.File("data"), _folder.File("cache"), 1, IProgress.Silent, CancellationToken.None);
        var made = Quantize(set.Folder, new QuantizeOptions { Labels = _folder.File("labels.txt"), Calibration = new() { Images = 8 } });

        Assert.Equal((8, 40, true), (made.CalibrationImages, made.Answers.Count, made.HasLabels));
        Assert.Contains("Prepare it so", Assert.Throws<DataException>(
            () => Quantize(set.Folder, new QuantizeOptions { Fit = Fit.Pad }, force: true)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_model_with_other_answers_is_not_written()
    {
        // Scores that differ by less than a step of their weights.
        var model = ModelProto.Parser.ParseFrom(File.ReadAllBytes(Model));
        var weight = model.Graph.Initializer.Single(tensor => tensor.Name == "fc.weight");
        var values = Tensors.Floats(weight);
        weight.RawData = Tensors.Create<float>("", TensorProto.Types.DataType.Float, [.. values.Select((value, i) => values[i % 10] + (value * 1e-4f))]).RawData;
        model.Graph.Initializer.Single(tensor => tensor.Name == "fc.bias").RawData = ByteString.CopyFrom(new byte[4 * sizeof(float)]);
        File.WriteAllBytes(Model, model.ToByteArray());

        var alone = new QuantizeOptions { FloatLayers = ["conv1", "conv2", "conv3", "conv4"] };
        Assert.StartsWith("int8: with any layer quantized more than 1 answers are others than fp32's on 24 held-out images: try --float-layers first",
            Assert.Throws<GateException>(() => Quantize(_folder.File("photos"), alone)).Message, StringComparison.Ordinal);
        Assert.False(Path.Exists(Output));
    }

    [Theory]
    [InlineData(900, 882, 30, 30, true, null, null)]
    [InlineData(900, 881, 0, 0, true, null, "int8: the class of fp32 on 881 of 900 images; expected 882 (98.0%)")]
    [InlineData(900, 890, 9, 1, true, null, "int8: 9 of 900 images that fp32 alone gets right, 1 that it alone does")]
    [InlineData(5000, 4899, 0, 0, false, null, "int8: the class of fp32 on 4899 of 5000 images; expected 4900 (98.0%)")]
    [InlineData(5000, 4800, 115, 100, true, null, null)]
    [InlineData(5000, 4990, 16, 0, true, null, "int8: 3984 of 5000 images right, the original 4000: more than max_drop = 0.003 (15 images) lost")]
    [InlineData(900, 500, 9, 0, true, 0.01, null)]
    [InlineData(900, 900, 10, 0, true, 0.01, "int8: 3990 of 900 images right, the original 4000: more than max_drop = 0.01 (9 images) lost")]
    public void Few_images_are_judged_by_answers_and_many_labelled_ones_by_accuracy(
        int count, int same, int onlyFirst, int onlySecond, bool hasLabels, double? maxDrop, string? error)
    {
        var answers = new AnswerComparison(count, same, onlyFirst, onlySecond, Metrics.McNemar(onlyFirst, onlySecond));
        var thrown = Record.Exception(() => ModelQuantizer.Judge(answers, (4000, 4000 - onlyFirst + onlySecond), hasLabels, new() { MaxDrop = maxDrop }));
        if (error is null)
        {
            Assert.Null(thrown);
        }
        else
        {
            Assert.StartsWith(error, Assert.IsType<GateException>(thrown).Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void What_is_in_the_way_is_said_before_any_work()
    {
        Assert.Contains("does not exist", Assert.Throws<DataException>(() => Quantize(_folder.File("nowhere"), new())).Message, StringComparison.Ordinal);
        Directory.CreateDirectory(_folder.File("out"));
        File.WriteAllText(Output, "mine");
        Assert.Contains("--force", Assert.Throws<ConfigurationException>(() => Quantize(_folder.File("photos"), new())).Message, StringComparison.Ordinal);
        Assert.Equal("mine", File.ReadAllText(Output));
        Assert.Contains("float_layers: 'conv9'; expected first, last, conv1, conv2", Assert.Throws<ConfigurationException>(
            () => Quantize(_folder.File("photos"), new() { FloatLayers = ["conv9"] }, force: true)).Message, StringComparison.Ordinal);
        File.WriteAllLines(_folder.File("labels.txt"), Names[1..]);
        Assert.Contains("gives 4 scores, and there are 3 class names", Assert.Throws<ConfigurationException>(
            () => Quantize(_folder.File("photos"), new() { Labels = _folder.File("labels.txt") }, force: true)).Message, StringComparison.Ordinal);
        Assert.Equal("mine", File.ReadAllText(Output));
    }

    private QuantizedModel Quantize(string data, QuantizeOptions options, bool force = false) =>
        ModelQuantizer.Quantize(Model, data, Output, force, options, _input, _progress, CancellationToken.None);

    private int[] OriginalAnswers(byte[] pixels)
    {
        var imported = ModelImporter.Import(Model, new ImportOptions { Scale = _input.Scale, Part = ImportPart.Classifier }, CancellationToken.None);
        var file = _folder.File("original.onnx");
        NetworkExporter.Save(ClassifierModel.Build(imported, Names, Fit.Crop).Model, file);
        using var classifier = OnnxClassifier.Open(file);
        var logits = new float[Images * 4];
        classifier.Run(pixels, Images, logits);
        return [.. logits.Chunk(4).Select(scores => Softmax.ArgMax(scores))];
    }

    private static void Spread(TensorProto weight)
    {
        var values = Tensors.Floats(weight);
        weight.RawData = Tensors.Create<float>("", TensorProto.Types.DataType.Float, Array.ConvertAll(values, value => value * 20)).RawData;
    }
}
