using Airbench.Onnx.Proto;

namespace Airbench.Onnx;

/// <summary>
/// A graph for inference, written anew with its backward pass. Only what leads from a constant that learns to the output is differentiated;
/// everything else is copied.
/// </summary>
/// <remarks>
/// Values and nodes get the names of the source with <see cref="Suffix"/> behind them, so that nothing that is added takes a name of the source.
/// Constants that learn must be in the graph that is written, under their own names.
/// </remarks>
internal sealed class BackwardPass
{
    /// <summary>Behind the names of values of the source.</summary>
    public const string Suffix = "/value";

    private const string RoiAlignMode = "coordinate_transformation_mode";
    private const int RoiAlignChange = 16;   // the one operator whose default is another in a newer opset, among 13 to 22

    private readonly OnnxGraph _source;
    private readonly ValueShapes _shapes;
    private readonly GraphBuilder _graph;
    private readonly int _opset;
    private readonly IReadOnlySet<string> _learned;
    private readonly MovingStatistics? _statistics;
    private readonly Dictionary<string, string> _names = [];                    // values of the source in the graph that is written
    private readonly HashSet<string> _reached = [];                             // values that depend on what learns
    private readonly List<(NodeProto Node, RuleScope Scope, Backward Backward)> _differentiated = [];

    /// <summary>Images in a batch that ways of computing are chosen for.</summary>
    public double Images { get; init; } = 16;

    /// <summary>Rules that stand in for the usual ones, by operator: those of a runtime that has gradient operators of its own.</summary>
    public IReadOnlyDictionary<string, Rule>? RulesInstead { get; init; }

    /// <summary>Prepares to write.</summary>
    /// <param name="source">The graph, which stays as it is.</param>
    /// <param name="shapes">Its shapes.</param>
    /// <param name="graph">Where to.</param>
    /// <param name="opset">Its operators; those of the source or newer ones.</param>
    /// <param name="learned">Constants that learn.</param>
    /// <param name="statistics">The batch norms that use the statistics of the batch; null where all keep the running ones.</param>
    public BackwardPass(
        OnnxGraph source, ValueShapes shapes, GraphBuilder graph, int opset, IReadOnlySet<string> learned, MovingStatistics? statistics = null) =>
        (_source, _shapes, _graph, _opset, _learned, _statistics) = (source, shapes, graph, opset, learned, statistics);

    /// <summary>Lets a value of the graph that is written stand for one of the source: an input, a constant that learns, a running statistic.</summary>
    public void Bind(string value, string written) => _names.Add(value, written);

    /// <summary>Writes what <paramref name="output"/> depends on, up to what is bound; returns its name.</summary>
    /// <exception cref="ArgumentException">It depends on an input of the source that is not bound, or no gradient comes to a constant that is to learn.</exception>
    public string Forward(string output)
    {
        var paths = new GradientPaths(_source, _shapes, output);
        if (_learned.FirstOrDefault(name => !paths.Reaches(name)) is { } unreached)
        {
            throw new ArgumentException($"no gradient comes from '{output}' to '{unreached}': {paths.Missing(unreached)?.ToString() ?? "it does not depend on it"}");
        }
        var nodes = Needed(output);
        _reached.UnionWith(_learned);
        foreach (var node in nodes.Where(node => node.Input.Any(_reached.Contains)))
        {
            _reached.UnionWith(node.Output.Where(value => value.Length > 0 && paths.Reaches(value)));
        }
        foreach (var (node, rule) in Together(nodes))
        {
            foreach (var constant in node.Input.Concat(OnnxGraph.ReadInside(node)).Select(_source.Constant).OfType<TensorProto>().Where(c => !_names.ContainsKey(c.Name)))
            {
                var copy = constant.Clone();
                copy.Name = constant.Name + Suffix;
                _names.Add(constant.Name, _graph.Initializer(copy, ""));
            }
            foreach (var value in node.Output.Where(value => value.Length > 0))
            {
                _names[value] = value + Suffix;
            }
            if (IsReached(node))
            {
                Differentiate(node, rule);
            }
            else
            {
                Copy(node);
            }
        }
        return _names[output];
    }

    /// <summary>Writes the way back; returns the gradients of the constants that learn. What the output does not depend on has none.</summary>
    /// <param name="output">The value that <see cref="Forward"/> wrote, by its name in the source.</param>
    /// <param name="gradient">Its gradient.</param>
    public IReadOnlyDictionary<string, string> Backward(string output, string gradient)
    {
        var arrived = new Dictionary<string, List<string>> { [output] = [gradient] };
        foreach (var (node, scope, backward) in Enumerable.Reverse(_differentiated))
        {
            string?[] gradients = [.. node.Output.Select(Arrived)];
            if (gradients.All(found => found is null))
            {
                continue;
            }
            foreach (var (input, found) in backward(gradients).Index().Where(pair => pair.Item is not null && scope.Wants(pair.Index)))
            {
                if (!arrived.TryGetValue(node.Input[input], out var sum))
                {
                    arrived[node.Input[input]] = sum = [];
                }
                sum.Add(found!);
            }
        }
        return _learned.Where(arrived.ContainsKey).ToDictionary(name => name, name => Arrived(name)!);

        string? Arrived(string value) => !arrived.TryGetValue(value, out var parts) ? null
            : parts.Count == 1 ? parts[0] : _graph.Node(parts.Count == 2 ? "Add" : "Sum", _graph.Unused($"grad/{value}/arrived"), [.. parts]);
    }

