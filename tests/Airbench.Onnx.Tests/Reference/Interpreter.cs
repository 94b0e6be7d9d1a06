using System.Runtime.InteropServices;
using System.Text;
using Airbench.Onnx.Proto;
using static Airbench.Onnx.Proto.TensorProto.Types;

namespace Airbench.Tests;

/// <summary>
/// Computes a model node by node in float64, after the definitions of the ONNX operators: those that forward and backward passes are made of, each
/// in its form of opsets 13 to 22. Slow on purpose.
/// </summary>
internal sealed class Interpreter
{
    private readonly GraphProto _graph;
    private readonly Dictionary<string, NdArray> _constants;

    public Interpreter(ModelProto model)
    {
        _graph = model.Graph;
        _constants = _graph.Initializer.ToDictionary(tensor => tensor.Name, Constant);
    }

    /// <summary>Values of the graph's outputs for these inputs.</summary>
    public IReadOnlyDictionary<string, NdArray> Run(IReadOnlyDictionary<string, NdArray> inputs)
    {
        var values = new Dictionary<string, NdArray>(_constants);
        foreach (var (name, value) in inputs)
        {
            values[name] = value;
        }
        foreach (var node in _graph.Node)
        {
            var results = new Node(node, [.. node.Input.Select(name => name.Length == 0 ? null : values[name])]).Compute();
            foreach (var (i, name) in node.Output.Index().Where(output => output.Item.Length > 0))
            {
                values[name] = results[i];
            }
        }
        return _graph.Output.ToDictionary(output => output.Name, output => values[output.Name]);
    }

    private static NdArray Constant(TensorProto tensor)
    {
        var bytes = tensor.RawData.Span;
        double[] values = (DataType)tensor.DataType switch
        {
            DataType.Float => Array.ConvertAll(MemoryMarshal.Cast<byte, float>(bytes).ToArray(), v => (double)v),
            DataType.Int64 => Array.ConvertAll(MemoryMarshal.Cast<byte, long>(bytes).ToArray(), v => (double)v),
            DataType.Bool => Array.ConvertAll(bytes.ToArray(), v => (double)v),
            var other => throw new NotSupportedException(other.ToString()),
        };
        return new NdArray([.. tensor.Dims.Select(d => (int)d)], values);
    }

    private sealed class Node(NodeProto node, NdArray?[] x)
    {
        public NdArray[] Compute()
        {
            switch (node.OpType)
            {
                case "Split":
                    return Split();
                case "MaxPool":
                    var (largest, chosen) = WindowReference.MaxPool(X(0), Windows(Ints("kernel_shape")!));
                    return [largest, chosen];
                case "LayerNormalization":
                    return LayerNormalization();
                case "Dropout":
                    return [X(0), X(0).Map(_ => 1)];
                default:
                    return [One()];
            }
        }

