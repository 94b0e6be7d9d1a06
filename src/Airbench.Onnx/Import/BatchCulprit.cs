using Airbench.Onnx.Proto;
using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;

namespace Airbench.Onnx;

/// <summary>Finds the node that mixes images, in a graph that gives for several at once something else than for each.</summary>
internal static class BatchCulprit
{
    private const double Tolerance = 1e-3;   // of one value; below, sums in another order would be taken for a mixture

    /// <summary>The first node whose real numbers for several images are not those of each image put together, for a message.</summary>
    /// <param name="path">The file that the graph is from.</param>
    /// <param name="graph">The graph.</param>
    /// <param name="pixels">[n,3,S,S].</param>
    /// <param name="size">S.</param>
    public static string Name(string path, OnnxGraph graph, float[] pixels, int size)
    {
        var one = 3 * size * size;
        var values = graph.Nodes.SelectMany(node => node.Output).Where(output => output.Length > 0).ToArray();
        var model = graph.Model.Clone();
        model.Graph.Output.Clear();
        model.Graph.Output.AddRange(values.Select(value => new ValueInfoProto { Name = value }));
        using var run = ModelRun.Of(path, model);
        var alone = Enumerable.Range(0, pixels.Length / one).Select(i => Run(pixels[(i * one)..((i + 1) * one)])).ToList();
        var together = Run(pixels);
        for (var i = 0; i < values.Length; i++)
        {
            if (together[i] is { } found && !IsSame(found, [.. alone.SelectMany(image => image[i] ?? [])]))
            {
                return $"{PlainGraph.Show(graph.Producer(values[i])!)} does not treat them one by one. " +
                    "Export the model with an open batch (torch.onnx.export: dynamic_axes={'input': {0: 'N'}})";
            }
        }
        return "no node of it mixes images, so its answer depends on more than them (random numbers, another layout of the colours). Export it for inference";

        List<float[]?> Run(float[] images)
        {
            using var given = OrtValue.CreateTensorValueFromMemory(images, [images.Length / one, 3, size, size]);
            using var results = run.Run(InputWriter.Pixels, given, values);
            return [.. results.Select(result => result.OnnxType == OnnxValueType.ONNX_TYPE_TENSOR && result.GetTensorTypeAndShape().ElementDataType == TensorElementType.Float
                ? result.GetTensorDataAsSpan<float>().ToArray()
                : null)];
        }
    }

    /// <summary>Whether the numbers are the same in any order of the axes: a network may have its images on another axis than the first.</summary>
    private static bool IsSame(float[] found, float[] expected)
    {
        if (found.Length != expected.Length)
        {
            return false;
        }
        var (sorted, wanted) = (found.Order().ToArray(), expected.Order().ToArray());
        var largest = Math.Max(Math.Abs(wanted.FirstOrDefault()), Math.Abs(wanted.LastOrDefault()));
        return !sorted.Where((value, i) => Math.Abs(value - wanted[i]) > Tolerance * largest).Any();
    }
}