    private bool IsReached(NodeProto node) => node.Input.Any(_reached.Contains) && node.Output.Any(_reached.Contains);

    /// <summary>The nodes in their order; of those that a gradient goes through, functions that are spelled out are one, with its rule.</summary>
    private IEnumerable<(NodeProto Node, Rule? Rule)> Together(List<NodeProto> nodes)
    {
        var needed = nodes.ToHashSet();
        var whole = nodes.Where(IsReached).Select(node => Composites.Find(_source, node, Scalar))
            .OfType<Composite>().Where(found => found.Parts.All(needed.Contains)).ToDictionary(found => found.Parts[0]);
        var parts = whole.Values.SelectMany(found => found.Parts).ToHashSet();
        return nodes.Where(node => whole.ContainsKey(node) || !parts.Contains(node))
            .Select(node => whole.TryGetValue(node, out var found) ? (found.Node, found.Rule) : (node, (Rule?)null));

        float? Scalar(string name) =>
            !_names.ContainsKey(name) && _source.Constant(name) is { DataType: (int)TensorProto.Types.DataType.Float } tensor && tensor.Dims.Count <= 1 && tensor.Dims.All(extent => extent == 1)
                ? Tensors.ToFloats(tensor)[0] : null;
    }

    private void Differentiate(NodeProto node, Rule? own)
    {
        var facts = new SourceNode(node, _shapes, _opset);
        var rule = RulesInstead?.GetValueOrDefault(node.OpType) ?? own ?? Rules.For(facts, out _) ?? throw new InvalidOperationException($"{node.OpType} '{node.Name}' has no rule");
        bool[] wanted = [.. node.Input.Select((input, i) => _reached.Contains(input) && rule.Reaches(facts, i))];
        var moves = node.OpType == "BatchNormalization" && _statistics?.Tensors.Contains(node.Input[3]) == true;
        var scope = new RuleScope(
            node, _shapes, _opset, _graph, [.. node.Input.Select(NameOf)], [.. node.Output.Select(NameOf)], wanted, moves ? _statistics : null)
        {
            Images = Images,
        };
        _differentiated.Add((node, scope, rule.Write(scope)));
    }

    private string NameOf(string value) => value.Length == 0 ? "" : _names[value];

    private void Copy(NodeProto node)
    {
        var copy = node.Clone();
        copy.Name = node.Output.First(output => output.Length > 0) + Suffix;
        Rename(copy, value => _names.GetValueOrDefault(value, value));
        if (copy.OpType == "RoiAlign" && !copy.Attribute.Any(attribute => attribute.Name == RoiAlignMode) && GradientPaths.OpsetOf(_source) < RoiAlignChange)
        {
            copy.Attribute.Add(Attribute.Text(RoiAlignMode, "output_half_pixel"));
        }
        _graph.Add(copy);
    }

    /// <summary>Also in the bodies of an If or a Loop, whose own values keep their names.</summary>
    private static void Rename(NodeProto node, Func<string, string> name)
    {
        for (var i = 0; i < node.Input.Count; i++)
        {
            node.Input[i] = node.Input[i].Length == 0 ? "" : name(node.Input[i]);
        }
        for (var i = 0; i < node.Output.Count; i++)
        {
            node.Output[i] = node.Output[i].Length == 0 ? "" : name(node.Output[i]);
        }
        foreach (var inner in node.Attribute.Where(attribute => attribute.G is not null).SelectMany(attribute => attribute.G.Node))
        {
            Rename(inner, name);
        }
        foreach (var output in node.Attribute.Where(attribute => attribute.G is not null).SelectMany(attribute => attribute.G.Output))
        {
            output.Name = name(output.Name);
        }
    }

    /// <summary>The nodes behind a value, up to what is bound, in their order.</summary>
    private List<NodeProto> Needed(string output)
    {
        var needed = new HashSet<string> { output };
        var nodes = new List<NodeProto>();
        foreach (var node in _source.Nodes.Reverse().Where(node => node.Output.Any(value => needed.Contains(value) && !_names.ContainsKey(value))))
        {
            nodes.Add(node);
            needed.UnionWith(node.Input.Concat(OnnxGraph.ReadInside(node)));
        }
        if (_source.Model.Graph.Input.FirstOrDefault(input => needed.Contains(input.Name) && !_names.ContainsKey(input.Name) && _source.Constant(input.Name) is null) is { } missing)
        {
            throw new ArgumentException($"'{output}' also depends on the input '{missing.Name}'");
        }
        nodes.Reverse();
        return nodes;
    }
}