        private NdArray One() => node.OpType switch
        {
            "Relu" => Map(v => Math.Max(v, 0)),
            "LeakyRelu" => Map(v => v < 0 ? Float("alpha", 0.01) * v : v),
            "Elu" => Map(v => v < 0 ? Float("alpha", 1) * (Math.Exp(v) - 1) : v),
            "Sigmoid" => Map(v => 1 / (1 + Math.Exp(-v))),
            "HardSigmoid" => Map(v => Math.Clamp((Float("alpha", 0.2) * v) + Float("beta", 0.5), 0, 1)),
            "HardSwish" => Map(v => v * Math.Clamp((v / 6) + 0.5, 0, 1)),
            "Softplus" => Map(v => Math.Log(1 + Math.Exp(v))),
            "Tanh" => Map(Math.Tanh),
            "Erf" => Map(ReferenceNetwork.Erf),
            "Exp" => Map(Math.Exp),
            "Log" => Map(Math.Log),
            "Sqrt" => Map(Math.Sqrt),
            "Neg" => Map(v => -v),
            "Abs" => Map(Math.Abs),
            "Sign" => Map(v => Math.Sign(v)),
            "Reciprocal" => Map(v => 1 / v),
            "Gelu" => Map(v => Text("approximate", "none") == "tanh"
                ? v * (1 + Math.Tanh(Math.Sqrt(2 / Math.PI) * (v + (0.044715 * v * v * v)))) / 2 : v * (1 + ReferenceNetwork.Erf(v / Math.Sqrt(2))) / 2),
            "Identity" => X(0),
            "Cast" => (DataType)Int("to", 0) switch
            {
                DataType.Bool => Map(v => v != 0 ? 1 : 0),
                DataType.Int64 or DataType.Int32 => Map(Math.Truncate),
                _ => X(0),
            },
            "Clip" => Map(v => Math.Min(Math.Max(v, Has(1) ? X(1).Values[0] : double.NegativeInfinity), Has(2) ? X(2).Values[0] : double.PositiveInfinity)),
            "Add" => Zip((a, b) => a + b),
            "Sub" => Zip((a, b) => a - b),
            "Mul" => Zip((a, b) => a * b),
            "Div" => Zip((a, b) => a / b),
            "Pow" => Zip(Math.Pow),
            "PRelu" => Zip((v, slope) => v < 0 ? slope * v : v),
            "Greater" => Zip((a, b) => a > b ? 1 : 0),
            "Less" => Zip((a, b) => a < b ? 1 : 0),
            "Equal" => Zip((a, b) => a == b ? 1 : 0),
            "And" => Zip((a, b) => a != 0 && b != 0 ? 1 : 0),
            "Sum" => All((a, b) => a + b),
            "Mean" => All((a, b) => a + b).Map(v => v / x.Length),
            "Max" => All(Math.Max),
            "Min" => All(Math.Min),
            "Where" => Where(),
            "Reshape" => Reshape(),
            "Flatten" => Int("axis", 1) is var axis ? X(0).Reshape([NdArray.Size(X(0).Shape.Take(Front((int)axis))), NdArray.Size(X(0).Shape.Skip(Front((int)axis)))]) : null!,
            "Squeeze" => X(0).Reshape([.. X(0).Shape.Where((extent, i) => Has(1) ? !X(1).Ints.Select(Front).Contains(i) : extent != 1)]),
            "Unsqueeze" => Unsqueeze(),
            "Transpose" => X(0).Transpose(Ints("perm") ?? [.. Enumerable.Range(0, X(0).Rank).Reverse()]),
            "Expand" => X(0).Broadcast(NdArray.BroadcastShape([X(0).Shape, X(1).Ints])),
            "Concat" => NdArray.Concat(x!, Front((int)Int("axis", 0))),
            "Slice" => Slice(),
            "Pad" => Pad(),
            "Gather" => Gather(),
            "Shape" => NdArray.List(X(0).Shape.Select(extent => (double)extent)),
            "Size" => NdArray.Scalar(X(0).Values.Length),
            "ConstantOfShape" => NdArray.Of(X(0).Ints, _ => Find("value") is { } value ? Constant(value.T).Values[0] : 0),
            "ScatterElements" => Scatter(),
            "ReduceSum" => Reduce(values => values.Sum()),
            "ReduceMean" => Reduce(values => values.Average()),
            "ReduceMax" => Reduce(values => values.Max()),
            "ReduceMin" => Reduce(values => values.Min()),
            "ReduceProd" => Reduce(values => values.Aggregate((a, b) => a * b)),
            "GlobalAveragePool" => X(0).Reduce(Spatial, values => values.Average()),
            "GlobalMaxPool" => X(0).Reduce(Spatial, values => values.Max()),
            "Softmax" => Softmax(),
            "LogSoftmax" => Softmax().Map(Math.Log),
            "MatMul" => NdArray.MatMul(X(0), X(1)),
            "Gemm" => Gemm(),
            "Conv" => WindowReference.Conv(X(0), X(1), Has(2) ? X(2) : null, (int)Int("group", 1), Windows(X(1).Shape[2..])),
            "ConvTranspose" => WindowReference.ConvTranspose(
                X(0), X(1), (int)Int("group", 1), Windows(X(1).Shape[2..]), Ints("output_padding") ?? new int[X(0).Rank - 2]),
            "AveragePool" => WindowReference.AveragePool(X(0), Windows(Ints("kernel_shape")!), Int("count_include_pad", 0) != 0),
            "BatchNormalization" => BatchNormalization(),
            _ => throw new NotSupportedException(node.OpType),
        };

        private NdArray X(int input) => x[input]!;

        private bool Has(int input) => input < x.Length && x[input] is not null;

        private int[] Spatial => [.. Enumerable.Range(2, X(0).Rank - 2)];

        private int Front(int axis) => axis < 0 ? axis + X(0).Rank : axis;

        private NdArray Map(Func<double, double> f) => X(0).Map(f);

        private NdArray Zip(Func<double, double, double> f) => NdArray.Zip(X(0), X(1), f);

        private NdArray All(Func<double, double, double> f) => x.Select(value => value!).Aggregate((a, b) => NdArray.Zip(a, b, f));

