namespace Airbench.Onnx;

/// <summary>
/// Bounds what one image may cost before anything is run: a few bytes of a file (pads, scales, a shape) can ask for more memory than any machine
/// has. Shapes are followed through the graph from the image on; what is unknown counts as little as it can be.
/// </summary>
internal sealed class SizeEstimate
{
    /// <summary>Most elements of one value for one image: 512 MiB in float32. 64 channels of 1024 x 1024 are half of that.</summary>
    public const long MaxElements = 1L << 27;

    /// <summary>Most multiply-adds for one image: a thousand times those of a ResNet-50 on 224-pixel images.</summary>
    public const long MaxWork = 1L << 42;

    /// <summary>Most nodes, functions written out: a function of functions of functions can stand for any number.</summary>
    private const int MaxNodes = 250_000;

    private const int MaxDepth = 32;

    /// <summary>Inputs of a loop before what it carries from turn to turn: how many turns, and whether it goes on.</summary>
    private const int LoopControls = 2;

    /// <summary>Turns of a loop that are followed one by one.</summary>
    private const int MaxTurns = 64;

    /// <summary>What a turn costs at least: ONNX Runtime needs microseconds to enter a graph.</summary>
    private const long TurnWork = 1 << 16;

    private readonly string _path;
    private readonly ModelFacts _facts;
    private readonly long _images;
    private int _nodes;

    private SizeEstimate(string path, ModelFacts facts, long images) => (_path, _facts, _images) = (path, facts, images);

    /// <summary>Checks a model.</summary>
    /// <param name="path">Its file, for messages.</param>
    /// <param name="facts">What was found in it.</param>
    /// <param name="input">Name of the image input.</param>
    /// <param name="shape">Extents of a call's images.</param>
    /// <param name="images">Images of that call.</param>
    /// <returns>Multiply-adds of the call, at least.</returns>
    /// <exception cref="InvalidFileException">It needs more than the bounds.</exception>
    public static long Check(string path, ModelFacts facts, string input, IReadOnlyList<long> shape, int images)
    {
        var main = new Scope(null);
        foreach (var given in facts.Graph.Inputs)
        {
            main.Shapes[given.Name] = given.Name == input ? [.. shape] : [.. given.Shape.Select(extent => Math.Clamp(extent, 1, Extents.Most))];
        }
        return new SizeEstimate(path, facts, images).Graph(facts.Graph, main);
    }

    private long Graph(GraphFacts graph, Scope scope)
    {
        foreach (var (name, constant) in graph.Constants)
        {
            scope.Shapes[name] = [.. constant.Shape];
            if (constant.Values is { } values)
            {
                scope.Numbers[name] = values;
            }
        }
        return Nodes(graph.Nodes, scope);
    }

    private long Nodes(IReadOnlyList<NodeFacts> nodes, Scope scope)
    {
        var total = 0L;
        foreach (var node in nodes)
        {
            var work = Node(node, scope);
            total = Math.Min(Extents.Most, total + work);
            if (total / _images > MaxWork)
            {
                throw new InvalidFileException(_path,
                    $"needs more than {MaxWork:N0} multiply-adds for an image, at least {work / _images:N0} of them in {node}; such a model is not run: " +
                    "its pads, scales, shapes and loops are larger than a classifier's");
            }
        }
        return total;
    }

    private long Node(NodeFacts node, Scope scope)
    {
        if (++_nodes > MaxNodes)
        {
            throw new InvalidFileException(_path, $"has more than {MaxNodes:N0} nodes when its functions are written out; such a model is not run");
        }
        if (_facts.Functions.TryGetValue((node.Domain, node.Operation), out var function))
        {
            return Function(node, function, scope);
        }
        var at = new NodeShapes(node, scope.Shape, scope.Number);
        var shapes = node.Domain is "" or "ai.onnx" or "com.microsoft" ? ShapeRules.Of(at) : [];
        for (var i = 0; i < shapes.Count && i < node.Outputs.Count; i++)
        {
            if (shapes[i] is not { } shape)
            {
                continue;
            }
            if (Extents.Elements(shape) / _images > MaxElements)
            {
                throw new InvalidFileException(_path,
                    $"makes a value of [{string.Join(", ", shape)}] in {node} for {Counted.Of(_images, "image")}; at most {MaxElements:N0} elements for an image are computed: " +
                    "its pads, scales or shapes are larger than a classifier's");
            }
            scope.Shapes[node.Outputs[i]] = shape;
        }
        if (node.Outputs.Count > 0 && NumberRules.Of(at) is { } numbers)
        {
            scope.Numbers[node.Outputs[0]] = numbers;
        }
        return Math.Min(Extents.Most, ShapeRules.Work(at, shapes) + Inside(node, scope));
    }

