using System.Globalization;
using Airbench.Onnx.Proto;
using static Airbench.Onnx.Proto.TensorProto.Types;

namespace Airbench.Onnx;

/// <summary>
/// Puts test-time augmentation into a model of any precision: the same input and outputs, with several views of each image voting inside.
/// The network and its weights are stored once.
/// </summary>
/// <remarks>
/// <see cref="Tta.MirrorTranslate"/> is one pass over all views of all images. <see cref="Tta.Adaptive"/> is a loop around the network: a pass
/// over the images and, where there are low-confidence ones, a second one over their other views. So no operator gets a batch of no images, which
/// not every runtime takes (ONNX Runtime on WebGPU does not). An If around a second copy of the network would do the same, but ONNX Runtime lays
/// out only those weights for the processor that are in the same graph as the convolution.
/// Views are made of the value that the network's own preparation (layout, size) leaves, in pixels.
/// </remarks>
internal sealed class Voting
{
    private const string Logits = "logits";

    /// <summary>Names of numbers of images: all, and the low-confidence ones.</summary>
    private const string All = GraphBuilder.Batch;
    private const string InDoubt = "in_doubt";

    private static readonly View[] OtherViews = [.. TestTimeAugmentation.Views(Tta.Adaptive).Skip(1)];

    private readonly NodeProto[] _head;   // up to the source
    private readonly NodeProto[] _body;   // from there to the logits
    private readonly NodeProto[] _tail;   // behind them
    private readonly NetworkInput _source;
    private readonly int _classes;
    private readonly ModelProto _model;
    private readonly HashSet<string> _picked = [];   // rows and columns that were read already
    private GraphBuilder _graph;   // being written: of the model, or one inside of it

    private Voting(OnnxGraph graph, NetworkInput source)
    {
        var nodes = graph.Nodes.ToArray();
        var first = Array.FindIndex(nodes, node => node.Output.Contains(source.Value)) + 1;   // 0 where the source is the input
        var last = Array.FindIndex(nodes, node => node.Output.Contains(Logits));
        (_source, _head, _body, _tail) = (source, nodes[..first], nodes[first..(last + 1)], nodes[(last + 1)..]);
        _classes = (int)graph.Model.Graph.Output.Single(output => output.Name == Logits).Type.TensorType.Shape.Dim[1].DimValue;
        _model = graph.WithoutNodes().Model;
        _graph = new GraphBuilder(_model.Graph);
    }

    /// <summary>The graph with views that vote.</summary>
    /// <param name="graph">A model of ours, of any precision.</param>
    /// <param name="source">The value that the views are made of; see <see cref="NetworkInput.Of"/>.</param>
    /// <param name="tta"><see cref="Tta.MirrorTranslate"/> or <see cref="Tta.Adaptive"/>.</param>
    /// <param name="threshold">For the latter: images whose unaugmented softmax confidence is below this get all views.</param>
    public static OnnxGraph Apply(OnnxGraph graph, NetworkInput source, Tta tta, double threshold = 0)
    {
        var pass = new Voting(graph, source);
        if (tta == Tta.Adaptive)
        {
            pass.WriteAdaptive((float)threshold);
        }
        else
        {
            pass.Add(pass._head);
            pass.WriteAllViews(TestTimeAugmentation.Views(tta));
        }
        pass.Add(pass._tail);
        return new OnnxGraph(pass._model);
    }

    private void WriteAllViews(IReadOnlyList<View> views)
    {
        var drawn = Draw(views, _source.Value, $"{views.Count}{All}"); // (6N, 3, S, S)
        var logits = AddNetwork(drawn, "views/logits");                // (6N, K)
        Sum(views, logits, All, Logits);                               // (N, K)
    }