        private NdArray Where()
        {
            var shape = NdArray.BroadcastShape(x.Select(value => value!.Shape));
            var (condition, yes, no) = (X(0).Broadcast(shape), X(1).Broadcast(shape), X(2).Broadcast(shape));
            return NdArray.Of(shape, i => condition.Values[i] != 0 ? yes.Values[i] : no.Values[i]);
        }

        private NdArray Reshape()
        {
            int[] shape = [.. X(1).Ints.Select((extent, axis) => extent == 0 ? X(0).Shape[axis] : extent)];
            var known = NdArray.Size(shape.Where(extent => extent >= 0));
            return X(0).Reshape([.. shape.Select(extent => extent < 0 ? X(0).Values.Length / known : extent)]);
        }

        private NdArray Unsqueeze()
        {
            var rank = X(0).Rank + X(1).Ints.Length;
            var added = X(1).Ints.Select(axis => axis < 0 ? axis + rank : axis).ToHashSet();
            var rest = new Queue<int>(X(0).Shape);
            return X(0).Reshape([.. Enumerable.Range(0, rank).Select(axis => added.Contains(axis) ? 1 : rest.Dequeue())]);
        }

        private NdArray[] Split()
        {
            var axis = Front((int)Int("axis", 0));
            var count = (int)Int("num_outputs", node.Output.Count);
            var extent = X(0).Shape[axis];
            var even = (extent + count - 1) / count;
            int[] sizes = Has(1) ? X(1).Ints : [.. Enumerable.Range(0, count).Select(i => Math.Min(even, extent - (i * even)))];
            return [.. sizes.Select((size, i) => X(0).Slice(axis, sizes[..i].Sum(), size))];
        }

        private NdArray Slice()
        {
            var result = X(0);
            for (var i = 0; i < X(1).Values.Length; i++)
            {
                var axis = Has(3) ? Front(X(3).Ints[i]) : i;
                var (step, extent) = (Has(4) ? X(4).Ints[i] : 1, result.Shape[axis]);
                var (start, end) = (At(X(1).Values[i]), At(X(2).Values[i]));
                start = Math.Clamp(start, 0, step > 0 ? extent : extent - 1);
                end = step > 0 ? Math.Clamp(end, 0, extent) : Math.Clamp(end, -1, extent - 1);
                result = result.Slice(axis, (int)start, (int)Math.Max(0, Math.Ceiling((end - start) / step)), step);

                double At(double position) => position < 0 ? position + extent : position;
            }
            return result;
        }

        /// <summary>Constants around; negative pads take away.</summary>
        private NdArray Pad()
        {
            if (Text("mode", "constant") != "constant")
            {
                throw new NotSupportedException("Pad with another mode");
            }
            var rank = X(0).Rank;
            int[] axes = Has(3) ? [.. X(3).Ints.Select(Front)] : [.. Enumerable.Range(0, rank)];
            var (begin, end, pads) = (new int[rank], new int[rank], X(1).Ints);
            for (var i = 0; i < axes.Length; i++)
            {
                (begin[axes[i]], end[axes[i]]) = (pads[i], pads[axes.Length + i]);
            }
            return X(0).Pick([.. X(0).Shape.Select((extent, axis) => extent + begin[axis] + end[axis])], at =>
            {
                int[] from = [.. at.Select((position, axis) => position - begin[axis])];
                return from.Index().All(p => p.Item >= 0 && p.Item < X(0).Shape[p.Index]) ? X(0).Index(from) : -1;
            }, Has(2) ? X(2).Values[0] : 0);
        }

        private NdArray Gather()
        {
            var axis = Front((int)Int("axis", 0));
            var indices = X(1);
            return NdArray.From([.. X(0).Shape[..axis], .. indices.Shape, .. X(0).Shape[(axis + 1)..]], at =>
            {
                var index = (int)indices[at[axis..(axis + indices.Rank)]];
                return X(0)[[.. at[..axis], index < 0 ? index + X(0).Shape[axis] : index, .. at[(axis + indices.Rank)..]]];
            });
        }

        /// <summary>Of lists only.</summary>
        private NdArray Scatter()
        {
            var values = X(0).Values.ToArray();
            foreach (var (index, value) in X(1).Ints.Zip(X(2).Values))
            {
                values[index] = Text("reduction", "none") == "add" ? values[index] + value : value;
            }
            return X(0) with { Values = values };
        }

