using Airbench.Onnx;
using static Airbench.Onnx.Proto.TensorProto.Types;
using Attribute = Airbench.Onnx.Attribute;

namespace Airbench.Tests;

/// <summary>A ResNet-18 as other frameworks write it, with random weights: stem of 7 x 7, max pool whose windows overlap, four stages of two blocks, mean.</summary>
internal static class ResidualGraph
{
    /// <summary>Input <c>pixels</c> float [N,3,S,S], 0 to 255, output <c>features</c>.</summary>
    /// <param name="size">S.</param>
    /// <param name="widths">Channels of the stages.</param>
    /// <param name="opset">Of the model.</param>
    /// <param name="seed">Of the weights.</param>
    public static OnnxGraph Write(int size, int[] widths, int opset = 17, int seed = 1)
    {
        var (graph, random) = (new GraphBuilder("resnet18"), new Random(seed));
        var x = graph.Input("pixels", DataType.Float, 3, size, size);
        x = graph.Node("Div", "scaled", [graph.Node("Sub", "centred", [x, graph.Initializer("mean", [120, 115, 105], 3, 1, 1)]), graph.Scalar("deviation", 60)]);
        x = graph.Node("Relu", "stem", [Norm("stem.norm", Conv("stem.conv", x, 3, widths[0], 7, 2), widths[0])]);
        x = graph.Node("MaxPool", "pool", [x], [Attribute.Ints("kernel_shape", 3, 3), Attribute.Ints("strides", 2, 2), Attribute.Ints("pads", 1, 1, 1, 1)]);
        var channels = widths[0];
        foreach (var (stage, width) in widths.Index())
        {
            for (var block = 0; block < 2; block++)
            {
                var (name, stride) = (FormattableString.Invariant($"stage{stage}.block{block}"), stage > 0 && block == 0 ? 2 : 1);
                var y = graph.Node("Relu", $"{name}.relu", [Norm($"{name}.norm1", Conv($"{name}.conv1", x, channels, width, 3, stride), width)]);
                y = Norm($"{name}.norm2", Conv($"{name}.conv2", y, width, width, 3, 1), width);
                var shortcut = stride == 1 && channels == width ? x : Norm($"{name}.norm3", Conv($"{name}.conv3", x, channels, width, 1, stride), width);
                x = graph.Node("Relu", name, [graph.Node("Add", $"{name}.sum", [y, shortcut])]);
                channels = width;
            }
        }
        x = graph.Node("Flatten", "features", [graph.Node("GlobalAveragePool", "average", [x])]);
        graph.Output(x, DataType.Float, channels);
        return new OnnxGraph(graph.Build(opset));

        string Conv(string name, string input, int from, int to, int kernel, int stride)
        {
            var (scale, pad) = (Math.Sqrt(2.0 / (from * kernel * kernel)), kernel / 2);
            float[] values = [.. Enumerable.Range(0, to * from * kernel * kernel).Select(_ => (float)(scale * Normal()))];
            return graph.Node("Conv", name, [input, graph.Initializer($"{name}.weight", values, to, from, kernel, kernel)],
                [Attribute.Ints("kernel_shape", kernel, kernel), Attribute.Ints("strides", stride, stride), Attribute.Ints("pads", pad, pad, pad, pad)]);
        }

        string Norm(string name, string input, int width) => graph.Node(
            "BatchNormalization", name,
            [input, Around($"{name}.scale", name.EndsWith("norm2", StringComparison.Ordinal) ? 0.3 : 1, 0.2), Around($"{name}.bias", 0, 0.2), Around($"{name}.mean", 0, 0.1), Around($"{name}.variance", 1, 0.2)],
            [Attribute.Float("epsilon", 1e-5f)]);

        string Around(string name, double middle, double spread)
        {
            var width = widths[name.StartsWith("stage", StringComparison.Ordinal) ? name[5] - '0' : 0];
            return graph.Initializer(name, [.. Enumerable.Range(0, width).Select(_ => (float)(middle + (spread * ((2 * random.NextDouble()) - 1))))], width);
        }

        double Normal() => Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble());
    }

    /// <summary>Its constants that can learn: kernels, scales and biases.</summary>
    public static string[] Learned(OnnxGraph graph) =>
        [.. graph.Constants.Select(tensor => tensor.Name).Where(name => name.EndsWith(".weight", StringComparison.Ordinal) || name.Contains(".norm") && name.EndsWith(".scale", StringComparison.Ordinal) || name.EndsWith(".bias", StringComparison.Ordinal))];
}
