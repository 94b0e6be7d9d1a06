using Airbench.Onnx;
using Airbench.Onnx.Proto;
using Element = Airbench.Onnx.Proto.TensorProto.Types.DataType;

namespace Airbench.Tests;

/// <summary>Models as other exporters leave them, around one classifier: it scores red, green and blue by the mean of that colour.</summary>
internal static class ForeignModels
{
    private const int Size = ColourModels.Size;

    /// <summary>The classifier, up to the value <c>scores</c> [N, 3]: logits.</summary>
    public static GraphBuilder Begin(Element type = Element.Float)
    {
        var graph = new GraphBuilder("foreign");
        var x = graph.Input("pixels", type, 3, Size, Size);
        Score(graph, type == Element.Float ? x : Cast(graph, "values", x, Element.Float));
        return graph;
    }

    /// <summary>Adds <c>scores</c> of planes of values.</summary>
    public static string Score(GraphBuilder graph, string values)
    {
        var means = graph.Node("ReduceMean", "means", [values], [Attribute("axes", 2, 3), Airbench.Onnx.Attribute.Int("keepdims", 0)]);
        return graph.Node("MatMul", "scores", [means, graph.Initializer("weights", [4f, 0, 0, 0, 4, 0, 0, 0, 4], 3, 3)]);
    }

    public static string Cast(GraphBuilder graph, string name, string value, Element type) =>
        graph.Node("Cast", name, [value], [Airbench.Onnx.Attribute.Int("to", (long)type)]);

    public static AttributeProto Attribute(string name, params long[] values) => Airbench.Onnx.Attribute.Ints(name, values);

    /// <summary>The model with the names of its classes.</summary>
    public static ModelProto Build(GraphBuilder graph, int opset = 17)
    {
        var model = graph.Build(opset);
        model.MetadataProps.Add(new StringStringEntryProto { Key = "classes", Value = """["red", "green", "blue"]""" });
        return model;
    }

    /// <summary>Each model that is taken for what it is, by a name for people.</summary>
    public static Dictionary<string, Func<ModelProto>> Accepted { get; } = new()
    {
        ["scores [N, K, 1, 1] of a convolution"] = () => Output(graph => graph.Node("Reshape", "map", ["scores", graph.Integers(0, 3, 1, 1)]), 3, 1, 1),
        ["scores [N, 1, 1, K]"] = () => Output(graph => graph.Node("Reshape", "map", ["scores", graph.Integers(0, 1, 1, 3)]), 1, 1, 3),
        ["scores of an unstated shape"] = () => With(Output(_ => "scores", 3), model => model.Graph.Output[0].Type.TensorType.Shape = null),
        ["scores in double precision"] = () => Output(graph => Cast(graph, "wide", "scores", Element.Double), Element.Double, 3),
        ["scores in half precision behind a cast"] = () => Output(graph => Cast(graph, "narrow", "scores", Element.Float16), Element.Float16, 3),
        ["an input in double precision"] = () => Output(_ => "scores", Element.Float, Begin(Element.Double), 3),
        ["softmax, flattened"] = () => Output(graph => graph.Node("Flatten", "flat", [graph.Node("Softmax", "soft", ["scores"])]), 3),
        ["log-softmax"] = () => Output(graph => graph.Node("LogSoftmax", "log", ["scores"]), 3),
        ["a bias behind the product"] = () => Output(graph => graph.Node("Add", "sum", ["scores", graph.Initializer("bias", [0f, 0, 0], 3)]), 3),
        ["labels beside the scores (zipmap=False)"] = () => With(
            Output(graph => graph.Node("Softmax", "probabilities", ["scores"]), 3), model => AddLabels(model, "label")),
        ["feature maps beside the scores"] = () => With(Output(_ => "scores", 3), model => model.Graph.Output.Add(Value("pixels", Element.Float, -1, 3, Size, Size))),
        ["a batch of 1"] = () => FixBatch(Output(_ => "scores", 3), 1),
        ["a batch of 3, and as many images do not divide"] = () => FixBatch(Output(_ => "scores", 3), 3),
        ["a batch of 1 and scores [1, K, 1, 1]"] = () => FixBatch(Output(graph => graph.Node("Reshape", "map", ["scores", graph.Integers(0, 3, 1, 1)]), 3, 1, 1), 1),
        ["weights that are listed as inputs too, as before IR version 4"] = () => With(
            Output(_ => "scores", 3), model => model.Graph.Input.Add(Value("weights", Element.Float, 3, 3))),
    };

