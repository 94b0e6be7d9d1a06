using Airbench.Onnx;
using Airbench.Onnx.Proto;
using Google.Protobuf;
using Attribute = Airbench.Onnx.Attribute;
using Element = Airbench.Onnx.Proto.TensorProto.Types.DataType;

namespace Airbench.Tests;

/// <summary>What <c>airbench inspect</c> says of a file.</summary>
public sealed class ModelSurveyTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_classifier_is_counted_and_everything_can_be_done_with_it()
    {
        var model = ForeignNetworks.Torch(17);
        (model.ProducerName, model.ProducerVersion) = ("pytorch", "2.4.0");
        var report = Survey(model, new BackboneInput { Scale = 1 });

        Assert.Equal(("pytorch 2.4.0", 8, 17), (report.Producer, report.IrVersion, report.Opset));
        Assert.Equal("input float [N, 3, 16, 16]", Assert.Single(report.Inputs));
        Assert.Equal("logits float [N, 4]", Assert.Single(report.Outputs));
        Assert.Equal([("Conv", 4), ("BatchNormalization", 3), ("Relu", 3)], report.Operators.Take(3).Select(entry => (entry.Operator, entry.Count)));
        // Convolutions, norms, the head, and the two bounds of Clip.
        Assert.Equal((9 * ((3 * 6) + (6 * 6) + (6 * 10) + (10 * 10))) + (4 * (6 + 6 + 10)) + (4 * 10) + 4 + 2, report.Parameters);
        Assert.Equal((9 * ((64 * 3 * 6) + (64 * 6 * 6) + (16 * 6 * 10) + (16 * 10 * 10))) + (4 * 10), report.MultiplyAdds);
        Assert.Equal((16, 10, "Gemm 'fc' reads flat and gives logits"), (report.ImageSize, report.Features, report.Head));
        Assert.StartsWith("behind act2: ", report.LastBlock, StringComparison.Ordinal);
        Assert.Equal("as given: pixels as they are", report.Pixels);
        Assert.Equal(
            [
                ("evaluate", true, "with --labels, its class names"), ("quantize", true, "to 8 bits"), ("adapt: head", true, "a new linear layer on 10 features"),
                ("adapt: last block", true, "2 weight tensors"), ("adapt: all", true, "4 weight tensors"),
            ],
            report.Uses.Select(use => (use.Name, use.IsPossible, use.Remark)));
    }

    [Fact]
    public void What_the_file_does_not_say_is_asked_for_with_what_its_framework_mostly_takes()
    {
        var keras = Survey(ForeignNetworks.Keras(13), null);
        Assert.StartsWith("not in the file; models of Keras and TensorFlow mostly take -1 to 1", keras.Pixels, StringComparison.Ordinal);
        Assert.Contains(keras.Uses, use => use is { Name: "adapt: head", IsPossible: true, Remark: "a new linear layer on 10 features; say how its pixels are scaled" });
        Assert.Contains(keras.Uses, use => use is { Name: "evaluate", Remark: "with --scale and the like; --labels, its class names" });
        Assert.Empty(keras.Notes);

        Assert.StartsWith("not in the file; CNTK's models mostly take 0 to 255", Survey(ForeignNetworks.Cntk(8), null).Pixels, StringComparison.Ordinal);
    }

    [Fact]
    public void Where_the_colours_are_left_open_only_evaluate_has_an_option_for_it()
    {
        var model = ForeignNetworks.Torch(17);
        foreach (var extent in model.Graph.Input[0].Type.TensorType.Shape.Dim)
        {
            extent.DimParam = "open";
        }
        var uses = Survey(model, new BackboneInput { Scale = 1 }).Uses;

        Assert.Equal(("evaluate", true, "with --layout; --image-size; --labels, its class names"), (uses[0].Name, uses[0].IsPossible, uses[0].Remark));
        Assert.Equal(("quantize, adapt", false), (uses[1].Name, uses[1].IsPossible));
    }

    [Fact]
    public void What_normalizes_inside_seems_to_take_what_it_subtracts_from()
    {
        var graph = new GraphBuilder("inside");
        var centred = graph.Node("Sub", "m", [graph.Input("x", Element.Float, 3, 8, 8), graph.Initializer("mean", [123f, 116, 103], 1, 3, 1, 1)]);
        graph.Node("Flatten", "y", [graph.Node("GlobalAveragePool", "p", [graph.Node("Relu", "r", [centred])])]);
        graph.Output("y", Element.Float, 3);

        Assert.Equal("not in the file; it seems to take 0 to 255 (scale: 1); the graph itself computes of them: pixels as they are, less a mean of each channel; 1 node in front of the network",
            Survey(graph.Build(13), null).Pixels);
    }

    [Fact]
    public void Each_no_has_its_reason()
    {
        var graph = new GraphBuilder("sklearn");
        graph.Node("LinearClassifier", "svm", [graph.Input("X", Element.Float, 4)], ["label", "scores"], [], "ai.onnx.ml");
        graph.Output("scores", Element.Float, 3);
        var table = Survey(graph.Build(12), null);
        Assert.Null(table.MultiplyAdds);
        Assert.All(table.Uses, use => Assert.StartsWith("has LinearClassifier 'svm' of the domain ai.onnx.ml", use.Remark, StringComparison.Ordinal));
        Assert.Equal(["evaluate", "quantize, adapt"], table.Uses.Where(use => !use.IsPossible).Select(use => use.Name));

        graph = new GraphBuilder("fft");
        var conv = graph.Node("Conv", "c1", [graph.Input("x", Element.Float, 3, 8, 8), graph.Initializer("w1", new float[6 * 27], 6, 3, 3, 3)], [Attribute.Ints("strides", 2, 2)]);
        var odd = graph.Node("Det", "det", [graph.Node("Conv", "c2", [conv, graph.Initializer("w2", new float[10 * 6 * 1], 10, 6, 1, 1)])]);
        graph.Node("Gemm", "fc", [graph.Node("Add", "shifted", [odd, graph.Scalar("one", 1)]), graph.Initializer("w3", [.. Enumerable.Range(0, 20).Select(i => (float)i)], 10, 2)], [], "logits");
        graph.Output("logits", Element.Float, 2);
        var blocked = Survey(graph.Build(17), new BackboneInput { Scale = 1 });
        Assert.Contains(blocked.Uses, use => use is { Name: "adapt: head", IsPossible: true });
        Assert.Contains(blocked.Uses, use => use.Name == "adapt: all" && !use.IsPossible
            && use.Remark.StartsWith("Det 'det': ", StringComparison.Ordinal) && use.Remark.EndsWith(". 0 of 2 weight tensors can learn", StringComparison.Ordinal));
    }

    private ModelReport Survey(ModelProto model, BackboneInput? input)
    {
        var path = _folder.File("model.onnx");
        File.WriteAllBytes(path, model.ToByteArray());
        return ModelSurvey.Survey(path, input, null, CancellationToken.None);
    }
}
