using Airbench.Onnx;
using Airbench.Onnx.Proto;
using Google.Protobuf;
using Attribute = Airbench.Onnx.Attribute;
using Element = Airbench.Onnx.Proto.TensorProto.Types.DataType;

namespace Airbench.Tests;

/// <summary>Small networks in the forms in which frameworks write theirs: drawn weights, 16 x 16 pixels, 10 features, 4 classes.</summary>
internal sealed class ForeignNetworks
{
    public const int Size = 16, Features = 10, Classes = 4;

    private readonly Random _random = new(7);
    private readonly GraphBuilder _graph = new("foreign");
    private readonly int _opset;

    private ForeignNetworks(int opset) => _opset = opset;

    /// <summary>PyTorch: clipped activations, a residual sum, Flatten and Gemm.</summary>
    public static ModelProto Torch(int opset, bool isViewed = false, bool isNormalized = false)
    {
        var network = new ForeignNetworks(opset);
        var x = network._graph.Input("input", Element.Float, 3, Size, Size);
        var pooled = network._graph.Node("GlobalAveragePool", "pool", [network.Trunk(x)]);
        var flat = isViewed ? network.View(pooled) : network._graph.Node("Flatten", "flat", [pooled], [Attribute.Int("axis", 1)]);
        var kept = isNormalized ? network.Dropout(flat) : flat;
        network._graph.Node("Gemm", "fc", [kept, network.Draw("fc.weight", Classes, Features), network.Draw("fc.bias", Classes)], [Attribute.Int("transB", 1)], "logits");
        network._graph.Output("logits", Element.Float, Classes);
        return network._graph.Build(opset);
    }

    /// <summary>CNTK: a batch of 1 everywhere, numbers in typed fields, Times as a product with a Reshape before it, IR version 3.</summary>
    public static ModelProto Cntk(int opset, int batch = 1)
    {
        var network = new ForeignNetworks(opset);
        var x = network._graph.FixedInput("Input1", Element.Float, batch, 3, Size, Size);
        var pooled = network._graph.Node("AveragePool", "Pooling", [network.Trunk(x, spatial: true)], [Attribute.Ints("kernel_shape", 4, 4), Attribute.Ints("strides", 1, 1)]);
        var row = network._graph.Node("Reshape", "Reshape", [pooled, network._graph.Integers("Reshape.shape", batch, Features)]);
        var product = network._graph.Node("MatMul", "Times", [row, network.Draw("W", Features, Classes)]);
        network._graph.Node("Add", "Plus", [product, network.Draw("b", batch, Classes)], [], "Plus_Output_0");
        network._graph.FixedOutput("Plus_Output_0", Element.Float, batch, Classes);
        var model = network._graph.Build(opset);
        model.IrVersion = 3;
        (model.ProducerName, model.ProducerVersion) = ("CNTK", "2.6");
        foreach (var tensor in model.Graph.Initializer)
        {
            if (tensor.Name == "b" && batch > 1)
            {
                var rows = Tensors.Floats(tensor);
                for (var i = Classes; i < rows.Length; i++)
                {
                    rows[i] = rows[i - Classes];   // a bias once for each image of the batch
                }
                tensor.RawData = Tensors.Create<float>("", Element.Float, rows).RawData;
            }
            MakeTyped(tensor);
        }
        return model;
    }

    /// <summary>Keras by tf2onnx: interleaved pixels, a Transpose before the first layer, biases added by Add, a softmax behind the scores.</summary>
    public static ModelProto Keras(int opset)
    {
        var network = new ForeignNetworks(opset);
        var x = network._graph.Input("input_1:0", Element.Float, Size, Size, 3);
        var planes = network._graph.Node("Transpose", "conv1__6", [x], [Attribute.Ints("perm", 0, 3, 1, 2)]);
        var added = network._graph.Node("Add", "bias_add", [network.Trunk(planes), network.Draw("bias__12", 1, Features, 1, 1)]);
        var pooled = network._graph.Node("GlobalAveragePool", "pool", [added]);
        var flat = network.Squeeze("pool__34", pooled, 2, 3);
        var product = network._graph.Node("MatMul", "dense/MatMul", [flat, network.Draw("dense/kernel", Features, Classes)]);
        var scores = network._graph.Node("Add", "dense/BiasAdd", [product, network.Draw("dense/bias", Classes)]);
        network._graph.Node("Softmax", "dense/Softmax", [scores], [Attribute.Int("axis", 1)], "dense");
        network._graph.Output("dense", Element.Float, Classes);
        var model = network._graph.Build(opset);
        model.ProducerName = "tf2onnx";
        return model;
    }

