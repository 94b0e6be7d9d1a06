namespace Airbench.Onnx;

/// <summary>Which of a model's outputs has the scores, and what they are: as far as the file says.</summary>
internal static class ScoreOutput
{
    /// <summary>The output with the scores.</summary>
    /// <param name="path">The file, for messages.</param>
    /// <param name="graph">What was found in it.</param>
    /// <param name="name">The one that the user names; null where none is named.</param>
    /// <exception cref="ConfigurationException">There is no such output, or several could be.</exception>
    /// <exception cref="InvalidFileException">None has scores; the message says what there is instead, and what to export.</exception>
    public static TensorSignature Choose(string path, GraphFacts graph, string? name)
    {
        var outputs = graph.Outputs;
        var all = string.Join("; ", outputs.Take(20));
        if (outputs.Count == 0)
        {
            throw new InvalidFileException(path, "has no output: it is not a classifier");
        }
        if (name is not null)
        {
            var named = outputs.Find(output => output.Name == name) ?? throw new ConfigurationException($"{path}: output_name: '{name}'; the model has {all}");
            return IsScores(named) ? named : throw new InvalidFileException(path, WhyNot(graph, named));
        }
        var scores = outputs.FindAll(IsScores);
        scores = scores.Exists(IsMatrix) ? scores.FindAll(IsMatrix) : scores;
        return scores switch
        {
            [var only] => only,
            [] => throw new InvalidFileException(path, outputs.Count == 1
                ? WhyNot(graph, outputs[0])
                : $"has no output of scores; it has {all}. Of {outputs[0].Name}: {WhyNot(graph, outputs[0])}"),
            _ => scores.Find(output => output.Name == "logits") ?? throw new ConfigurationException(
                $"{path}: the model has several outputs ({all}); set output_name (--output-name): the name of one"),
        };
    }

    /// <summary>Classes of an output of scores; -1 where the file leaves them open.</summary>
    public static long Classes(TensorSignature scores) =>
        scores.Shape.Count == 0 ? -1 : scores.Shape.Skip(1).Where(extent => extent != 1).DefaultIfEmpty(1).Single();

    /// <summary>What the operators behind a value say of it: Softmax makes probabilities, a linear layer or a convolution logits.</summary>
    public static OutputKind? Kind(GraphFacts graph, string value)
    {
        for (var steps = 0; steps < 20 && Producer(graph, value) is { } node; steps++)
        {
            switch (node.Operation)
            {
                case "Softmax":
                    return OutputKind.Probabilities;
                case "LogSoftmax" or "Gemm" or "MatMul" or "Conv" or "QGemm" or "FusedMatMul":
                    return OutputKind.Logits;
                case "Identity" or "Cast" or "Flatten" or "Reshape" or "Squeeze" or "Unsqueeze" or "Dropout" or "QuantizeLinear" or "DequantizeLinear":
                    value = node.Inputs[0];
                    break;
                case "Add" when node.Inputs.FirstOrDefault(input => !graph.Constants.ContainsKey(input)) is { } summand
                    && node.Inputs.Any(graph.Constants.ContainsKey):   // a bias
                    value = summand;
                    break;
                default:
                    return null;
            }
        }
        return null;
    }

    /// <summary>Scores are [N, K], or have further dimensions of 1; a shape that is not stated shows when the model runs.</summary>
    private static bool IsScores(TensorSignature output) =>
        output.Type is "float" or "float16" or "double" && output.Shape.Count != 1 && output.Shape.Skip(1).Count(extent => extent != 1) <= 1;

    private static bool IsMatrix(TensorSignature output) => output.Shape.Count == 2;

    private static string WhyNot(GraphFacts graph, TensorSignature output)
    {
        var computed = Producer(graph, output.Name);
        if (output.Type.Contains("map", StringComparison.Ordinal))
        {
            return $"output {output.Name} is a {output.Type}, made by a ZipMap; export the model with zipmap=False (skl2onnx: options={{'zipmap': False}})";
        }
        if (output.Type is "string" or "int64" or "int32")
        {
            var scores = computed is { Operation: "ArgMax" or "Cast" or "ArrayFeatureExtractor" or "Gather", Inputs: [var before, ..] } ? $" (the value {Behind(graph, before)})" : "";
            return $"output {output} has labels, not scores, so neither confidence nor loss could be computed; export the scores that they are chosen by{scores}";
        }
        return output.Type is "float" or "float16" or "double" && output.Shape.Count > 2
            ? $"output {output} has several numbers in several dimensions for an image: feature maps, boxes or masks, not the scores of a classifier. " +
              "Export the model with its head"
            : $"output {output} is not a classifier's output; expected float, float16 or double [N, classes]";
    }

    /// <summary>What an ArgMax behind a cast reads.</summary>
    private static string Behind(GraphFacts graph, string value) => Producer(graph, value) is { Operation: "ArgMax", Inputs: [var scores, ..] } ? scores : value;

    private static NodeFacts? Producer(GraphFacts graph, string value) => graph.Nodes.Find(node => node.Outputs.Contains(value));
}