    /// <summary>Each model that is refused, with what its message must say.</summary>
    public static Dictionary<string, (Func<ModelProto> Model, string Says)> Refused { get; } = new()
    {
        ["ZipMap"] = (() => With(Output(_ => "scores", 3), ZipMap), "zipmap=False"),
        ["argmax"] = (() => Output(graph => graph.Node("ArgMax", "best", ["scores"], [Airbench.Onnx.Attribute.Int("axis", 1), Airbench.Onnx.Attribute.Int("keepdims", 0)]),
            Element.Int64), "has labels, not scores, so neither confidence nor loss could be computed; export the scores that they are chosen by (the value scores)"),
        ["argmax, cast to 32 bits"] = (() => Output(graph => Cast(graph, "short", graph.Node("ArgMax", "best", ["scores"], [Airbench.Onnx.Attribute.Int("axis", 1)]), Element.Int32),
            Element.Int32, 1), "(the value scores)"),
        ["text labels"] = (() => Output(graph => Cast(graph, "text", "scores", (Element)8), (Element)8, 3), "has labels, not scores"),
        ["feature maps alone"] = (() => With(Output(_ => "scores", 3), model => model.Graph.Output[0] = Value("pixels", Element.Float, -1, 3, Size, Size)),
            "Export the model with its head"),
        ["two sets of scores"] = (() => With(Output(graph => graph.Node("Softmax", "soft", ["scores"]), 3), model => model.Graph.Output.Add(Value("scores", Element.Float, -1, 3))),
            "set output_name (--output-name)"),
        ["an activation of unknown meaning"] = (() => Output(graph => graph.Node("Sigmoid", "each", ["scores"]), 3), "set output_kind (--output-kind): logits or probabilities"),
        ["one score for two classes"] = (() => With(Output(graph => graph.Node("ReduceMax", "one", ["scores"], [Attribute("axes", 1)]), 1),
            model => model.MetadataProps[0].Value = """["cat", "dog"]"""), "One score for two classes is not read"),
        ["a second input"] = (() => With(Output(_ => "scores", 3), model => model.Graph.Input.Add(Value("keep_probability", Element.Float, 1))),
            "takes keep_probability float [1] besides the images pixels float [N, 3, 8, 8], and nothing gives it a value. Export the model with a constant for it"),
        ["two images"] = (() => With(Output(_ => "scores", 3), model => model.Graph.Input.Add(Value("other", Element.Float, -1, 3, Size, Size))), "takes other float"),
        ["grey images"] = (() => With(Output(_ => "scores", 3), model => model.Graph.Input[0] = Value("pixels", Element.Float, -1, 1, Size, Size)),
            "takes grey images; expected 3 colours"),
        ["four colours"] = (() => With(Output(_ => "scores", 3), model => model.Graph.Input[0] = Value("pixels", Element.Float, -1, 4, Size, Size)), "no dimension of 3 colours"),
        ["no batch"] = (() => With(Output(_ => "scores", 3), model => model.Graph.Input[0] = Value("pixels", Element.Float, 3, Size, Size)),
            "export the model with a dimension for the batch in front"),
        ["64-bit integers as pixels"] = (() => With(Output(_ => "scores", 3), model => model.Graph.Input[0] = Value("pixels", Element.Int64, -1, 3, Size, Size)),
            "expected uint8, float, float16 or double"),
        ["a later format"] = (() => With(Output(_ => "scores", 3), model => model.IrVersion = 99), "has the IR version 99; ONNX Runtime 1.31.1 reads up to 13"),
        ["a later opset"] = (() => Build(Finish(Begin(), "scores", Element.Float, 3), opset: 99), "needs opset 99; ONNX Runtime 1.31.1 has up to 26"),
        ["operators of others"] = (() => With(Output(_ => "scores", 3), model =>
        {
            model.Graph.Node[0].Domain = "org.example";
            model.OpsetImport.Add(new OperatorSetIdProto { Domain = "org.example", Version = 1 });
        }), "uses the operator ReduceMean of the domain 'org.example'"),
    };