    /// <summary>MobileNet and its kind: the last layer is a convolution of one pixel, softmax over all that is behind the first axis.</summary>
    public static ModelProto OnePixelHead(int opset)
    {
        var network = new ForeignNetworks(opset);
        var pooled = network._graph.Node("GlobalAveragePool", "pool", [network.Trunk(network._graph.Input("data", Element.Float, 3, Size, Size))]);
        var scores = network._graph.Node("Conv", "classifier", [pooled, network.Draw("classifier.weight", Classes, Features, 1, 1), network.Draw("classifier.bias", Classes)]);
        network._graph.Node("Softmax", "prob", [scores], [Attribute.Int("axis", 1)]);
        network._graph.Output("prob", Element.Float, Classes, 1, 1);
        return network._graph.Build(opset);
    }

    /// <summary>A vision transformer with a class token: two blocks of attention of two heads, for <paramref name="batch"/> images or for any number.</summary>
    public static ModelProto Transformer(int opset, int? batch)
    {
        const int Width = 8, Patches = 16, Heads = 2;
        var network = new ForeignNetworks(opset);
        var graph = network._graph;
        var images = batch ?? -1;
        var x = batch is { } count ? graph.FixedInput("pixel_values", Element.Float, count, 3, Size, Size) : graph.Input("pixel_values", Element.Float, 3, Size, Size);
        var patches = graph.Node("Conv", "patches", [x, network.Draw("patches.weight", Width, 3, 4, 4)], [Attribute.Ints("strides", 4, 4)]);   // (N, 8, 4, 4)
        var rows = graph.Node("Transpose", "rows", [graph.Node("Reshape", "cells", [patches, graph.Integers("cells.shape", images, Width, Patches)])], [Attribute.Ints("perm", 0, 2, 1)]);
        var token = network.Draw("cls_token", 1, 1, Width);
        var tokens = batch is not null
            ? graph.Node("Expand", "token", [token, graph.Integers("token.shape", images, 1, Width)])
            : graph.Node("Expand", "token", [token, graph.Node("Concat", "token.extents", [Batch(graph, rows), graph.Integers("token.rest", 1, Width)], [Attribute.Int("axis", 0)])]);
        var value = graph.Node("Add", "positions", [graph.Node("Concat", "all", [tokens, rows], [Attribute.Int("axis", 1)]), network.Draw("pos_embed", 1, Patches + 1, Width)]);
        for (var block = 0; block < 4; block++)
        {
            value = graph.Node("Add", $"block{block}", [value, Attention(value, $"block{block}")]);
        }
        var first = graph.Node("Gather", "cls", [network.Norm("norm", value, Width), graph.Integer("cls.index", 0)], [Attribute.Int("axis", 1)]);
        graph.Node("Gemm", "head", [first, network.Draw("head.weight", Classes, Width), network.Draw("head.bias", Classes)], [Attribute.Int("transB", 1)], "logits");
        graph.FixedOutput("logits", Element.Float, batch is null ? (Extent)"N" : (Extent)images, Classes);
        return graph.Build(opset);

        string Attention(string input, string name)
        {
            var normed = network.Norm($"{name}/norm", input, Width);
            var query = Split("q", 0, 2, 1, 3);
            var keys = Split("k", 0, 2, 3, 1);
            var values = Split("v", 0, 2, 1, 3);
            var weights = graph.Node("Softmax", $"{name}/weights", [graph.Node("MatMul", $"{name}/scores", [query, keys])], [Attribute.Int("axis", -1)]);
            var mixed = graph.Node("Transpose", $"{name}/mixed", [graph.Node("MatMul", $"{name}/product", [weights, values])], [Attribute.Ints("perm", 0, 2, 1, 3)]);
            return graph.Node("Reshape", $"{name}/joined", [mixed, graph.Integers($"{name}.joined", images, Patches + 1, Width)]);

            string Split(string part, params ReadOnlySpan<long> order)
            {
                var product = graph.Node("MatMul", $"{name}/{part}/product", [normed, network.Draw($"{name}.{part}", Width, Width)]);
                var heads = graph.Node("Reshape", $"{name}/{part}/heads", [product, graph.Integers("heads.shape", images, Patches + 1, Heads, Width / Heads)]);
                return graph.Node("Transpose", $"{name}/{part}", [heads], [Attribute.Ints("perm", order)]);
            }
        }
    }

