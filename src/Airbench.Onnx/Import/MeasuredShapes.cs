using Airbench.Onnx.Proto;
using Microsoft.ML.OnnxRuntime;

namespace Airbench.Onnx;

/// <summary>
/// Shapes of a graph's values, found by running it: each node's outputs are given to a Shape node. Shape inference would have to know every operator;
/// this way ONNX Runtime, which has to run the model anyhow, says it.
/// </summary>
internal static class MeasuredShapes
{
    /// <summary>Shapes by value: of the input, of constants, and of what nodes give.</summary>
    /// <param name="path">The file that the model is from, for messages.</param>
    /// <param name="model">The model; it stays as it is.</param>
    /// <param name="input">What it takes.</param>
    /// <param name="images">Images of the call.</param>
    /// <exception cref="InvalidFileException">ONNX Runtime does not run it.</exception>
    public static Dictionary<string, long[]> Of(string path, ModelProto model, ModelInput input, int images)
    {
        const string Suffix = "/shape of";
        var measured = model.Clone();
        var graph = measured.Graph;
        var values = graph.Node.SelectMany(node => node.Output).Where(output => output.Length > 0).ToArray();
        graph.Output.Clear();
        foreach (var value in values)
        {
            graph.Node.Add(new NodeProto { Name = value + Suffix, OpType = "Shape", Input = { value }, Output = { value + Suffix } });
            graph.Output.Add(new ValueInfoProto { Name = value + Suffix, Type = new TypeProto { TensorType = new() { ElemType = (int)TensorProto.Types.DataType.Int64 } } });
        }
        using var run = ModelRun.Of(path, measured, GraphOptimization.Disabled);
        var shapes = new Dictionary<string, long[]>(StringComparer.Ordinal) { [input.Name] = input.Shape(images) };
        foreach (var tensor in graph.Initializer)
        {
            shapes[tensor.Name] = [.. tensor.Dims];
        }
        try
        {
            using var pixels = input.Empty(images);
            using var results = run.Run(input.Name, pixels, [.. values.Select(value => value + Suffix)]);
            for (var i = 0; i < values.Length; i++)
            {
                shapes[values[i]] = results[i].GetTensorDataAsSpan<long>().ToArray();
            }
        }
        catch (OnnxRuntimeException e)
        {
            throw new InvalidFileException(path, $"failed in ONNX Runtime on {Counted.Of(images, "image")}: {e.Message}", e);
        }
        return shapes;
    }
}
