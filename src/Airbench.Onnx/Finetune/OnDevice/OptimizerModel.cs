using Airbench.Onnx.Proto;

namespace Airbench.Onnx;

/// <summary>
/// optimizer_model.onnx: stochastic gradient descent with heavy-ball momentum, v = momentum v + g, w = w - lr v (PyTorch's SGD without
/// nesterov), for all parameters at once.
/// </summary>
/// <remarks>
/// ONNX Runtime 1.19's own SGD operator has no momentum, but Adam holds it: with beta = 1 the second moment stays 0, with
/// epsilon = 1 the divisor is 1, and the first moment m = momentum m + (1 - momentum) g is (1 - momentum) v.
/// </remarks>
internal static class OptimizerModel
{
    /// <summary>The learning rate that every TrainingSession starts with. Its JavaScript API cannot set another.</summary>
    public const float InitialLearningRate = 0.001f;

    /// <summary>Builds the model.</summary>
    /// <param name="learningRate">What a session's initial learning rate stands for; twice that is twice this, and so on.</param>
    /// <param name="momentum">0 to below 1.</param>
    public static ModelProto Build(double learningRate, double momentum)
    {
        var graph = new GraphBuilder("optimizer");
        var rate = graph.FixedInput("learning_rate", TensorProto.Types.DataType.Float, 1);
        var step = graph.FixedInput("step", TensorProto.Types.DataType.Int64, 1);
        string[] states = [.. ((string[])["params", "gradients", "first_order_moments", "second_order_moments"]).Select(graph.InputSequence)];
        var scale = graph.Scalar("learning_rate.scale", (float)(learningRate / InitialLearningRate / (1 - momentum)));
        graph.Node("AdamWOptimizer", "update", [graph.Node("Mul", "learning_rate.scaled", [rate, scale]), step, .. states], ["updated"],
            [
                Attribute.Float("alpha", (float)momentum), Attribute.Float("beta", 1), Attribute.Float("epsilon", 1),
                Attribute.Float("weight_decay", 0), Attribute.Int("correct_bias", 0), Attribute.Int("adam_mode", 1),
            ],
            Domains.Microsoft);
        graph.FixedOutput("updated", TensorProto.Types.DataType.Bool, 1);
        return Domains.Build(graph);
    }
}