    /// <summary>Every float32 tensor, cast, input and output in another precision; casts to it where a model computes in float32 in between.</summary>
    public static ModelProto InPrecision(ModelProto model, Element type)
    {
        foreach (var tensor in model.Graph.Initializer.Where(tensor => tensor.DataType == (int)Element.Float))
        {
            tensor.RawData = type == Element.Float16
                ? Tensors.Create<Half>("", type, Array.ConvertAll(Tensors.Floats(tensor), value => (Half)value)).RawData
                : Tensors.Create<double>("", type, Array.ConvertAll(Tensors.Floats(tensor), value => (double)value)).RawData;
            tensor.DataType = (int)type;
        }
        foreach (var value in model.Graph.Input.Concat(model.Graph.Output))
        {
            value.Type.TensorType.ElemType = (int)type;
        }
        return model;
    }

    /// <summary>Casts the input to half precision, and the output back.</summary>
    public static ModelProto BetweenCasts(ModelProto half)
    {
        var (input, output) = (half.Graph.Input[0], half.Graph.Output[0]);
        half.Graph.Node[0].Input[0] = "narrow";
        half.Graph.Node.Insert(0, Cast(input.Name, "narrow", Element.Float16));
        half.Graph.Node[^1].Output[0] = "half_scores";
        half.Graph.Node.Add(Cast("half_scores", output.Name, Element.Float));
        input.Type.TensorType.ElemType = output.Type.TensorType.ElemType = (int)Element.Float;
        return half;

        static NodeProto Cast(string from, string to, Element type) =>
            new() { Name = to, OpType = "Cast", Input = { from }, Output = { to }, Attribute = { Attribute.Int("to", (long)type) } };
    }

    /// <summary>Moves every tensor of more than 16 bytes to a file beside the model.</summary>
    public static ModelProto WithExternalData(ModelProto model, string folder)
    {
        using var data = File.Create(Path.Combine(folder, "weights.bin"));
        foreach (var tensor in model.Graph.Initializer.Where(tensor => tensor.RawData.Length > 16))
        {
            tensor.DataLocation = TensorProto.Types.DataLocation.External;
            tensor.ExternalData.Add(new StringStringEntryProto { Key = "location", Value = "weights.bin" });
            tensor.ExternalData.Add(new StringStringEntryProto { Key = "offset", Value = $"{data.Position}" });
            tensor.ExternalData.Add(new StringStringEntryProto { Key = "length", Value = $"{tensor.RawData.Length}" });
            tensor.RawData.WriteTo(data);
            tensor.ClearRawData();
        }
        return model;
    }

    /// <summary>Numbers in the fields of their type, as old exporters wrote them.</summary>
    private static void MakeTyped(TensorProto tensor)
    {
        if (tensor.DataType == (int)Element.Float)
        {
            tensor.FloatData.AddRange(Tensors.Floats(tensor));
        }
        else
        {
            tensor.Int64Data.AddRange(Tensors.Integers(tensor));
        }
        tensor.ClearRawData();
    }

