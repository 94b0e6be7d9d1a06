namespace Airbench.Onnx;

/// <summary>Walks the graphs of a model file, checks every tensor and operator in them, and notes what sizes follow from.</summary>
internal sealed class GraphReader(string path, TensorCheck tensors)
{
    private const int MaxDepth = 32;

    private static readonly HashSet<string> KnownDomains =
        ["", "ai.onnx", "ai.onnx.ml", "ai.onnx.preview.training", "ai.onnx.training", "com.microsoft", "com.microsoft.nchwc", "com.ms.internal.nhwc"];

    /// <summary>Domains of the functions that the file brings along.</summary>
    public HashSet<string> OwnDomains { get; } = new(StringComparer.Ordinal);

    /// <summary>A GraphProto.</summary>
    public GraphFacts Read(ReadOnlySpan<byte> bytes, int depth)
    {
        if (depth > MaxDepth)
        {
            throw new FormatException($"graphs are nested deeper than {MaxDepth} levels");
        }
        var facts = new GraphFacts();
        var graph = new ProtoReader(bytes);
        while (graph.Next())
        {
            switch (graph.Field)
            {
                case 1:
                    facts.Nodes.Add(Node(graph.Message(), depth));
                    break;
                case 5:
                    var tensor = tensors.Check(graph.Message());
                    facts.Constants[tensor.Name] = tensor;
                    break;
                case 11 or 12:
                    (graph.Field == 11 ? facts.Inputs : facts.Outputs).Add(ValueReader.Read(graph.Message()));
                    break;
                case 15:
                    SparseTensor(graph.Message());
                    break;
            }
        }
        return facts;
    }

    /// <summary>A NodeProto.</summary>
    public NodeFacts Node(ReadOnlySpan<byte> bytes, int depth)
    {
        var (name, operation, domain) = ("", "", "");
        List<string> inputs = [], outputs = [];
        Dictionary<string, AttributeFacts> attributes = [];
        var node = new ProtoReader(bytes);
        while (node.Next())
        {
            switch (node.Field)
            {
                case 1:
                    inputs.Add(node.Text);
                    break;
                case 2:
                    outputs.Add(node.Text);
                    break;
                case 3:
                    name = node.Text;
                    break;
                case 4:
                    operation = node.Text;
                    break;
                case 5:
                    var (key, value) = Attribute(node.Message(), depth);
                    attributes[key] = value;
                    break;
                case 7:
                    domain = node.Text;
                    break;
            }
        }
        if (!KnownDomains.Contains(domain) && !OwnDomains.Contains(domain))
        {
            throw new InvalidFileException(path,
                $"uses the operator {operation} of the domain '{domain}', which ONNX Runtime does not have; custom operators are not loaded. " +
                "Export the model with standard operators");
        }
        return new NodeFacts(name, operation, domain, inputs, outputs, attributes);
    }

    /// <summary>An AttributeProto.</summary>
    public (string Name, AttributeFacts Facts) Attribute(ReadOnlySpan<byte> bytes, int depth)
    {
        var name = "";
        var facts = new AttributeFacts();
        var attribute = new ProtoReader(bytes);
        while (attribute.Next())
        {
            switch (attribute.Field)
            {
                case 1:
                    name = attribute.Text;
                    break;
                case 3:
                    facts.Int = attribute.Varint;
                    break;
                case 4 when attribute.Message().Length < 1000:
                    facts.Text = attribute.Text;
                    break;
                case 5 or 10:
                    facts.Tensor = tensors.Check(attribute.Message());
                    break;
                case 6 or 11:
                    facts.Graph = Read(attribute.Message(), depth + 1);
                    break;
                case 7 when facts.Floats.Count + attribute.CountFixed(4) <= ShortList.Most:   // a tree's thresholds are of no interest
                    attribute.AddFloats(facts.Floats, ShortList.Most);
                    break;
                case 8 when facts.Ints.Count + attribute.CountVarints() <= ShortList.Most:
                    attribute.AddVarints(facts.Ints, ShortList.Most);
                    break;
                case 22 or 23:
                    SparseTensor(attribute.Message());
                    break;
            }
        }
        return (name, facts);
    }

    private void SparseTensor(ReadOnlySpan<byte> bytes)
    {
        var sparse = new ProtoReader(bytes);
        List<long> dims = [];
        while (sparse.Next())
        {
            if (sparse.Field is 1 or 2)
            {
                tensors.Check(sparse.Message());
            }
            else if (sparse.Field == 3)
            {
                sparse.AddVarints(dims, TensorCheck.MaxRank);
            }
        }
        tensors.RequireModest("a sparse tensor", dims);   // ONNX Runtime makes it dense
    }
}
