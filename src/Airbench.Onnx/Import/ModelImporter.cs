using Airbench.Onnx.Proto;

namespace Airbench.Onnx;

/// <summary>
/// Takes in an ONNX classifier or feature extractor of any framework: one input <c>pixels</c>, any number of images, preprocessing inside. What comes out
/// is proven to compute what the file computes before anything is built on it.
/// </summary>
internal static class ModelImporter
{
    /// <summary>Imports the model in <paramref name="path"/>.</summary>
    /// <param name="path">An ONNX file.</param>
    /// <param name="options">What the file does not say.</param>
    /// <param name="cancel">Stops it between steps.</param>
    /// <exception cref="InvalidFileException">It must not be loaded, is no model of images, or has something that is not understood; the message names it.</exception>
    /// <exception cref="ConfigurationException">The options leave something open or contradict the file.</exception>
    public static ImportedModel Import(string path, ImportOptions options, CancellationToken cancel)
    {
        ForeignInput.Check(path, options);
        var notes = new List<string>();
        var model = OpenedModel.Read(path, options, notes);
        cancel.ThrowIfCancellationRequested();
        var front = options.Preprocess is { } file ? Preprocess(file, model, notes) : null;
        var original = model.Original with { Front = front?.Original };
        var (graph, shapes) = (model.Graph, model.Shapes);

        var output = ForeignOutput.Choose(path, graph, shapes, notes);
        var scores = HeadFinder.Scores(graph, output);
        var head = HeadFinder.Find(graph, scores, shapes);
        var (value, name) = options.Part == ImportPart.Features ? (head?.Features ?? scores, ImportedModel.Features) : (scores, ImportedModel.Logits);
        var shape = shapes.GetValueOrDefault(value);
        if (shape is null || graph.Producer(value) is null || shape[0] != model.Batch || !(HeadFinder.IsVector(shape) || (options.Part == ImportPart.Features && shape.Length == 4)))
        {
            throw new InvalidFileException(path,
                $"computes its {name} as '{value}' [{string.Join(", ", shape ?? [])}]; expected [N, F]{(options.Part == ImportPart.Features ? ", or feature maps [N, C, H, W]" : "")}");
        }
        var whole = MultiplyAdds.Of(graph, shapes) / model.Batch;
        ForeignOutput.End(graph, value);
        RandomNodes.Refuse(path, graph);
        var (pixels, said) = AbsorbPixels(graph, model, front);
        notes.Add($"takes {said}");
        if (ShapeFolding.Apply(graph, path) is > 0 and var folded)
        {
            notes.Add($"{Counted.Of(folded, "node")} of arithmetic with shapes became constants");
        }
        cancel.ThrowIfCancellationRequested();

        var difference = ImportParity.Check(graph, value, model.FileName(value), original, model.Tolerance, cancel);
        notes.Add(FormattableString.Invariant($"three images at once give what the file gives for each of them (relative difference {difference:0.0e+0})"));
        var block = LastBlock.Find(graph, InputWriter.Pixels, value, shapes);
        var work = MultiplyAdds.Of(graph, shapes) / model.Batch;
        var count = ForeignOutput.Finish(graph, value, name, shape, notes);
        var source = new ImportSource(path, model.FileOpset, model.Producer, model.Input, head is null ? null : model.InFile(head), whole);
        return new ImportedModel(graph, model.Input.Size, count, block?.Start, notes, source)
        {
            Original = original,
            OriginalValue = model.FileName(value),
            IsHalf = model.IsHalf,
            MultiplyAdds = work,
            LastBlockShare = block?.Share ?? 0,
            Pixels = pixels,
            PixelNote = said,
        };
    }

    /// <summary>The model that makes another one's input of pixels.</summary>
    private static OpenedModel Preprocess(string file, OpenedModel model, List<string> notes)
    {
        var inner = new List<string>();
        var front = OpenedModel.Read(file, new ImportOptions { Scale = 1, ImageSize = model.Input.Size }, inner, prefix: "preprocess/");
        var given = front.Graph.Model.Graph.Output is [var output] && front.Shapes.TryGetValue(output.Name, out var shape) ? shape[1..] : [];
        var wanted = model.Input.Shape(1)[1..];
        notes.AddRange(inner.Select(note => $"{Path.GetFileName(file)}: {note}"));
        return given.SequenceEqual(wanted)
            ? front
            : throw new ConfigurationException(
                $"preprocess: {file}: gives [N{string.Concat(given.Select(extent => $", {extent}"))}]; the model takes [N, {string.Join(", ", wanted)}], and expected is one output of that shape");
    }

    /// <summary>Puts everything that is done to pixels before the first layer, whoever says it, into one <see cref="PixelMap"/>.</summary>
    private static (PixelMap Map, string Said) AbsorbPixels(OnnxGraph graph, OpenedModel model, OpenedModel? front)
    {
        var value = model.Graph.Model.Graph.Input.Single().Name;
        if (front is not null)
        {
            graph.ReplaceReads(value, front.Graph.Model.Graph.Output.Single().Name);
            foreach (var tensor in front.Graph.Constants)
            {
                graph.AddConstant(tensor);
            }
            graph.Insert(front.Graph.Nodes);
            value = front.Graph.Model.Graph.Input.Single().Name;
        }
        var map = PixelMap.Of((front ?? model).Input);
        value = map.Follow(graph, value);
        var said = PixelFront.Write(graph, value, map, model.Input.Size);
        return front is null || front.Opset == model.Opset || graph.Nodes.FirstOrDefault(node => front.Graph.Nodes.Contains(node)) is not { } left
            ? (map, said)
            : throw new InvalidFileException(front.Original.Path,
                $"has {PlainGraph.Show(left)} in opset {front.Opset}, and the model has opset {model.Opset}; export both with the same one");
    }
}
