using Microsoft.ML.OnnxRuntime;

namespace Airbench.Onnx;

/// <summary>Runs a model file once, by the names that its bundle gives, whatever else the model may be.</summary>
public static class TestDataRunner
{
    /// <summary>Outputs for <paramref name="values"/> on the CPU, each flat.</summary>
    /// <param name="modelFile">An ONNX file.</param>
    /// <param name="input">Its input, uint8 or float.</param>
    /// <param name="values">Values of the input, little-endian.</param>
    /// <param name="shape">Its extents.</param>
    /// <param name="outputs">Names of the float outputs to compute.</param>
    /// <exception cref="InvalidFileException">ONNX Runtime does not accept the file, or cannot compute these outputs from this input.</exception>
    public static IReadOnlyList<float[]> Run(
        string modelFile, TensorSignature input, byte[] values, IReadOnlyList<long> shape, IReadOnlyList<string> outputs)
    {
        OnnxRuntime.Start();
        try
        {
            using var options = ExecutionDevice.Cpu("cpu").CreateOptions(threads: 0);
            using var session = new InferenceSession(modelFile, options);
            var missing = outputs.Where(name => !session.OutputMetadata.TryGetValue(name, out var value) || value.ElementType != typeof(float)).ToList();
            if (missing.Count > 0)
            {
                throw new InvalidFileException(modelFile, $"has no float output {string.Join(", ", missing)}");
            }
            using var pixels = OrtValues.Create(input.Type, values, [.. shape]);
            using var run = new RunOptions();
            using var results = session.Run(run, [input.Name], [pixels], [.. outputs]);
            return [.. results.Select(result => result.GetTensorDataAsSpan<float>().ToArray())];
        }
        catch (OnnxRuntimeException e)
        {
            throw new InvalidFileException(modelFile, $"does not run in ONNX Runtime on the test data: {e.Message}", e);
        }
    }
}