    /// <summary>A loop of at most two passes. What goes from one to the next are the logits of all images and which of them are in doubt.</summary>
    private void WriteAdaptive(float threshold)
    {
        var weights = TakeWeights();
        Add(_head);
        var main = _graph;
        var go = main.Initializer(Tensors.Create<bool>("pass.go", DataType.Bool, [true]), "");
        var noLogits = main.Initializer("pass.no_logits", new float[_classes], 1, _classes);
        var noDoubt = main.Initializer(Tensors.Create<bool>("pass.no_doubt", DataType.Bool, [false], 1), "");

        _graph = main.Inner("pass");
        var number = _graph.FixedInput("pass", DataType.Int64);
        _graph.FixedInput("pass/is_wanted", DataType.Bool);
        var plain = _graph.FixedInput("plain/logits", DataType.Float, "scored", _classes);   // (N, K) from the second pass on
        var doubt = _graph.FixedInput("plain/in_doubt", DataType.Bool, "scored");
        weights.ForEach(tensor => _graph.Initializer(tensor, ""));
        var isFirst = _graph.Node("Less", "pass/is_first", [number, _graph.Integer("pass.second", 1)]);
        var batch = If("pass/images", isFirst, _source.Type, ["shown", 3, _source.Size, _source.Size],
            () => _graph.Node("Identity", "pass/all_images", [_source.Value]), () => DrawInDoubt(doubt));
        var scores = AddNetwork(batch, "pass/logits");
        var logits = If("voted/logits", isFirst, DataType.Float, [All, _classes],
            () => _graph.Node("Identity", "pass/plain", [scores]), () => Vote(plain, doubt, scores));
        var isInDoubt = IsInDoubt(logits, threshold);
        var count = SumOver(axis: 0, "voted/count", Float("voted/counted", isInDoubt));
        _graph.FixedOutput(_graph.Node("Less", "voted/is_any", [_graph.Scalar("pass.half", 0.5f), count]), DataType.Bool);
        _graph.FixedOutput(logits, DataType.Float, All, _classes);
        _graph.FixedOutput(isInDoubt, DataType.Bool, All);
        var body = _graph.AsAttribute("body");

        _graph = main;
        _graph.Node("Loop", "passes", [_graph.Integer("pass.count", 2), go, noLogits, noDoubt], [Logits, "passes/in_doubt"], [body]);
    }

    /// <summary>The constants that the network alone reads, taken out of the model.</summary>
    private List<TensorProto> TakeWeights()
    {
        var others = _head.Concat(_tail).SelectMany(node => node.Input).ToHashSet();
        var network = _body.SelectMany(node => node.Input).Where(input => !others.Contains(input)).ToHashSet();
        var weights = _model.Graph.Initializer.Where(tensor => network.Contains(tensor.Name)).ToList();
        weights.ForEach(tensor => _model.Graph.Initializer.Remove(tensor));
        _graph = new GraphBuilder(_model.Graph);
        return weights;
    }

    private string If(string name, string condition, DataType type, IReadOnlyList<Extent> extents, Func<string> then, Func<string> otherwise)
    {
        var around = _graph;
        AttributeProto[] branches = [Branch("then_branch", then), Branch("else_branch", otherwise)];
        return around.Node("If", name, [condition], branches);

        AttributeProto Branch(string attribute, Func<string> write)
        {
            _graph = around.Inner($"{name}/{attribute}");
            _graph.FixedOutput(write(), type, extents);
            var branch = _graph.AsAttribute(attribute);
            _graph = around;
            return branch;
        }
    }

    /// <summary>The other views of the images in doubt, (5M, 3, S, S).</summary>
    private string DrawInDoubt(string doubt)
    {
        var rows = Rows("drawn", doubt);
        var images = _graph.Node("Gather", "drawn/images", [_source.Value, rows], [Attribute.Int("axis", 0)]);   // (M, 3, S, S)
        return Draw(OtherViews, images, $"{OtherViews.Length}{InDoubt}");
    }

    /// <summary>The logits with those of the images in doubt replaced by the vote of all their views, (N, K).</summary>
    private string Vote(string plain, string doubt, string scores)
    {
        var rows = Rows("doubt", doubt);
        var sum = Sum(OtherViews, scores, InDoubt, "views/sum");       // (M, K)
        var own = _graph.Node("Gather", "doubt/plain", [plain, rows], [Attribute.Int("axis", 0)]);
        var weighted = _graph.Node("Mul", "doubt/weighted", [own, _graph.Scalar("doubt.weight", TestTimeAugmentation.Views(Tta.Adaptive)[0].Weight)]);
        var voted = _graph.Node("Add", "doubt/voted", [sum, weighted]);
        var places = _graph.Node("Unsqueeze", "doubt/places", [rows, _graph.Integers("axis.1", 1)]);   // (M, 1)
        return _graph.Node("ScatterND", "doubt/logits", [plain, places, voted]);
    }