    /// <summary>A function's nodes, with the names that they have inside of it.</summary>
    private long Function(NodeFacts node, FunctionFacts function, Scope scope)
    {
        if (scope.Depth > MaxDepth)
        {
            throw new InvalidFileException(_path, $"has functions that call each other deeper than {MaxDepth} levels, at {node}; such a model is not run");
        }
        var inside = new Scope(null) { Depth = scope.Depth + 1 };
        for (var i = 0; i < node.Inputs.Count && i < function.Inputs.Count; i++)
        {
            inside.Set(function.Inputs[i], scope.Shape(node.Inputs[i]), scope.Number(node.Inputs[i]));
        }
        var work = Nodes(function.Nodes, inside);
        for (var i = 0; i < node.Outputs.Count && i < function.Outputs.Count; i++)
        {
            scope.Set(node.Outputs[i], inside.Shape(function.Outputs[i]), inside.Number(function.Outputs[i]));
        }
        return work;
    }

    /// <summary>The work of the graphs inside of a node; that of a loop as often as it says.</summary>
    private long Inside(NodeFacts node, Scope scope)
    {
        var total = 0L;
        foreach (var graph in node.Attributes.Values.Select(value => value.Graph).OfType<GraphFacts>())
        {
            var work = node.Operation == "Loop" ? Loop(node, graph, scope) : Graph(graph, new Scope(scope) { Depth = scope.Depth });
            total = Math.Min(Extents.Most, total + work);
        }
        return total;
    }

    /// <summary>
    /// The turns of a loop: one by one while what it carries grows, for a loop may double it every time; all others at once.
    /// Exporters write the largest integer where a condition ends the loop: that is one turn.
    /// </summary>
    private long Loop(NodeFacts node, GraphFacts body, Scope scope)
    {
        var turns = node.Inputs.Count > 0 && scope.Number(node.Inputs[0]) is [var count and < int.MaxValue] ? Extents.AtLeastOne(count) : 1;
        var carried = node.Inputs.Skip(LoopControls).Select(scope.Shape).ToList();
        var total = 0L;
        for (var turn = 0L; turn < turns; turn++)
        {
            var inside = new Scope(scope) { Depth = scope.Depth };
            foreach (var (input, shape) in body.Inputs.Skip(LoopControls).Zip(carried))
            {
                inside.Set(input.Name, shape, null);
            }
            var work = Math.Max(TurnWork, Graph(body, inside));
            var next = body.Outputs.Skip(1).Take(carried.Count).Select(output => inside.Shape(output.Name)).ToList();
            var isSteady = turn >= MaxTurns || next.Zip(carried).All(pair => pair.First is null || (pair.Second is not null && pair.First.SequenceEqual(pair.Second)));
            total = Math.Min(Extents.Most, total + Extents.Times(work, isSteady ? turns - turn : 1));
            if (isSteady)
            {
                break;
            }
            carried = next;
        }
        return total;
    }

    /// <summary>Values of a graph, and of those around it.</summary>
    private sealed class Scope(Scope? around)
    {
        public Dictionary<string, long[]> Shapes { get; } = new(StringComparer.Ordinal);

        public Dictionary<string, IReadOnlyList<double>> Numbers { get; } = new(StringComparer.Ordinal);

        /// <summary>Functions around it.</summary>
        public int Depth { get; init; }

        public void Set(string name, long[]? shape, IReadOnlyList<double>? numbers)
        {
            if (shape is not null)
            {
                Shapes[name] = shape;
            }
            if (numbers is not null)
            {
                Numbers[name] = numbers;
            }
        }

        public long[]? Shape(string name) => Shapes.TryGetValue(name, out var shape) ? shape : around?.Shape(name);

        public IReadOnlyList<double>? Number(string name) => Numbers.TryGetValue(name, out var numbers) ? numbers : around?.Number(name);
    }
}