    /// <summary>A model with a batch of 1 written into the middle of it.</summary>
    public static ModelProto ReshapedToOne()
    {
        var graph = new GraphBuilder("foreign");
        var x = graph.Input("pixels", Element.Float, 3, Size, Size);
        Score(graph, graph.Node("Reshape", "one", [x, graph.Integers(1, 3, -1, Size)]));
        return Build(Finish(graph, "scores", Element.Float, 3));
    }

    private static ModelProto Output(Func<GraphBuilder, string> add, params long[] rowShape) => Output(add, Element.Float, rowShape);

    private static ModelProto Output(Func<GraphBuilder, string> add, Element type, params long[] rowShape) => Output(add, type, Begin(), rowShape);

    private static ModelProto Output(Func<GraphBuilder, string> add, Element type, GraphBuilder graph, params long[] rowShape) =>
        Build(Finish(graph, add(graph), type, rowShape));

    private static GraphBuilder Finish(GraphBuilder graph, string output, Element type, params long[] rowShape)
    {
        graph.Output(output, type, rowShape);
        return graph;
    }

    private static ModelProto With(ModelProto model, Action<ModelProto> change)
    {
        change(model);
        return model;
    }

    private static ModelProto FixBatch(ModelProto model, long batch) => With(model, changed =>
    {
        foreach (var value in changed.Graph.Input.Concat(changed.Graph.Output))
        {
            value.Type.TensorType.Shape.Dim[0].DimValue = batch;
        }
    });

    private static void AddLabels(ModelProto model, string name)
    {
        var node = new NodeProto { Name = name, OpType = "ArgMax", Input = { "scores" }, Output = { name } };
        node.Attribute.AddRange([Airbench.Onnx.Attribute.Int("axis", 1), Airbench.Onnx.Attribute.Int("keepdims", 0)]);
        model.Graph.Node.Add(node);
        model.Graph.Output.Insert(0, Value(name, Element.Int64, -1));
    }

    /// <summary>scikit-learn's default: labels, and a list with a dictionary for each row.</summary>
    private static void ZipMap(ModelProto model)
    {
        AddLabels(model, "label");
        model.OpsetImport.Add(new OperatorSetIdProto { Domain = "ai.onnx.ml", Version = 3 });
        model.Graph.Node.Add(new NodeProto { Name = "zip", OpType = "ZipMap", Domain = "ai.onnx.ml", Input = { "scores" }, Output = { "zipped" } });
        // sequence_type = 4 { elem_type = 1 { map_type = 5 } }, which our part of onnx.proto reads as unknown fields
        var type = TypeProto.Parser.ParseFrom([4 << 3 | 2, 4, 1 << 3 | 2, 2, 5 << 3 | 2, 0]);
        model.Graph.Output.RemoveAt(1);
        model.Graph.Output.Insert(0, new ValueInfoProto { Name = "zipped", Type = type });
    }

    private static ValueInfoProto Value(string name, Element type, params long[] extents)
    {
        var shape = new TensorShapeProto();
        shape.Dim.AddRange(extents.Select(extent => extent < 0
            ? new TensorShapeProto.Types.Dimension { DimParam = "N" }
            : new TensorShapeProto.Types.Dimension { DimValue = extent }));
        return new ValueInfoProto { Name = name, Type = new TypeProto { TensorType = new TypeProto.Types.Tensor { ElemType = (int)type, Shape = shape } } };
    }
}
