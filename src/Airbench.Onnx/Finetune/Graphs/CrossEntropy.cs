using static Airbench.Onnx.Proto.TensorProto.Types;

namespace Airbench.Onnx;

/// <summary>Softmax cross-entropy with smoothed labels and its gradient, in operators that are the same in opsets 13 to 22.</summary>
/// <remarks>GatherElements fails on a label that the head does not have; OneHot alone would train on nothing without a word.</remarks>
internal static class CrossEntropy
{
    /// <summary>Names its scalar output <c>loss</c>; returns that and the gradient of the logits.</summary>
    /// <param name="graph">Where to.</param>
    /// <param name="logits">(N, K).</param>
    /// <param name="labels">int64 (N).</param>
    /// <param name="smoothing">Share of probability that is spread over all classes.</param>
    /// <param name="total">By what the sum over the batch is divided, a float32 scalar: the number of images, or the sum of their weights.</param>
    /// <param name="weights">A factor on the loss of each image, float32 (N); null where all count 1.</param>
    public static (string Loss, string LogitsGradient) Write(
        GraphBuilder graph, string logits, string labels, double smoothing, string total, string? weights = null)
    {
        var (sure, spread) = (graph.Scalar("loss.sure", (float)(1 - smoothing)), graph.Scalar("loss.smoothing", (float)smoothing));
        var classes = graph.Node("Gather", "loss/classes", [graph.Node("Shape", "loss/shape", [logits]), graph.Integers(1)], [Attribute.Int("axis", 0)]);
        var share = graph.Node("Div", "loss/share", [spread, graph.Node("Cast", "loss/classes/float", [classes], [Attribute.Int("to", (long)DataType.Float)])]);
        var logs = graph.Node("LogSoftmax", "loss/log_softmax", [logits], [Attribute.Int("axis", 1)]);
        var column = graph.Node("Unsqueeze", "loss/labels", [labels, graph.Integers(1)]);
        var right = graph.Node("GatherElements", "loss/right", [logs, column], [Attribute.Int("axis", 1)]);
        var sum = graph.Node("ReduceSum", "loss/all", [logs, graph.Integers(1)]);
        var (own, all) = (graph.Node("Mul", "loss/each/right", [right, sure]), graph.Node("Mul", "loss/each/spread", [sum, share]));
        var each = graph.Node("Add", "loss/each", [own, all]);                                                           // (N, 1)
        var factors = weights is null ? null : graph.Node("Unsqueeze", "loss/factors", [weights, graph.Integers(1)]);     // (N, 1)
        each = factors is null ? each : graph.Node("Mul", "loss/weighted", [each, factors]);
        var mean = graph.Node("Div", "loss/mean", [graph.Node("ReduceSum", "loss/sum", [each], [Attribute.Int("keepdims", 0)]), total]);
        var loss = graph.Node("Neg", "loss", [mean]);

        // w (softmax - (1 - s) onehot - s / K) / total
        var oneHot = graph.Node("OneHot", "loss/one_hot", [labels, classes, graph.Initializer("loss.off_on", [0, (float)(1 - smoothing)], 2)]);
        var excess = graph.Node("Sub", "loss/excess", [graph.Node("Exp", "loss/softmax", [logs]), graph.Node("Add", "loss/expected", [oneHot, share])]);
        var shares = factors is null ? null : graph.Node("Div", "loss/factors/share", [factors, total]);
        return (loss, shares is null ? graph.Node("Div", "loss/grad", [excess, total]) : graph.Node("Mul", "loss/grad", [excess, shares]));
    }
}
