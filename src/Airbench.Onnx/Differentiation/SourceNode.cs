using System.Text;
using Airbench.Onnx.Proto;
using static Airbench.Onnx.Proto.TensorProto.Types;

namespace Airbench.Onnx;

/// <summary>A node of the graph that is differentiated, with what is known of its inputs and outputs.</summary>
/// <param name="node">The node.</param>
/// <param name="shapes">Shapes of the graph's values.</param>
/// <param name="opset">Whose operators the graph is written in.</param>
internal class SourceNode(NodeProto node, ValueShapes shapes, int opset)
{
    /// <summary>The node.</summary>
    public NodeProto Node => node;

    /// <summary>Version of the operators of the default domain.</summary>
    public int Opset => opset;

    /// <summary>Whether an optional input is given.</summary>
    public bool Has(int input) => input < node.Input.Count && node.Input[input].Length > 0;

    /// <summary>Shape of an input; only where <see cref="Unknown"/> is null.</summary>
    public ValueShape In(int input = 0) => shapes[node.Input[input]]!;

    /// <summary>Shape of an output; only where <see cref="Unknown"/> is null.</summary>
    public ValueShape Out(int output = 0) => shapes[node.Output[output]]!;

    /// <summary>Name of the first value, of inputs and outputs, whose shape is not known; null where all are.</summary>
    public string? Unknown => node.Input.Concat(node.Output).FirstOrDefault(value => value.Length > 0 && shapes[value] is null);

    /// <summary>Whether an input can carry a gradient: a float tensor.</summary>
    public bool IsFloat(int input) => Has(input) && IsFloat(In(input).Type);

    /// <summary>Whether values of this type are real numbers.</summary>
    public static bool IsFloat(DataType type) => type is DataType.Float or DataType.Float16 or DataType.Double or DataType.Bfloat16;

    /// <summary>Content of an int64 input that follows from constants and fixed shapes; null where it is not given or not known.</summary>
    public IReadOnlyList<long>? Integers(int input) => Has(input) ? In(input).Integers : null;

    /// <summary>An attribute, or <paramref name="otherwise"/>.</summary>
    public long Int(string name, long otherwise) => Find(name) is { } attribute ? attribute.I : otherwise;

    /// <summary>An attribute, or <paramref name="otherwise"/>.</summary>
    public float Float(string name, float otherwise) => Find(name) is { } attribute ? attribute.F : otherwise;

    /// <summary>An attribute; null where it is not given.</summary>
    public long[]? Ints(string name) => Find(name) is { } attribute ? [.. attribute.Ints] : null;

    /// <summary>An attribute, or <paramref name="otherwise"/>.</summary>
    public string Text(string name, string otherwise) => Find(name) is { } attribute ? Encoding.UTF8.GetString(attribute.S.Span) : otherwise;

    /// <summary>The attribute <c>axis</c>, counted from the front, of a value of <paramref name="rank"/> dimensions.</summary>
    public int Axis(int otherwise, int rank) => (int)FromFront(Int("axis", otherwise), rank);

    /// <summary>An axis or index counted from the front.</summary>
    public static long FromFront(long index, long count) => index < 0 ? index + count : index;

    private AttributeProto? Find(string name) => node.Attribute.FirstOrDefault(attribute => attribute.Name == name);
}
