using Airbench.Onnx;
using Airbench.Onnx.Proto;
using Google.Protobuf;

namespace Airbench.Tests;

public sealed class OnnxGraphTests
{
    /// <summary>a = Mystery(x, w), b = Relu(a), unused = Relu(w2), y = If(flag) with a body that reads b.</summary>
    private static OnnxGraph Graph()
    {
        var body = new GraphProto { Name = "body", Node = { Node("Neg", "inner", "b") } };
        var choice = Node("If", "y", "flag");
        choice.Attribute.Add(new AttributeProto { Name = "then_branch", Type = AttributeProto.Types.AttributeType.Graph, G = body });
        var mystery = Node("Mystery", "a", "x", "w");
        mystery.Domain = "some.where";
        mystery.Attribute.Add(new AttributeProto { Name = "text", Type = AttributeProto.Types.AttributeType.String, S = ByteString.CopyFromUtf8("kept") });
        return new OnnxGraph(new ModelProto
        {
            Graph = new GraphProto
            {
                Node = { mystery, Node("Relu", "b", "a"), Node("Relu", "unused", "w2"), choice },
                Initializer = { Constant("w"), Constant("w2") },
                Output = { new ValueInfoProto { Name = "y" } },
            },
        });
    }

    [Fact]
    public void A_field_that_our_part_of_the_format_does_not_have_is_kept()
    {
        byte[] strings = [0x4A, 0x02, (byte)'h', (byte)'i'];   // field 9 of AttributeProto: strings
        var attribute = AttributeProto.Parser.ParseFrom([.. new AttributeProto { Name = "names" }.ToByteArray(), .. strings]);
        var graph = Graph();
        graph.Nodes[0].Attribute.Add(attribute);

        var copy = new OnnxGraph(ModelProto.Parser.ParseFrom(graph.Clone().Model.ToByteArray()));

        Assert.Equal(graph.Model.ToByteArray(), copy.Model.ToByteArray());
        Assert.EndsWith(Convert.ToHexString(strings), Convert.ToHexString(copy.Nodes[0].Attribute[1].ToByteArray()), StringComparison.Ordinal);
    }

    [Fact]
    public void It_knows_who_gives_and_who_reads_a_value_also_inside_of_a_branch()
    {
        var graph = Graph();

        Assert.Equal("Mystery", graph.Producer("a")!.OpType);
        Assert.Null(graph.Producer("x"));
        Assert.Equal(["If"], graph.Readers("b").Select(node => node.OpType));
        Assert.Empty(graph.Readers("y"));
        Assert.Equal((true, false), (graph.IsOutput("y"), graph.IsOutput("b")));
    }

    [Fact]
    public void What_leads_to_no_output_is_dropped_and_what_a_branch_reads_is_not()
    {
        var graph = Graph();
        graph.RemoveUnused();

        Assert.Equal(["a", "b", "y"], graph.Nodes.Select(node => node.Output[0]));
        Assert.Equal(["w"], graph.Constants.Select(tensor => tensor.Name));
        Assert.Null(graph.Constant("w2"));
    }

    [Fact]
    public void Nodes_read_other_values_and_a_constant_comes_behind_another()
    {
        var graph = Graph();
        graph.ReplaceReads("a", "x");
        graph.AddConstant(Constant("v"), after: graph.Constant("w"));
        graph.AddInput(graph.Producer("b")!, "v");

        Assert.Equal(["x", "v"], graph.Producer("b")!.Input);
        Assert.Empty(graph.Readers("a"));
        Assert.Equal(["a", "b"], graph.Readers("x").Select(node => node.Output[0]));
        Assert.Equal(["w", "v", "w2"], graph.Constants.Select(tensor => tensor.Name));
    }

    private static TensorProto Constant(string name) => Tensors.Create<float>(name, TensorProto.Types.DataType.Float, [1]);

    private static NodeProto Node(string op, string output, params string[] inputs) =>
        new() { OpType = op, Name = output, Output = { output }, Input = { inputs } };
}
