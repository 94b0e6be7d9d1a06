using System.Runtime.InteropServices;
using Airbench.Onnx.Proto;
using static Airbench.Onnx.Proto.TensorProto.Types;

namespace Airbench.Tests;

/// <summary>
/// Computes a model node by node in float64, by the definitions of the ONNX operators: what a quantized graph means, whatever a runtime
/// fuses. Slow on purpose; small networks alone.
/// </summary>
internal static class OnnxInterpreter
{
    /// <summary>Logits of one image, uint8 [3,S,S].</summary>
    public static double[] Logits(ModelProto model, ReadOnlySpan<byte> image)
    {
        var values = model.Graph.Initializer.ToDictionary(tensor => tensor.Name, Constant);
        var input = model.Graph.Input.Single();
        values[input.Name] = new Tensor(
            [1, .. input.Type.TensorType.Shape.Dim.Skip(1).Select(d => (int)d.DimValue)], Array.ConvertAll(image.ToArray(), p => (double)p));
        foreach (var node in model.Graph.Node)
        {
            var inputs = node.Input.Select(name => values[name]).ToArray();
            values[node.Output[0]] = Compute(node, inputs);
        }
        return values["logits"].Values;
    }

    private static Tensor Compute(NodeProto node, Tensor[] x) => node.OpType switch
    {
        "Cast" => x[0],
        "QuantizeLinear" => x[0].Map(v => Math.Clamp(Math.Round(v / x[1].Values[0], MidpointRounding.ToEven) + x[2].Values[0], 0, 255)),
        "DequantizeLinear" => Dequantize(x[0], x[1].Values, x.Length > 2 ? x[2].Values : new double[x[1].Values.Length]),
        "Conv" => Conv(x[0], x[1], x[2].Values, Ints(node, "pads", [0, 0, 0, 0])[0], Ints(node, "strides", [1, 1])[0]),
        "MaxPool" => MaxPool(x[0], Ints(node, "kernel_shape", [])[0]),
        "GlobalMaxPool" => Pool(x[0], Enumerable.Max),
        "GlobalAveragePool" => Pool(x[0], Enumerable.Average),
        "Flatten" => x[0] with { Shape = [1, x[0].Values.Length] },
        "Gemm" => Gemm(x[0], x[1], x.Length > 2 ? x[2].Values : new double[x[1].Shape[0]]),
        "Erf" => x[0].Map(ReferenceNetwork.Erf),
        "Gelu" => x[0].Map(v => v * (1 + ReferenceNetwork.Erf(v / Math.Sqrt(2))) / 2),
        "Sigmoid" => x[0].Map(v => 1 / (1 + Math.Exp(-v))),
        "Relu" => x[0].Map(v => Math.Max(v, 0)),
        "Softmax" => x[0].Map(v => Math.Exp(v) / x[0].Values.Sum(Math.Exp)),
        "Add" => Zip(x, (a, b) => a + b),
        "Sub" => Zip(x, (a, b) => a - b),
        "Mul" => Zip(x, (a, b) => a * b),
        "Div" => Zip(x, (a, b) => a / b),
        _ => throw new NotSupportedException(node.OpType),
    };

    /// <summary>A scale for all, or one for each index of the first axis.</summary>
    private static Tensor Dequantize(Tensor x, double[] scales, double[] zeroPoints)
    {
        var row = x.Values.Length / scales.Length;
        return x with { Values = [.. x.Values.Select((v, i) => (v - zeroPoints[i / row]) * scales[i / row])] };
    }

    private static Tensor Conv(Tensor x, Tensor weight, double[] bias, int pad, int stride)
    {
        var (channels, height, kernel) = (x.Shape[1], x.Shape[2], weight.Shape[2]);
        var size = ((height + (2 * pad) - kernel) / stride) + 1;
        var result = new double[weight.Shape[0] * size * size];
        for (var i = 0; i < result.Length; i++)
        {
            var (output, row, column) = (i / (size * size), i / size % size, i % size);
            var sum = bias[output];
            for (var tap = 0; tap < channels * kernel * kernel; tap++)
            {
                var r = (row * stride) + (tap / kernel % kernel) - pad;
                var c = (column * stride) + (tap % kernel) - pad;
                if (r >= 0 && r < height && c >= 0 && c < height)
                {
                    sum += weight.Values[(output * channels * kernel * kernel) + tap] *
                        x.Values[(((tap / (kernel * kernel) * height) + r) * height) + c];
                }
            }
            result[i] = sum;
        }
        return new Tensor([1, weight.Shape[0], size, size], result);
    }

    private static Tensor MaxPool(Tensor x, int window)
    {
        var (height, size) = (x.Shape[2], x.Shape[2] / window);
        var result = new double[x.Shape[1] * size * size];
        for (var i = 0; i < result.Length; i++)
        {
            var first = (i / (size * size) * height * height) + (i / size % size * window * height) + (i % size * window);
            result[i] = Enumerable.Range(0, window * window).Max(tap => x.Values[first + (tap / window * height) + (tap % window)]);
        }
        return new Tensor([1, x.Shape[1], size, size], result);
    }

    private static Tensor Pool(Tensor x, Func<IEnumerable<double>, double> pool) =>
        new([1, x.Shape[1], 1, 1], [.. x.Values.Chunk(x.Shape[2] * x.Shape[3]).Select(pool)]);

    private static Tensor Gemm(Tensor x, Tensor weight, double[] bias) =>
        new([1, bias.Length], [.. weight.Values.Chunk(x.Values.Length).Select((row, k) => bias[k] + row.Zip(x.Values, (w, v) => w * v).Sum())]);

    /// <summary>Equal shapes, a scalar, or a value for each channel [C,1,1].</summary>
    private static Tensor Zip(Tensor[] x, Func<double, double, double> f)
    {
        var (a, b) = (x[0], x[1].Values);
        var area = a.Values.Length / b.Length;
        return a with { Values = [.. a.Values.Select((v, i) => f(v, b[b.Length == a.Values.Length ? i : i / area]))] };
    }

    private static int[] Ints(NodeProto node, string name, int[] otherwise) =>
        node.Attribute.FirstOrDefault(a => a.Name == name) is { } attribute ? [.. attribute.Ints.Select(i => (int)i)] : otherwise;

    private static Tensor Constant(TensorProto tensor)
    {
        var bytes = tensor.RawData.Span;
        double[] values = (DataType)tensor.DataType switch
        {
            DataType.Float => Array.ConvertAll(MemoryMarshal.Cast<byte, float>(bytes).ToArray(), v => (double)v),
            DataType.Int32 => Array.ConvertAll(MemoryMarshal.Cast<byte, int>(bytes).ToArray(), v => (double)v),
            DataType.Int8 => Array.ConvertAll(MemoryMarshal.Cast<byte, sbyte>(bytes).ToArray(), v => (double)v),
            DataType.Uint8 => Array.ConvertAll(bytes.ToArray(), v => (double)v),
            var other => throw new NotSupportedException(other.ToString()),
        };
        return new Tensor([.. tensor.Dims.Select(d => (int)d)], values);
    }

    private sealed record Tensor(int[] Shape, double[] Values)
    {
        public Tensor Map(Func<double, double> f) => this with { Values = Array.ConvertAll(Values, v => f(v)) };
    }
}
