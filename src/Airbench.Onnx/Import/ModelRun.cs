using Airbench.Onnx.Proto;
using Google.Protobuf;
using Microsoft.ML.OnnxRuntime;

namespace Airbench.Onnx;

/// <summary>A model in a session of ONNX Runtime on the CPU, to see what it computes.</summary>
internal sealed class ModelRun : IDisposable
{
    private readonly string _path;
    private readonly InferenceSession _session;
    private readonly RunOptions _runOptions = new();

    private ModelRun(string path, Func<SessionOptions, InferenceSession> open, GraphOptimization optimization)
    {
        _path = path;
        OnnxRuntime.Start();
        using var options = ExecutionDevice.Cpu("").CreateOptions(new SessionSettings(GraphOptimization: optimization));
        try
        {
            _session = open(options);
        }
        catch (OnnxRuntimeException e)
        {
            throw new InvalidFileException(path, $"is not a model that ONNX Runtime accepts: {e.Message}", e);
        }
    }

    /// <summary>The file as it is.</summary>
    /// <exception cref="InvalidFileException">ONNX Runtime does not accept it.</exception>
    public static ModelRun OfFile(string path) => new(path, options => new InferenceSession(path, options), GraphOptimization.All);

    /// <summary>A model in memory.</summary>
    /// <param name="path">The file that it was made from, for messages.</param>
    /// <param name="model">The model.</param>
    /// <param name="optimization">How far ONNX Runtime rewrites it.</param>
    /// <exception cref="InvalidFileException">ONNX Runtime does not accept it.</exception>
    public static ModelRun Of(string path, ModelProto model, GraphOptimization optimization = GraphOptimization.All)
    {
        var bytes = model.ToByteArray();
        return new(path, options => new InferenceSession(bytes, options), optimization);
    }

    /// <summary>Computes outputs, a tensor each, which the caller disposes.</summary>
    /// <exception cref="OnnxRuntimeException">It fails; the message names the node.</exception>
    public IDisposableReadOnlyCollection<OrtValue> Run(string input, OrtValue value, IReadOnlyList<string> outputs) =>
        _session.Run(_runOptions, [input], [value], outputs);

    /// <summary>Computes one output of float32, float16 or double, as float32 with its shape.</summary>
    /// <exception cref="InvalidFileException">It fails, or gives something else.</exception>
    public (float[] Values, long[] Shape) Floats(string input, OrtValue value, string output)
    {
        try
        {
            using var results = Run(input, value, [output]);
            var type = results[0].GetTensorTypeAndShape();
            float[] values = type.ElementDataType switch
            {
                Microsoft.ML.OnnxRuntime.Tensors.TensorElementType.Float => results[0].GetTensorDataAsSpan<float>().ToArray(),
                Microsoft.ML.OnnxRuntime.Tensors.TensorElementType.Double => Array.ConvertAll(results[0].GetTensorDataAsSpan<double>().ToArray(), v => (float)v),
                Microsoft.ML.OnnxRuntime.Tensors.TensorElementType.Float16 =>
                    Array.ConvertAll(results[0].GetTensorDataAsSpan<Float16>().ToArray(), v => v.ToFloat()),
                var other => throw new InvalidFileException(_path, $"gives {other} as {output}; expected real numbers"),
            };
            return (values, type.Shape);
        }
        catch (OnnxRuntimeException e)
        {
            throw new InvalidFileException(_path, $"failed in ONNX Runtime: {e.Message}", e);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _runOptions.Dispose();
        _session.Dispose();
    }
}
