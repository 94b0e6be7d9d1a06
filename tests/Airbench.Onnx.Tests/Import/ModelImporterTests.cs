using Airbench.Onnx;
using Airbench.Onnx.Proto;
using Google.Protobuf;
using Microsoft.ML.OnnxRuntime;
using Element = Airbench.Onnx.Proto.TensorProto.Types.DataType;

namespace Airbench.Tests;

/// <summary>Models of other frameworks come in; ONNX Runtime on the file as it was is the oracle.</summary>
public sealed class ModelImporterTests : IDisposable
{
    private const int Size = ForeignNetworks.Size, Plane = Size * Size, Images = 3;

    private static readonly double[] Mean = [0.485, 0.456, 0.406], Std = [0.229, 0.224, 0.225];

    private static readonly ImportOptions ImageNet = new() { Scale = 1.0 / 255, Mean = Mean, Std = Std };

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(7)]
    [InlineData(9)]
    [InlineData(11)]
    [InlineData(12)]
    [InlineData(13)]
    [InlineData(17)]
    [InlineData(18)]
    [InlineData(21)]
    [InlineData(22)]
    public void A_network_of_PyTorch_gives_its_own_features_and_logits(int opset)
    {
        foreach (var (isViewed, isNormalized) in ((bool, bool)[])[(false, false), (true, true)])
        {
            var model = ForeignNetworks.Torch(opset, isViewed, isNormalized);
            var features = Imported(model, ImageNet);
            Assert.Equal(Math.Max(13, opset), features.Graph.Model.OpsetImport.Single().Version);
            Assert.Equal((Size, ForeignNetworks.Features, "act2"), (features.ImageSize, features.FeatureCount, features.LastBlockStart));
            RequireSame(model, "flat", features, Normalized);

            var classifier = Imported(model, ImageNet with { Part = ImportPart.Classifier });
            Assert.Equal(ForeignNetworks.Classes, classifier.FeatureCount);
            RequireSame(model, "logits", classifier, Normalized);
            Assert.DoesNotContain(classifier.Graph.Nodes, node => node.OpType is "Shape" or "Dropout");
        }
    }

    [Theory]
    [InlineData(7, 1)]
    [InlineData(8, 1)]
    [InlineData(8, 4)]
    [InlineData(11, 2)]
    public void A_network_of_CNTK_takes_any_number_of_images(int opset, int batch)
    {
        var model = ForeignNetworks.Cntk(opset, batch);

        RequireSame(model, "Reshape", Imported(model, new ImportOptions { Scale = 1, Order = ColorOrder.Bgr }), (pixels, channel) => pixels[2 - channel], batch: batch);
        var classifier = Imported(model, new ImportOptions { Scale = 1, Order = ColorOrder.Bgr, Part = ImportPart.Classifier });
        RequireSame(model, "Plus_Output_0", classifier, (pixels, channel) => pixels[2 - channel], batch: batch);
        Assert.Contains(classifier.Notes, note => note == (batch == 1 ? "its batch of 1 is opened, and 1 constant that held it rewritten" : $"its batch of {batch} is opened, and 2 constants that held it rewritten"));
    }

    [Theory]
    [InlineData(9)]
    [InlineData(11)]
    [InlineData(13)]
    [InlineData(17)]
    public void A_network_of_Keras_takes_planes_without_a_transpose_and_gives_logits_without_a_softmax(int opset)
    {
        var model = ForeignNetworks.Keras(opset);
        var options = new ImportOptions { Scale = 1 / 127.5, Mean = [1, 1, 1] };

        var features = Imported(model, options);
        RequireSame(model, "pool__34", features, (pixels, channel) => (pixels[channel] / 127.5) - 1, isInterleaved: true);
        Assert.DoesNotContain(features.Graph.Nodes, node => node.OpType == "Transpose");
        Assert.Equal("dense/MatMul", features.Source.Head!.Node);
        RequireSame(model, "dense/BiasAdd", Imported(model, options with { Part = ImportPart.Classifier }), (pixels, channel) => (pixels[channel] / 127.5) - 1, isInterleaved: true);
    }

    [Theory]
    [InlineData(9)]
    [InlineData(13)]
    public void A_convolution_of_one_pixel_is_a_head(int opset)
    {
        var model = ForeignNetworks.OnePixelHead(opset);

        var features = Imported(model, ImageNet);
        Assert.Equal(("classifier", "Conv"), (features.Source.Head!.Node, features.Source.Head.Operator));
        RequireSame(model, "pool", features, Normalized);
        RequireSame(model, "classifier", Imported(model, ImageNet with { Part = ImportPart.Classifier }), Normalized);
    }

    [Theory]
    [InlineData(null)]
    [InlineData(1)]
    [InlineData(2)]
    public void A_transformer_with_a_class_token_takes_any_number_of_images(int? batch)
    {
        var model = ForeignNetworks.Transformer(17, batch);

        var features = Imported(model, ImageNet);
        RequireSame(model, "cls", features, Normalized, batch: batch ?? 1);
        Assert.Equal("block2", features.LastBlockStart);   // a quarter of the blocks remains, and half of them would be more than half of the work
        Assert.Equal(8, features.FeatureCount);
        Assert.DoesNotContain(features.Graph.Nodes, node => batch is null && node.OpType == "Reshape" && features.Graph.Constant(node.Input[1]) is null);
    }

    [Fact]
    public void Half_and_double_precision_become_float32_without_casts()
    {
        var half = ForeignNetworks.InPrecision(ForeignNetworks.Torch(17), Element.Float16);
        RequireSame(half, "logits", Imported(half, ImageNet with { Part = ImportPart.Classifier }), Normalized, tolerance: 1e-2);

        var between = ForeignNetworks.BetweenCasts(ForeignNetworks.InPrecision(ForeignNetworks.Torch(17), Element.Float16));
        var imported = Imported(between, ImageNet with { Part = ImportPart.Classifier });
        RequireSame(between, "logits", imported, Normalized, tolerance: 1e-2);
        Assert.DoesNotContain(imported.Graph.Nodes, node => node.OpType == "Cast");
        Assert.Contains("float16 is converted to float32", imported.Notes);

        // ONNX Runtime has no convolution in double, so the same network in float32 is what it is compared with.
        var wide = ForeignNetworks.InPrecision(ForeignNetworks.Torch(17), Element.Double);
        RequireSame(ForeignNetworks.Torch(17), "logits", Imported(wide, ImageNet with { Part = ImportPart.Classifier }), Normalized);
    }

    [Fact]
    public void Data_beside_the_model_comes_in()
    {
        var whole = ForeignNetworks.Torch(17);
        var path = _folder.File("external.onnx");
        File.WriteAllBytes(path, ForeignNetworks.WithExternalData(whole.Clone(), _folder.Path).ToByteArray());

        var imported = ModelImporter.Import(path, ImageNet, CancellationToken.None);

        Assert.All(imported.Graph.Constants, tensor => Assert.True(tensor.HasRawData && tensor.ExternalData.Count == 0));
        RequireSame(whole, "flat", imported, Normalized);
    }

    private static double Normalized(byte[] pixels, int channel) => ((pixels[channel] / 255.0) - Mean[channel]) / Std[channel];

    private ImportedModel Imported(ModelProto model, ImportOptions options)
    {
        var path = _folder.File("model.onnx");
        File.WriteAllBytes(path, model.ToByteArray());
        return ModelImporter.Import(path, options, CancellationToken.None);
    }

    /// <summary>Compares three images at once with the file, an image at a time; a fixed batch gets other images beside it.</summary>
    /// <param name="model">The file.</param>
    /// <param name="value">The value that the imported output must equal.</param>
    /// <param name="imported">The import.</param>
    /// <param name="encode">The file's value of a channel, of the three bytes of a pixel.</param>
    /// <param name="batch">Images of a call of the file.</param>
    /// <param name="isInterleaved">Whether the file takes [N,H,W,3].</param>
    /// <param name="tolerance">Largest difference, relative to the largest value.</param>
    private static void RequireSame(
        ModelProto model, string value, ImportedModel imported, Func<byte[], int, double> encode, int batch = 1, bool isInterleaved = false, double tolerance = 1e-5)
    {
        var pixels = new byte[Images * 3 * Plane];
        new Random(3).NextBytes(pixels);
        var input = imported.Graph.Model.Graph.Input.Single();
        Assert.Equal("pixels N 3 16 16", string.Join(' ', input.Type.TensorType.Shape.Dim.Select(dim => dim.HasDimParam ? dim.DimParam : $"{dim.DimValue}").Prepend(input.Name)));
        Assert.All(imported.Graph.Constants, tensor => Assert.True(tensor.HasRawData));

        var output = imported.Graph.Model.Graph.Output.Single().Name;
        using var run = ModelRun.Of("imported", ModelProto.Parser.ParseFrom(imported.Graph.Model.ToByteArray()));
        using var all = OrtValue.CreateTensorValueFromMemory(Array.ConvertAll(pixels, pixel => (float)pixel), [Images, 3, Size, Size]);
        var (found, shape) = run.Floats("pixels", all, output);
        Assert.Equal([Images, imported.FeatureCount], shape);

        var original = model.Clone();
        original.Graph.Output.Clear();
        original.Graph.Output.Add(model.Graph.Output.FirstOrDefault(o => o.Name == value) ?? new ValueInfoProto { Name = value });
        using var file = ModelRun.Of("file", original);
        for (var image = 0; image < Images; image++)
        {
            var values = new double[batch * 3 * Plane];
            for (var i = 0; i < values.Length; i++)
            {
                var (place, channel) = (i % Plane, i / Plane % 3);
                var start = (image + (i / (3 * Plane))) % Images * 3 * Plane;
                byte[] colours = [pixels[start + place], pixels[start + Plane + place], pixels[start + (2 * Plane) + place]];
                values[isInterleaved ? (i / (3 * Plane) * 3 * Plane) + (place * 3) + channel : i] = encode(colours, channel);
            }
            using var given = Value(values, (Element)model.Graph.Input[0].Type.TensorType.ElemType, isInterleaved ? [batch, Size, Size, 3] : [batch, 3, Size, Size]);
            var wanted = file.Floats(model.Graph.Input[0].Name, given, value).Values[..imported.FeatureCount];
            var largest = wanted.Max(Math.Abs);
            Assert.True(largest > 0.01, "a network whose answers are all the same shows nothing");
            Assert.All(wanted.Zip(found.Skip(image * wanted.Length)), pair => Assert.InRange(Math.Abs(pair.First - pair.Second) / largest, 0, tolerance));
        }
    }

    private static OrtValue Value(double[] values, Element type, long[] shape) => type switch
    {
        Element.Double => OrtValue.CreateTensorValueFromMemory(values, shape),
        Element.Float16 => OrtValue.CreateTensorValueFromMemory(Array.ConvertAll(values, value => (Float16)(float)value), shape),
        _ => OrtValue.CreateTensorValueFromMemory(Array.ConvertAll(values, value => (float)value), shape),
    };
}
