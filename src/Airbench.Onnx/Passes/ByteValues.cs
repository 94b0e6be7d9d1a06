using Airbench.Onnx.Proto;

namespace Airbench.Onnx;

/// <summary>
/// What happens to 8-bit values between quantized layers: which operators without weights run on bytes too, as all that they read is in bytes and
/// somebody wants bytes of what they give. The others stay in float, between a DequantizeLinear and a QuantizeLinear.
/// </summary>
/// <remarks>
/// The kinds are those for which ONNX Runtime has integer kernels: QLinearAdd, QLinearMul, QLinearConcat, QLinearAveragePool, QLinearGlobalAveragePool,
/// QLinearLeakyRelu, and those that only move values. A Flatten asks for nothing: behind it stands the head, and the mean before that costs next to
/// nothing and is more exact in float. SiLU stays in float as GELU does: its factor would be rounded before the product is. A gate on whole channels
/// (squeeze and excitation) is computed in float, being small, and multiplies bytes.
/// </remarks>
internal sealed class ByteValues
{
    /// <summary>Operators that compute on bytes; their result has a range of its own.</summary>
    private static readonly HashSet<string> Computing = ["Add", "Mul", "Concat", "AveragePool", "GlobalAveragePool", "LeakyRelu"];

    /// <summary>Operators that give some of the bytes that they read, in the same steps.</summary>
    private static readonly HashSet<string> Moving = ["MaxPool", "Reshape", "Transpose", "Squeeze", "Unsqueeze", "Slice"];

    private readonly QuantizableLayers _source;
    private readonly IReadOnlySet<string> _layers;
    private readonly HashSet<NodeProto> _chosen = [];

    /// <summary>Follows the bytes.</summary>
    /// <param name="source">The model.</param>
    /// <param name="layers">Names of the layers that are quantized.</param>
    public ByteValues(QuantizableLayers source, IReadOnlySet<string> layers)
    {
        (_source, _layers) = (source, layers);
        var nodes = source.Graph.Nodes;
        var possible = nodes.Where(IsQuantized).SelectMany(layer => (string?[])[layer.Input[0], source.QuantizedOutput(layer)]).OfType<string>().ToHashSet(StringComparer.Ordinal);
        var candidates = new HashSet<NodeProto>();
        foreach (var node in nodes.Where(IsMovingOrComputing).Where(node => Read(node).All(value => possible.Contains(value) || IsGate(node, value))))
        {
            candidates.Add(node);
            possible.Add(Result(node));
        }
        var wanted = new HashSet<string>(StringComparer.Ordinal);   // by some integer kernel
        foreach (var node in nodes.Reverse())
        {
            // Bytes are less to copy than floats, so a max pool and a concatenation take them whether or not somebody wants the result so.
            if (candidates.Contains(node) && (node.OpType is "MaxPool" or "Concat" || wanted.Contains(Result(node))))
            {
                _chosen.Add(node);
            }
            if (_chosen.Contains(node) || IsQuantized(node))
            {
                wanted.UnionWith(Read(node));
            }
        }
    }

    /// <summary>Whether a node without weights gives bytes in the steps of those that it reads.</summary>
    public bool Moves(NodeProto node) => _chosen.Contains(node) && Moving.Contains(node.OpType);

    /// <summary>Values around a node without weights that need a range of their own, but for those that a layer reads or gives.</summary>
    public IEnumerable<string> OwnRanges(NodeProto node) => OwnRange(node) is { } result ? Read(node).Where(value => IsGate(node, value)).Append(result) : [];

    /// <summary>The value behind a node without weights that needs a range of its own; null where the node stays in float or has none.</summary>
    public string? OwnRange(NodeProto node) => _chosen.Contains(node) && Computing.Contains(node.OpType) ? Result(node) : null;

    private bool IsQuantized(NodeProto node) => _layers.Contains(node.Name) && QuantizableLayers.IsLayer(node);

    /// <summary>All that such a node reads has to change with the image: a constant has no byte form.</summary>
    private bool IsMovingOrComputing(NodeProto node) => node.Domain.Length == 0 && node.Output.Count == 1
        && (Moving.Contains(node.OpType) || (Computing.Contains(node.OpType) && node.Input.All(input => _source.Graph.Constant(input) is null)));

    /// <summary>The images that a node reads: not shapes, axes and weights.</summary>
    private IEnumerable<string> Read(NodeProto node) => IsQuantized(node) || Moving.Contains(node.OpType) ? [node.Input[0]] : node.Input;

    /// <summary>Whether a product takes a factor from 0 to 1 that is made of something else than its other factor.</summary>
    private bool IsGate(NodeProto product, string value) => product.OpType == "Mul"
        && _source.Graph.Producer(value) is { OpType: "Sigmoid" or "HardSigmoid", Domain: "" } gate && !product.Input.Contains(gate.Input[0]);

    private string Result(NodeProto node) => Moving.Contains(node.OpType) ? node.Output[0] : _source.QuantizedOutput(node)!;
}
