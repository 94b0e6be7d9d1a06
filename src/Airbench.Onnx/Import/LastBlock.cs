using Airbench.Onnx.Proto;

namespace Airbench.Onnx;

/// <summary>
/// Where the last stage of a network begins, so that it alone can be trained: a value that separates input from output, as every path between them leads
/// through it (a dominator of the output).
/// </summary>
/// <remarks>
/// In convolutional networks that is the last such value before height and width are halved for the last time: what reads it and everything behind is the
/// last stage, in a ResNet its last two (ResNet-18) or three blocks. A transformer halves nothing behind its patches, so there, and wherever the rule would
/// leave more than half of the work to the last block, it is the value behind which closest to 30% of the multiply-adds remain: the last blocks as a whole,
/// for between two of a transformer's blocks there is one value alone.
/// </remarks>
internal static class LastBlock
{
    private const double MostWork = 0.5, WantedWork = 0.3;

    /// <summary>The value, and the share of the multiply-adds behind it; null where input and output are not separated by any.</summary>
    /// <param name="graph">The graph.</param>
    /// <param name="input">Its input.</param>
    /// <param name="end">What the head reads.</param>
    /// <param name="shapes">Shapes of its values.</param>
    public static (string Start, double Share)? Find(OnnxGraph graph, string input, string end, IReadOnlyDictionary<string, long[]> shapes)
    {
        var cuts = Cuts(graph, input, end, shapes);
        var total = cuts.Count == 0 ? 0 : cuts[^1].Work;
        cuts.RemoveAll(cut => cut.Value == end || cut.Work == 0 || cut.Work == total);   // nothing before it, or nothing behind it
        if (cuts.Count == 0)
        {
            return null;
        }
        var sizes = cuts.Select(cut => Side(shapes.GetValueOrDefault(cut.Value))).ToList();
        var last = sizes.FindLast(size => size > 1);
        var halved = sizes.FindLastIndex(size => size > last);
        var found = halved >= 0 && Left(cuts[halved]) <= MostWork ? cuts[halved] : cuts.MinBy(cut => Math.Abs(Left(cut) - WantedWork));
        return (found.Value, Left(found));

        double Left((string Value, long Work) cut) => (double)(total - cut.Work) / total;
    }

    /// <summary>Values that separate <paramref name="input"/> from <paramref name="end"/>, in order, each with the multiply-adds before it.</summary>
    private static List<(string Value, long Work)> Cuts(OnnxGraph graph, string input, string end, IReadOnlyDictionary<string, long[]> shapes)
    {
        var path = OnPath(graph, input, end);
        var readers = new Dictionary<string, int>(StringComparer.Ordinal);   // of values on a path, by nodes still to come
        foreach (var value in path.SelectMany(node => Data(node).Distinct()))
        {
            readers[value] = readers.GetValueOrDefault(value) + 1;
        }
        var open = new HashSet<string>(StringComparer.Ordinal) { input };
        var (cuts, work) = (new List<(string, long)>(), 0L);
        foreach (var node in path)
        {
            foreach (var value in Data(node).Distinct().Where(open.Contains))
            {
                if (--readers[value] == 0)
                {
                    open.Remove(value);
                }
            }
            open.UnionWith(node.Output.Where(output => readers.ContainsKey(output) || output == end));
            work += MultiplyAdds.Of(node, shapes);
            if (open.Count == 1)
            {
                cuts.Add((open.Single(), work));
            }
        }
        return cuts;
    }

    /// <summary>The nodes through which <paramref name="end"/> depends on the input's numbers; of what Shape and Size read, only extents are known.</summary>
    private static List<NodeProto> OnPath(OnnxGraph graph, string input, string end)
    {
        var reached = new HashSet<string>(StringComparer.Ordinal) { input };
        foreach (var node in graph.Nodes.Where(node => Data(node).Any(reached.Contains)))
        {
            reached.UnionWith(node.Output);
        }
        var needed = new HashSet<string>(StringComparer.Ordinal) { end };
        var path = new List<NodeProto>();
        foreach (var node in graph.Nodes.Reverse().Where(node => node.Output.Any(needed.Contains) && Data(node).Any(reached.Contains)))
        {
            needed.UnionWith(Data(node).Where(reached.Contains));
            path.Add(node);
        }
        path.Reverse();
        return path;
    }

    private static IEnumerable<string> Data(NodeProto node) => node.OpType is "Shape" or "Size" ? [] : OnnxGraph.Reads(node);

    private static long Side(long[]? shape) => shape is { Length: 4 } ? Math.Max(shape[2], shape[3]) : 0;
}
