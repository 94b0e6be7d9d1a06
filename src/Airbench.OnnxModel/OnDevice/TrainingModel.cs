using Airbench.OnnxModel.Proto;
using static Airbench.OnnxModel.Proto.TensorProto.Types;

namespace Airbench.OnnxModel.OnDevice;

/// <summary>What a TrainingSession expects of a training model besides forward and backward pass: its own gradient buffers.</summary>
internal static class TrainingModel
{
    private const string Reset = "lazy_reset_grad";

    /// <summary>
    /// Adds each gradient to the session's buffer for it, or puts it in the place of what is there after the session's LazyResetGrad.
    /// </summary>
    /// <remarks>The session knows the buffers, and the outputs that say they are ready, by these names. The loss must be the first output.</remarks>
    public static void Accumulate(GraphBuilder graph, IEnumerable<(string Parameter, IReadOnlyList<Extent> Shape, string Gradient)> gradients)
    {
        (string Parameter, string Buffer, string Gradient)[] buffers = [.. gradients.Select(g =>
            (g.Parameter, graph.InputOf($"{g.Parameter}_grad.accumulation.buffer", DataType.Float, g.Shape), g.Gradient))];
        graph.InputOf(Reset, DataType.Bool, [(Extent)1]);
        foreach (var (parameter, buffer, gradient) in buffers)
        {
            var done = $"{parameter}_grad.accumulation.out";
            graph.Node("InPlaceAccumulatorV2", $"{parameter}_grad.accumulation", [buffer, gradient, Reset], [done], [], Domains.Microsoft);
            graph.OutputOf(done, DataType.Bool, [(Extent)1]);
        }
    }
}
