using Airbench.Onnx.Proto;

namespace Airbench.Onnx;

/// <summary>Weights of a layer as the quantizer takes them, output channels first, whatever form the node has them in.</summary>
internal sealed record LayerWeights
{
    private readonly bool _isColumns;   // of a MatMul: an output channel is a column

    private LayerWeights(float[] weight, int channels, long[] shape, bool isColumns) =>
        (Weight, Channels, Shape, _isColumns) = (weight, channels, shape, isColumns);

    /// <summary>Output channels first, factors of the node included.</summary>
    public float[] Weight { get; }

    /// <summary>Output channels.</summary>
    public int Channels { get; }

    /// <summary>Shape of the weight in the quantized model.</summary>
    public long[] Shape { get; }

    /// <summary>The bias, one a channel, which the integer sums start from; empty where there is none of that form.</summary>
    public float[] IntegerBias { get; private init; } = [];

    /// <summary>A bias with the node's factor on it; null where it stays as it is.</summary>
    public (float[] Values, long[] Shape)? Summand { get; private init; }

    /// <summary>Those of a layer that can be quantized (<see cref="QuantizableLayers.Names"/>).</summary>
    /// <remarks>
    /// A Gemm whose weight is [K,N] gets the transposed one, and its factors alpha and beta go into weight and bias: ONNX Runtime's integer kernel takes
    /// a scale for each row of [N,K].
    /// </remarks>
    public static LayerWeights Of(OnnxGraph graph, NodeProto layer)
    {
        var tensor = graph.Constant(layer.Input[1])!;
        var (weight, shape) = (Tensors.Floats(tensor), tensor.Dims.ToArray());
        var bias = QuantizableLayers.Bias(layer) is { } name ? graph.Constant(name) : null;
        if (layer.OpType == "MatMul")
        {
            return new LayerWeights(Transposed(weight, (int)shape[0], (int)shape[1]), (int)shape[1], shape, isColumns: true);
        }
        var isTransposed = layer.OpType == "Gemm" && Attribute.IntOf(layer, "transB") == 0;
        if (isTransposed)
        {
            (weight, shape) = (Transposed(weight, (int)shape[0], (int)shape[1]), [shape[1], shape[0]]);
        }
        var (alpha, beta) = (Factor(layer, "alpha"), Factor(layer, "beta"));
        return new LayerWeights(alpha == 1 ? weight : Array.ConvertAll(weight, value => value * alpha), (int)shape[0], shape, isColumns: false)
        {
            IntegerBias = bias is not null && beta == 1 && Extents.Elements(bias.Dims) == shape[0] ? Tensors.Floats(bias) : [],
            Summand = bias is null || beta == 1 ? null : (Array.ConvertAll(Tensors.Floats(bias), value => value * beta), bias.Dims.ToArray()),
        };
    }

    /// <summary>Quantized weights as the node has them, and the axis of the output channels.</summary>
    public (sbyte[] Values, int Axis) Arranged(sbyte[] quantized) =>
        _isColumns ? (Transposed(quantized, Channels, quantized.Length / Channels), 1) : (quantized, 0);

    /// <summary>Takes from a Gemm what <see cref="Of"/> has put into its weights.</summary>
    public static void MakePlain(NodeProto layer)
    {
        if (layer.OpType != "Gemm")
        {
            return;
        }
        var isPlain = Attribute.IntOf(layer, "transB") == 1;
        foreach (var absorbed in layer.Attribute.Where(attribute => attribute.Name is "alpha" or "beta" || (attribute.Name == "transB" && !isPlain)).ToArray())
        {
            layer.Attribute.Remove(absorbed);
        }
        if (!isPlain)
        {
            layer.Attribute.Add(Attribute.Int("transB", 1));
        }
    }

    private static float Factor(NodeProto layer, string name) =>
        layer.OpType == "Gemm" && layer.Attribute.FirstOrDefault(attribute => attribute.Name == name) is { } factor ? factor.F : 1;

    private static T[] Transposed<T>(T[] values, int rows, int columns)
    {
        var transposed = new T[values.Length];
        for (var i = 0; i < values.Length; i++)
        {
            transposed[(i % columns * rows) + (i / columns)] = values[i];
        }
        return transposed;
    }
}