    /// <summary>Indices of the images in doubt, (M).</summary>
    private string Rows(string prefix, string doubt)
    {
        var indices = _graph.Shape(_graph.Node("NonZero", $"{prefix}/indices", [doubt]), DataType.Int64, "1", InDoubt);
        return _graph.Node("Squeeze", $"{prefix}/rows", [indices, _graph.Integers("axis.0", 0)]);
    }

    /// <summary>Whether each image's best class is not sure enough, that is, every class.</summary>
    /// <remarks>ReduceMax would be shorter, but it takes its axes in another way from opset 18 on.</remarks>
    private string IsInDoubt(string logits, float threshold)
    {
        var probabilities = _graph.Node("Softmax", "voted/probabilities", [logits], [Attribute.Int("axis", 1)]);
        var isBelow = _graph.Node("Less", "voted/is_below", [probabilities, _graph.Scalar("doubt.threshold", threshold)]);
        var below = SumOver(axis: 1, "voted/below", Float("voted/ones", isBelow));
        return _graph.Node("Less", "voted/in_doubt", [_graph.Scalar("doubt.all", _classes - 0.5f), below]);
    }

    private string Float(string name, string value) => _graph.Node("Cast", name, [value], [Attribute.Int("to", (long)DataType.Float)]);

    private string SumOver(int axis, string name, string value, string? output = null) =>
        _graph.Node("ReduceSum", name, [value, _graph.Integers($"axis.{axis}", axis)], [Attribute.Int("keepdims", 0)], output);

    /// <summary>The views of <paramref name="images"/>, one after the other, each of all images.</summary>
    private string Draw(IReadOnlyList<View> views, string images, string count)
    {
        var drawn = _graph.Node("Concat", "views", [.. views.Select(view => Draw(view, images))], [Attribute.Int("axis", 0)]);
        return _graph.Shape(drawn, _source.Type, count, "3", Text(_source.Size), Text(_source.Size));
    }

    private string Draw(View view, string images)
    {
        var shifted = view.Shift == 0 ? images : Pick($"views/rows{Sign(view.Shift)}", images, axis: 2, view with { Mirror = false });
        return view is { Shift: 0, Mirror: false } ? images : Pick($"views/{Name(view)}", shifted, axis: 3, view);
    }

    /// <summary>Rows (axis 2) or columns (axis 3) of images, read where the view reads them.</summary>
    private string Pick(string name, string images, int axis, View view)
    {
        if (!_picked.Add(name))
        {
            return name;
        }
        var places = Enumerable.Range(0, _source.Size).Select(place => (long)TestTimeAugmentation.Source(view, place, _source.Size));
        return _graph.Node("Gather", name, [images, _graph.Integers($"views.{Name(view)}", [.. places])], [Attribute.Int("axis", axis)]);
    }

    /// <summary>Adds up the scores of views, (V * count, K), by their weights to (count, K).</summary>
    private string Sum(IReadOnlyList<View> views, string logits, string count, string output)
    {
        var shape = _graph.Integers("views.shape", views.Count, -1, _classes);
        var scores = _graph.Shape(_graph.Node("Reshape", "views/scores", [logits, shape]), DataType.Float, Text(views.Count), count, Text(_classes));
        var weights = _graph.Initializer("views.weights", [.. views.Select(view => view.Weight)], views.Count, 1, 1);
        return SumOver(axis: 0, "views/sum", _graph.Node("Mul", "views/weighted", [scores, weights]), output);
    }

    /// <summary>The network, on other images than the model is given.</summary>
    private string AddNetwork(string images, string logits)
    {
        var names = new Dictionary<string, string> { [_source.Value] = images, [Logits] = logits };
        foreach (var node in _body)
        {
            var copy = node.Clone();
            for (var i = 0; i < copy.Input.Count; i++)
            {
                copy.Input[i] = names.GetValueOrDefault(copy.Input[i], copy.Input[i]);
            }
            for (var i = 0; i < copy.Output.Count; i++)
            {
                copy.Output[i] = names.GetValueOrDefault(copy.Output[i], copy.Output[i]);
            }
            _graph.Add(copy);
        }
        return logits;
    }

    private void Add(IEnumerable<NodeProto> nodes)
    {
        foreach (var node in nodes)
        {
            _graph.Add(node.Clone());
        }
    }

    private static string Name(View view) => (view.Shift == 0 ? "" : $"shift{Sign(view.Shift)}") + (view.Mirror ? view.Shift == 0 ? "mirror" : "_mirror" : "");

    private static string Sign(int shift) => shift < 0 ? "_up" : "_down";

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
