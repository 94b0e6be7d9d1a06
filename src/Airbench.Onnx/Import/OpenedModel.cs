using System.Text.RegularExpressions;
using Airbench.Onnx.Proto;

namespace Airbench.Onnx;

/// <summary>A file as a graph that can be worked on: plain, float32, opset 13 or later, any number of images; not yet cut or given pixels.</summary>
/// <param name="Graph">The graph, with the file's inputs and outputs.</param>
/// <param name="Input">What the file takes.</param>
/// <param name="Shapes">Shapes of its values for <see cref="Batch"/> images.</param>
/// <param name="Original">The file.</param>
/// <param name="FileOpset">Its opset.</param>
/// <param name="Tolerance">How far the graph's answers may be from the file's.</param>
internal sealed partial record OpenedModel(
    OnnxGraph Graph, ModelInput Input, IReadOnlyDictionary<string, long[]> Shapes, OriginalModel Original, int FileOpset, double Tolerance)
{
    private readonly Dictionary<string, string> _fileNames = [];

    /// <summary>Images of the call that <see cref="Shapes"/> are of.</summary>
    public int Batch => Input.FixedBatch ?? 1;

    /// <summary>Opset of the graph.</summary>
    public int Opset => Math.Max(FileOpset, OpsetUpgrade.Target);

    /// <summary>Program that wrote the file.</summary>
    public string Producer => $"{Original.Model.ProducerName} {Original.Model.ProducerVersion}".Trim();

    /// <summary>What the file calls a value of the graph.</summary>
    public string FileName(string value) => _fileNames.GetValueOrDefault(value, value);

    /// <summary>A head under the names that the file has for it.</summary>
    public ModelHead InFile(ModelHead head) => head with { Node = FileName(head.Node), Features = FileName(head.Features), Scores = FileName(head.Scores) };

    /// <summary>Reads a file, after it has passed the inspection of hostile files.</summary>
    /// <param name="path">The file.</param>
    /// <param name="options">What it does not say.</param>
    /// <param name="notes">Gets what was done.</param>
    /// <param name="prefix">Put before every name, for a graph that another one takes in.</param>
    public static OpenedModel Read(string path, ImportOptions options, List<string> notes, string prefix = "")
    {
        var facts = ModelInspector.Inspect(path);
        var input = ForeignInput.Describe(path, facts, options);
        var file = ForeignFile.Read(path, facts);
        var original = new OriginalModel(path, file.Model.Clone(), input, null);
        var model = file.Model;

        PlainGraph.Make(path, model);
        var types = FloatTypes.Convert(model);
        if (types.Any(type => type is "double" or "bfloat16"))
        {
            original = original with { Model = model.Clone(), Input = input with { Type = "float" } };   // ONNX Runtime has no convolution of these types
            notes.Add("ONNX Runtime does not run it in its own precision; it is compared with its float32 form");
        }
        ConstantFolding.Apply(path, model);
        var measured = input with { Type = input.Type == "uint8" ? "uint8" : "float" };
        var shapes = MeasuredShapes.Of(path, model, measured, input.FixedBatch ?? 1);
        OpsetUpgrade.Apply(path, model, file.Opset, shapes);
        if (types.Count > 0)
        {
            notes.Add($"{string.Join(" and ", types)} is converted to float32");
        }
        if (file.Opset < OpsetUpgrade.Target)
        {
            notes.Add($"opset {file.Opset} is raised to {OpsetUpgrade.Target}");
        }
        var names = NewNames(model.Graph, prefix);
        Graphs.Rename(model.Graph, NewName, NewName);
        var renamed = shapes.ToDictionary(shape => NewName(shape.Key), shape => shape.Value, StringComparer.Ordinal);
        var graph = new OnnxGraph(model);
        NoOperations.Apply(graph);
        if (input.FixedBatch is { } batch)
        {
            var rewritten = BatchOpening.Apply(path, graph, model.Graph.Input.Single().Name, renamed, batch);
            notes.Add($"its batch of {batch} is opened" + (rewritten == 0 ? "" : $", and {Counted.Of(rewritten, "constant")} that held it rewritten"));
        }
        var opened = new OpenedModel(
            graph, input, renamed, original, file.Opset, types.Any(type => type is "float16" or "bfloat16") ? ImportParity.HalfTolerance : ImportParity.Tolerance);
        foreach (var (before, name) in names)
        {
            opened._fileNames[name] = before;
        }
        return opened;

        string NewName(string name) => names.GetValueOrDefault(name, name);
    }

    /// <summary>New names for values and nodes: with <paramref name="prefix"/>, and for those that have the names of what we put around a network.</summary>
    private static Dictionary<string, string> NewNames(GraphProto graph, string prefix)
    {
        var names = Graphs.All(graph).SelectMany(inner => inner.Node.SelectMany(node => node.Output.Append(node.Name))
            .Concat(inner.Input.Select(input => input.Name)).Concat(inner.Initializer.Select(tensor => tensor.Name))).Where(name => name.Length > 0).ToHashSet(StringComparer.Ordinal);
        var renamed = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var name in names.Where(name => prefix.Length > 0 || OurNames().IsMatch(name)))
        {
            var fresh = (prefix.Length > 0 ? prefix : "model/") + name;
            while (names.Contains(fresh))
            {
                fresh += "'";
            }
            renamed[name] = fresh;
        }
        return renamed;
    }

    [GeneratedRegex(@"^(images|pixels|features|logits|probabilities)([./]|$)")]
    private static partial Regex OurNames();
}
