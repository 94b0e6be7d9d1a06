using Airbench.Onnx;
using Airbench.Onnx.Proto;
using Google.Protobuf;
using Attribute = Airbench.Onnx.Attribute;
using Element = Airbench.Onnx.Proto.TensorProto.Types.DataType;

namespace Airbench.Tests;

/// <summary>What is not imported, and what the message says of it.</summary>
public sealed class ImportRefusalTests : IDisposable
{
    private static readonly ImportOptions Pixels = new() { Scale = 1 };

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_model_that_does_not_say_how_pixels_are_scaled_asks_with_values_to_paste()
    {
        var path = Write(ForeignNetworks.Torch(17));
        var message = Assert.Throws<ConfigurationException>(() => ModelImporter.Import(path, new ImportOptions(), CancellationToken.None)).Message;

        Assert.Contains("what its input input float [N, 3, 16, 16] takes of pixels from 0 to 255 is not in the file", message, StringComparison.Ordinal);
        Assert.Contains("scale: 0.00392156862745098, mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225]", message, StringComparison.Ordinal);
        Assert.Contains("scale: 0.00784313725490196, mean: [1, 1, 1] ", message, StringComparison.Ordinal);
        Assert.Contains("scale: 1 ", message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_model_whose_properties_say_it_needs_no_options()
    {
        var model = ForeignNetworks.Torch(17);
        model.MetadataProps.Add(new StringStringEntryProto { Key = "scale", Value = "0.5" });

        Assert.Equal(0.5, ModelImporter.Import(Write(model), new ImportOptions(), CancellationToken.None).Source.Input.Normalization.Scale);
    }

    [Theory]
    [InlineData("preprocess makes the model's input of pixels; leave out scale, mean, std and color_order", 1.0, "front.onnx", 224, 3)]
    [InlineData("scale: 0; expected a number other than 0", 0.0, null, 224, 3)]
    [InlineData("mean: [0, 0]; expected 3 numbers", 1.0, null, 224, 2)]
    [InlineData("image_size: 5000; expected 1 to 4096", 1.0, null, 5000, 3)]
    [InlineData("image_size: 224; input input float [N, 3, 16, 16] takes 16", 1.0, null, 224, 3)]
    public void Options_that_contradict_each_other_or_the_file_are_named(string says, double scale, string? preprocess, int size, int means)
    {
        var options = new ImportOptions { Scale = scale, Preprocess = preprocess, ImageSize = size, Mean = new double[means] };
        var path = Write(ForeignNetworks.Torch(17));
        Assert.Contains(says, Assert.Throws<ConfigurationException>(() => ModelImporter.Import(path, options, CancellationToken.None)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(6, "has operators of opset 6; expected 7 to 22")]
    [InlineData(23, "has operators of opset 23; expected 7 to 22")]
    public void Opsets_that_are_not_understood_are_named(int opset, string says)
    {
        var model = ForeignNetworks.Torch(17);
        model.OpsetImport[0].Version = opset;
        Refuses(says, model);
    }

    [Fact]
    public void A_model_of_scikit_learn_is_refused_by_name_and_reason()
    {
        var graph = new GraphBuilder("sklearn");
        graph.Node("LinearClassifier", "LinearClassifier", [graph.Input("X", Element.Float, 4)], ["label", "scores"], [], "ai.onnx.ml");
        graph.Output("scores", Element.Float, 3);
        Refuses("has LinearClassifier 'LinearClassifier' of the domain ai.onnx.ml: a model of tables of numbers, as scikit-learn's are written", graph.Build(12));
    }

    [Fact]
    public void Quantized_models_are_refused_by_name_and_reason()
    {
        var graph = new GraphBuilder("qdq");
        var x = graph.Input("x", Element.Float, 3, 8, 8);
        graph.Node("QuantizeLinear", "q", [x, graph.Scalar("s", 1)]);
        graph.Node("DequantizeLinear", "d", ["q", "s"]);
        graph.Output("d", Element.Float, 3, 8, 8);
        Refuses("is quantized already: QuantizeLinear 'q'. Its weights are steps of 8 bits or less, so it can be evaluated, but neither trained nor quantized again", graph.Build(17));
    }

    [Fact]
    public void Detectors_and_maps_of_boxes_are_refused()
    {
        var graph = new GraphBuilder("boxes");
        graph.Node("Reshape", "boxes", [graph.Input("x", Element.Float, 3, 8, 8), graph.Integers(0, 48, 4)]);
        graph.Output("boxes", Element.Float, 48, 4);
        Refuses("has no output of scores or features; it has boxes [1, 48, 4]. Expected [N, K], or feature maps", graph.Build(17));
    }

    [Fact]
    public void Functions_and_node_loops_are_refused_by_name()
    {
        var functions = ForeignNetworks.Torch(17);
        functions.Functions.Add(new FunctionProto { Name = "Gelu", Domain = "pkg.onnxscript" });
        functions.OpsetImport.Add(new OperatorSetIdProto { Domain = "pkg.onnxscript", Version = 1 });
        Refuses("brings along 1 operator of its own ('Gelu' of the domain 'pkg.onnxscript')", functions);

        var loop = ForeignNetworks.Torch(17);
        loop.Graph.Node[0].Input[0] = "logits";
        Refuses("has nodes that wait for each other", loop);
    }

    [Fact]
    public void A_node_that_mixes_the_images_of_a_batch_is_named()
    {
        var graph = new GraphBuilder("mixed");
        var x = graph.FixedInput("x", Element.Float, 1, 3, 4, 4);
        var means = graph.Node("ReduceMean", "batch_mean", [x], [Attribute.Ints("axes", 0), Attribute.Int("keepdims", 1)]);
        var centred = graph.Node("Sub", "centred", [graph.Node("Mul", "doubled", [x, graph.Scalar("two", 2)]), means]);
        graph.Node("Flatten", "flat", [centred]);
        graph.FixedOutput("flat", Element.Float, 1, 48);
        Refuses("ReduceMean 'batch_mean' does not treat them one by one", graph.Build(13));
    }

    [Fact]
    public void A_constant_that_differs_from_image_to_image_of_a_fixed_batch_is_named()
    {
        var model = ForeignNetworks.Cntk(8, batch: 2);
        model.Graph.Initializer.Single(tensor => tensor.Name == "b").FloatData[5] += 1;
        Refuses("was exported for 2 images a call, and Add 'Plus' has other constants for each of them ('b')", model);
    }

    [Fact]
    public void A_preprocess_model_of_another_size_is_a_wrong_option()
    {
        var front = new GraphBuilder("front");
        front.Node("AveragePool", "small", [front.Input("x", Element.Float, 3, 16, 16)], [Attribute.Ints("kernel_shape", 2, 2), Attribute.Ints("strides", 2, 2)]);
        front.Output("small", Element.Float, 3, 8, 8);
        File.WriteAllBytes(_folder.File("front.onnx"), front.Build(13).ToByteArray());
        var path = Write(ForeignNetworks.Torch(17));

        var message = Assert.Throws<ConfigurationException>(
            () => ModelImporter.Import(path, new ImportOptions { Preprocess = _folder.File("front.onnx") }, CancellationToken.None)).Message;
        Assert.Contains("front.onnx: gives [N, 3, 8, 8]; the model takes [N, 3, 16, 16]", message, StringComparison.Ordinal);
    }

    [Fact]
    public void Nodes_in_any_order_are_sorted()
    {
        var model = ForeignNetworks.Torch(17);
        var nodes = model.Graph.Node.Reverse().ToArray();
        model.Graph.Node.Clear();
        model.Graph.Node.AddRange(nodes);

        Assert.Equal("flat", ModelImporter.Import(Write(model), Pixels, CancellationToken.None).Source.Head!.Features);
    }

    [Fact]
    public void Damaged_files_fail_with_a_message_and_nothing_else()
    {
        var whole = ForeignNetworks.Cntk(8).ToByteArray();
        var random = new Random(11);
        var (refused, path) = (0, _folder.File("damaged.onnx"));
        for (var i = 0; i < 120; i++)
        {
            var damaged = whole.ToArray();
            for (var flips = random.Next(1, 4); flips > 0; flips--)
            {
                // Half of them in names and shapes behind the weights and in front of them, where they do more.
                var place = random.Next(2) == 0 ? random.Next(damaged.Length) : random.Next(Math.Min(1500, damaged.Length));
                damaged[place] ^= (byte)(1 << random.Next(8));
            }
            File.WriteAllBytes(path, random.Next(10) == 0 ? damaged[..random.Next(damaged.Length)] : damaged);
            try
            {
                ModelImporter.Import(path, Pixels, CancellationToken.None);
            }
            catch (AirbenchException e)
            {
                Assert.True(e is InvalidFileException or ConfigurationException, e.ToString());
                refused++;
            }
        }
        Assert.InRange(refused, 20, 119);
    }

    [Fact]
    public void Data_outside_of_the_models_folder_is_not_read()
    {
        var model = ForeignNetworks.WithExternalData(ForeignNetworks.Torch(17), _folder.Path);
        model.Graph.Initializer.First(tensor => tensor.ExternalData.Count > 0).ExternalData[0].Value = "../weights.bin";
        Refuses("is stored in '../weights.bin', outside of the model's folder", model);
    }

    [Fact]
    public void Weights_that_are_not_finite_are_told_from_images_that_are_mixed()
    {
        var model = ForeignNetworks.Torch(17);
        var weight = model.Graph.Initializer.First(tensor => tensor.Name == "conv3.weight");
        weight.RawData = Tensors.Create<float>("", Element.Float, [.. Tensors.Floats(weight).Select(_ => float.NaN)]).RawData;
        Refuses("gives numbers that are not finite as flat for ordinary pixels", model);
    }

    [Theory]
    [InlineData(false, "draws random numbers in every call: RandomUniformLike 'noise'")]
    [InlineData(true, "draws random numbers in every call: Dropout 'noise'")]
    public void Networks_that_draw_random_numbers_are_refused(bool isDropout, string says)
    {
        var graph = new GraphBuilder("random");
        var flat = graph.Node("Flatten", "flat", [graph.Node("GlobalAveragePool", "pool", [graph.Input("x", Element.Float, 3, 8, 8)])]);
        if (isDropout)
        {
            var training = graph.Initializer(Tensors.Create<byte>("training", Element.Bool, [1]), "");
            graph.Node("Dropout", "noise", [flat, graph.Scalar("ratio", 0.5f), training]);
        }
        else
        {
            graph.Node("Add", "sum", [flat, graph.Node("RandomUniformLike", "noise", [flat])]);
        }
        var output = isDropout ? "noise" : "sum";
        graph.Output(output, Element.Float, 3);
        Refuses(says, graph.Build(17));
    }

    [Fact]
    public void An_input_whose_colours_could_be_in_front_or_behind_is_refused()
    {
        var model = ForeignNetworks.Torch(17);
        foreach (var extent in model.Graph.Input[0].Type.TensorType.Shape.Dim)
        {
            extent.DimParam = "open";
        }
        Refuses("has the input input float [N, ?, ?, ?], whose shape leaves open which dimension has the colours", model);
    }

    private void Refuses(string says, ModelProto model)
    {
        var path = Write(model);
        Assert.Contains(says, Assert.Throws<InvalidFileException>(() => ModelImporter.Import(path, Pixels, CancellationToken.None)).Message, StringComparison.Ordinal);
    }

    private string Write(ModelProto model)
    {
        var path = _folder.File("model.onnx");
        File.WriteAllBytes(path, model.ToByteArray());
        return path;
    }
}
