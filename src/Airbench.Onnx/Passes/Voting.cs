using System.Globalization;
using Airbench.Onnx.Proto;
using static Airbench.Onnx.Proto.TensorProto.Types;

namespace Airbench.Onnx;

/// <summary>
/// Puts test-time augmentation into a model of any precision: the same input and outputs, with several views of each image voting inside.
/// Weights are stored once, but for int8 ones in adaptive models.
/// </summary>
/// <remarks>
/// <see cref="Tta.MirrorTranslate"/> is one pass over all views of all images. <see cref="Tta.Adaptive"/> is a pass over the images and
/// a second one over the other views of the low-confidence ones, whose number may be zero: every operator of that pass takes an empty batch.
/// Views are made of the value that the network's own preparation (layout, size) leaves, in pixels.
/// </remarks>
internal sealed class Voting
{
    private const string Logits = "logits";

    /// <summary>Names of numbers of images: all, the low-confidence ones, and how many views of either.</summary>
    private const string All = GraphBuilder.Batch;
    private const string InDoubt = "in_doubt";

    private readonly NodeProto[] _body;   // from the source to the logits
    private readonly NodeProto[] _tail;   // behind them
    private readonly NetworkInput _source;
    private readonly int _classes;
    private readonly OnnxGraph _original;
    private readonly ModelProto _model;
    private readonly GraphBuilder _graph;   // of the model
    private readonly HashSet<string> _picked = [];   // rows and columns that were read already

    private Voting(OnnxGraph graph, NetworkInput source)
    {
        var nodes = graph.Nodes.ToArray();
        var first = Array.FindIndex(nodes, node => node.Output.Contains(source.Value)) + 1;   // 0 where the source is the input
        var last = Array.FindIndex(nodes, node => node.Output.Contains(Logits));
        (_original, _source, _body, _tail) = (graph, source, nodes[first..(last + 1)], nodes[(last + 1)..]);
        _classes = (int)graph.Model.Graph.Output.Single(output => output.Name == Logits).Type.TensorType.Shape.Dim[1].DimValue;
        _model = graph.WithoutNodes().Model;
        _graph = new GraphBuilder(_model.Graph);
        foreach (var node in nodes[..first])
        {
            _graph.Add(node.Clone());
        }
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
            pass.WriteAllViews(TestTimeAugmentation.Views(tta));
        }
        foreach (var node in pass._tail)
        {
            pass._graph.Add(node.Clone());
        }
        return new OnnxGraph(pass._model);
    }

    private void WriteAllViews(IReadOnlyList<View> views)
    {
        var count = $"{views.Count}{All}";
        var drawn = Draw(views, _source.Value, count);                // (6N, 3, S, S)
        var logits = AddNetwork("", drawn, "views/logits");            // (6N, K)
        Sum(views, logits, All, Logits);                               // (N, K)
    }

    private void WriteAdaptive(float threshold)
    {
        var views = TestTimeAugmentation.Views(Tta.Adaptive);
        var plain = AddNetwork("", _source.Value, "plain/logits");       // (N, K)
        var rows = RowsInDoubt(plain, threshold);                      // (M)
        var images = _graph.Node("Gather", "doubt/images", [_source.Value, rows], [Attribute.Int("axis", 0)]);   // (M, 3, S, S)
        var others = views.Skip(1).ToArray();
        var drawn = Draw(others, images, $"{others.Length}{InDoubt}"); // (5M, 3, S, S)
        var logits = AddNetwork("views/", drawn, "views/logits");      // (5M, K)
        var sum = Sum(others, logits, InDoubt, "views/sum");           // (M, K)
        var own = _graph.Node("Gather", "doubt/plain", [plain, rows], [Attribute.Int("axis", 0)]);
        var weighted = _graph.Node("Mul", "doubt/weighted", [own, _graph.Scalar("doubt.weight", views[0].Weight)]);
        var voted = _graph.Node("Add", "doubt/voted", [sum, weighted]);
        var places = _graph.Node("Unsqueeze", "doubt/places", [rows, _graph.Integers("axis.1", 1)]);   // (M, 1)
        _graph.Node("ScatterND", Logits, [plain, places, voted]);      // (N, K)
    }

    /// <summary>Indices of the images whose best class is not sure enough, that is, every class.</summary>
    /// <remarks>ReduceMax would be shorter, but it takes its axes in another way from opset 18 on.</remarks>
    private string RowsInDoubt(string logits, float threshold)
    {
        var probabilities = _graph.Node("Softmax", "plain/probabilities", [logits], [Attribute.Int("axis", 1)]);
        var isBelow = _graph.Node("Less", "doubt/is_below", [probabilities, _graph.Scalar("doubt.threshold", threshold)]);
        var below = SumOver(axis: 1, "doubt/below", _graph.Node("Cast", "doubt/ones", [isBelow], [Attribute.Int("to", (long)DataType.Float)]));
        var isInDoubt = _graph.Node("Less", "doubt", [_graph.Scalar("doubt.all", _classes - 0.5f), below]);
        var indices = _graph.Shape(_graph.Node("NonZero", "doubt/indices", [isInDoubt]), DataType.Int64, "1", InDoubt);
        return _graph.Node("Squeeze", "doubt/rows", [indices, _graph.Integers("axis.0", 0)]);
    }

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

    /// <summary>
    /// The network once more, on other images. Constants are shared, but for the integers of int8 layers: where ONNX Runtime turns them into others
    /// that suit the processor, it takes each for part of one layer, and fails on a second one.
    /// </summary>
    private string AddNetwork(string prefix, string images, string logits)
    {
        var names = new Dictionary<string, string> { [_source.Value] = images, [Logits] = logits };
        foreach (var node in _body)
        {
            var copy = node.Clone();
            copy.Name = prefix + node.Name;
            var isOfLayer = prefix.Length > 0 && node.OpType == "DequantizeLinear" && _original.Constant(node.Input[0]) is not null;
            for (var i = 0; i < copy.Input.Count; i++)
            {
                copy.Input[i] = isOfLayer
                    ? _graph.Initializer(_original.Constant(copy.Input[i])!, prefix)
                    : names.GetValueOrDefault(copy.Input[i], copy.Input[i]);
            }
            for (var i = 0; i < copy.Output.Count; i++)
            {
                copy.Output[i] = names.TryGetValue(node.Output[i], out var known) ? known : names[node.Output[i]] = prefix + node.Output[i];
            }
            _graph.Add(copy);
        }
        return logits;
    }

    private static string Name(View view) => (view.Shift == 0 ? "" : $"shift{Sign(view.Shift)}") + (view.Mirror ? view.Shift == 0 ? "mirror" : "_mirror" : "");

    private static string Sign(int shift) => shift < 0 ? "_up" : "_down";

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