        private NdArray Reduce(Func<IReadOnlyList<double>, double> f)
        {
            var axes = Ints("axes") ?? (Has(1) ? X(1).Ints : []);
            if (axes.Length == 0)
            {
                axes = Int("noop_with_empty_axes", 0) != 0 ? [] : [.. Enumerable.Range(0, X(0).Rank)];
            }
            axes = [.. axes.Select(Front)];
            var reduced = X(0).Reduce(axes, f);
            return Int("keepdims", 1) != 0 ? reduced : reduced.Reshape([.. reduced.Shape.Where((_, axis) => !axes.Contains(axis))]);
        }

        private NdArray Softmax()
        {
            int[] axis = [Front((int)Int("axis", -1))];
            var powers = NdArray.Zip(X(0), X(0).Reduce(axis, values => values.Max()), (v, max) => Math.Exp(v - max));
            return NdArray.Zip(powers, powers.Reduce(axis, values => values.Sum()), (v, sum) => v / sum);
        }

        private NdArray Gemm()
        {
            var a = Int("transA", 0) != 0 ? X(0).Transpose([1, 0]) : X(0);
            var b = Int("transB", 0) != 0 ? X(1).Transpose([1, 0]) : X(1);
            var product = NdArray.MatMul(a, b).Map(v => v * Float("alpha", 1));
            return Has(2) ? NdArray.Zip(product, X(2), (v, c) => v + (Float("beta", 1) * c)) : product;
        }

        private NdArray BatchNormalization()
        {
            int[] shape = [X(1).Values.Length, .. Enumerable.Repeat(1, X(0).Rank - 2)];
            var epsilon = Float("epsilon", 1e-5);
            var factor = NdArray.Zip(X(1), X(4), (scale, variance) => scale / Math.Sqrt(variance + epsilon)).Reshape(shape);
            var centred = NdArray.Zip(X(0), X(3).Reshape(shape), (v, mean) => v - mean);
            return NdArray.Zip(NdArray.Zip(centred, factor, (v, f) => v * f), X(2).Reshape(shape), (v, bias) => v + bias);
        }

        private NdArray[] LayerNormalization()
        {
            var axis = Front((int)Int("axis", -1));
            int[] axes = [.. Enumerable.Range(axis, X(0).Rank - axis)];
            var epsilon = Float("epsilon", 1e-5);
            var mean = X(0).Reduce(axes, values => values.Average());
            var centred = NdArray.Zip(X(0), mean, (v, m) => v - m);
            var inverse = centred.Reduce(axes, values => 1 / Math.Sqrt(values.Average(v => v * v) + epsilon));
            var scaled = NdArray.Zip(NdArray.Zip(centred, inverse, (v, i) => v * i), X(1), (v, scale) => v * scale);
            return [Has(2) ? NdArray.Zip(scaled, X(2), (v, bias) => v + bias) : scaled, mean, inverse];
        }

        /// <summary>With auto_pad resolved.</summary>
        private WindowReference.Setting Windows(int[] kernel)
        {
            var rank = kernel.Length;
            var (ones, pads, input) = (Enumerable.Repeat(1, rank).ToArray(), Ints("pads") ?? new int[2 * rank], X(0).Shape[2..]);
            var setting = new WindowReference.Setting(
                kernel, Ints("strides") ?? ones, Ints("dilations") ?? ones, pads[..rank], pads[rank..], Int("ceil_mode", 0) != 0);
            var mode = Text("auto_pad", "NOTSET");
            if (mode is not ("SAME_UPPER" or "SAME_LOWER"))
            {
                return setting;
            }
            int[] total = [.. Enumerable.Range(0, rank).Select(axis => Math.Max(0,
                ((((input[axis] + setting.Strides[axis] - 1) / setting.Strides[axis]) - 1) * setting.Strides[axis]) + ((kernel[axis] - 1) * setting.Dilations[axis]) + 1 - input[axis]))];
            int[] less = [.. total.Select(t => t / 2)], more = [.. total.Select(t => t - (t / 2))];
            return mode == "SAME_UPPER" ? setting with { Begin = less, End = more } : setting with { Begin = more, End = less };
        }

        private long Int(string name, long otherwise) => Find(name)?.I ?? otherwise;

        private double Float(string name, double otherwise) => Find(name)?.F ?? otherwise;

        private string Text(string name, string otherwise) => Find(name) is { } attribute ? Encoding.UTF8.GetString(attribute.S.Span) : otherwise;

        private int[]? Ints(string name) => Find(name) is { } attribute ? [.. attribute.Ints.Select(i => (int)i)] : null;

        private AttributeProto? Find(string name) => node.Attribute.FirstOrDefault(attribute => attribute.Name == name);
    }
}
