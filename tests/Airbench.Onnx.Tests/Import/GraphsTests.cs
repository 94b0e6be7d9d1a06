using Airbench.Onnx;
using Airbench.Onnx.Proto;

namespace Airbench.Tests;

public class GraphsTests
{
    [Fact]
    public void A_node_may_be_called_as_a_value_is_and_inner_graphs_follow()
    {
        // An inner graph reads a value of the outer one, and the second input of its Clip is left out.
        var body = new GraphProto
        {
            Node = { new NodeProto { OpType = "Clip", Name = "pixels", Input = { "pixels", "", "limit" }, Output = { "inside" } } },
            Output = { new ValueInfoProto { Name = "inside" } },
        };
        var branch = new AttributeProto { Name = "then_branch", G = body };
        var graph = new GraphProto
        {
            Input = { new ValueInfoProto { Name = "pixels" } },
            Initializer = { new TensorProto { Name = "limit" } },
            Node = { new NodeProto { OpType = "If", Name = "features", Input = { "flag" }, Output = { "features" }, Attribute = { branch } }, new NodeProto { OpType = "Relu", Input = { "features" }, Output = { "y" } } },
        };

        Graphs.Rename(graph, name => $"v/{name}", name => $"n/{name}");

        Assert.Equal(("v/pixels", "v/limit"), (graph.Input[0].Name, graph.Initializer[0].Name));
        Assert.Equal(("n/features", "v/flag", "v/features", "v/features"), (graph.Node[0].Name, graph.Node[0].Input[0], graph.Node[0].Output[0], graph.Node[1].Input[0]));
        Assert.Equal("n/pixels", body.Node[0].Name);
        Assert.Equal(["v/pixels", "", "v/limit"], body.Node[0].Input);
        Assert.Equal(("v/inside", "v/inside"), (body.Node[0].Output[0], body.Output[0].Name));
    }
}