    /// <summary>(N, 3, 16, 16) -> (N, 10, 4, 4).</summary>
    private string Trunk(string x, bool spatial = false)
    {
        var first = Relu6("act1", Norm2("bn1", Conv("conv1", x, 3, 6, stride: 2), 6, spatial));                       // (N, 6, 8, 8)
        var same = Norm2("bn2", Conv("conv2", first, 6, 6, stride: 1), 6, spatial);
        var sum = _graph.Node("Relu", "act2", [_graph.Node("Add", "sum", [same, first])]);
        var second = _graph.Node("Relu", "act3", [Norm2("bn3", Conv("conv3", sum, 6, Features, stride: 2), Features, spatial)]);   // (N, 10, 4, 4)
        return _graph.Node("Add", "sum2", [_graph.Node("Relu", "act4", [Conv("conv4", second, Features, Features, stride: 1)]), second]);
    }

    private string Conv(string name, string x, int inputs, int outputs, int stride) => _graph.Node(
        "Conv", name, [x, Draw($"{name}.weight", outputs, inputs, 3, 3)], [Attribute.Ints("pads", 1, 1, 1, 1), Attribute.Ints("strides", stride, stride)]);

    private string Norm2(string name, string x, int channels, bool spatial) => _graph.Node("BatchNormalization", name,
        [x, Draw($"{name}.weight", channels), Draw($"{name}.bias", channels), Draw($"{name}.mean", channels), Positive($"{name}.var", channels)],
        spatial && _opset < 9 ? [Attribute.Int("spatial", 1)] : []);

    private string Norm(string name, string x, int width) =>
        _graph.Node("LayerNormalization", name, [x, Draw($"{name}.weight", width), Draw($"{name}.bias", width)], [Attribute.Int("axis", -1)]);

    private string Relu6(string name, string x) => _opset < 11
        ? _graph.Node("Clip", name, [x], [Attribute.Float("min", 0), Attribute.Float("max", 6)])
        : _graph.Node("Clip", name, [x, _graph.Scalar("zero", 0), _graph.Scalar("six", 6)]);

    private string Dropout(string x) => _graph.Node("Dropout", "dropout", [x], _opset < 12 ? [Attribute.Float("ratio", 0.2f)] : []);

    private string Squeeze(string name, string x, params long[] axes) => _opset < 13
        ? _graph.Node("Squeeze", name, [x], [Attribute.Ints("axes", axes)])
        : _graph.Node("Squeeze", name, [x, _graph.Integers(axes)]);

    /// <summary><c>x.view(x.size(0), -1)</c>.</summary>
    private string View(string x)
    {
        var size = _graph.Node("Gather", "size", [_graph.Node("Shape", "shape", [x]), _graph.Integer("first", 0)], [Attribute.Int("axis", 0)]);
        var rows = _opset < 13 ? _graph.Node("Unsqueeze", "rows", [size], [Attribute.Ints("axes", 0)]) : _graph.Node("Unsqueeze", "rows", [size, _graph.Integers(0)]);
        return _graph.Node("Reshape", "flat", [x, _graph.Node("Concat", "target", [rows, _graph.Integers("rest", -1)], [Attribute.Int("axis", 0)])]);
    }

    private static string Batch(GraphBuilder graph, string x) =>
        graph.Node("Gather", "count", [graph.Node("Shape", "count.of", [x]), graph.Integers("count.axis", 0)], [Attribute.Int("axis", 0)]);

    private string Draw(string name, params long[] shape)
    {
        var values = new float[shape.Aggregate(1L, (product, extent) => product * extent)];
        for (var i = 0; i < values.Length; i++)
        {
            values[i] = (float)(_random.NextDouble() - 0.5);
        }
        return _graph.Initializer(name, values, shape);
    }

    private string Positive(string name, int count) => _graph.Initializer(name, [.. Enumerable.Range(0, count).Select(_ => (float)(0.5 + _random.NextDouble()))], count);
}
