using Airbench.Onnx.Proto;
using Google.Protobuf;
using Microsoft.ML.OnnxRuntime;

namespace Airbench.Onnx;

/// <summary>Whether ONNX Runtime really computes on a GPU: a convolution and a product, so cuDNN and cuBLAS, beside the CPU's answer.</summary>
public static class CudaCheck
{
    private const int Size = 16;
    private const int Channels = 8;

    /// <summary>Runs the tiny model on cuda:0.</summary>
    /// <returns>One line for people; null where this ONNX Runtime has no CUDA provider.</returns>
    /// <exception cref="DeviceException">It does not start, or answers wrongly.</exception>
    public static string? Run()
    {
        if (!OnnxRuntime.Start().GetAvailableProviders().Contains("CUDAExecutionProvider"))
        {
            return null;
        }
        var device = ExecutionDevice.Resolve("cuda", ["CUDAExecutionProvider"]);
        try
        {
            var (expected, found) = (Answer(ExecutionDevice.Cpu("cpu")), Answer(device));
            var difference = ParityGate.LargestDifference(found, expected);
            return difference < 1e-4
                ? FormattableString.Invariant($"a convolution and a product on {device.Name} differ from the CPU's by {difference:0.0e+0}")
                : throw new DeviceException(FormattableString.Invariant(
                    $"{device.Name} computes something else than the CPU: a convolution and a product of numbers below 1 differ by {difference}; expected less than 1e-4"));
        }
        catch (OnnxRuntimeException e)
        {
            throw device.DoesNotStart(e);
        }
    }

    /// <summary>What the tiny model answers on a device: float32 [8, 14, 8].</summary>
    internal static float[] Answer(ExecutionDevice device)
    {
        var (x, filters, matrix) = Numbers();
        using var options = device.CreateOptions(threads: 1);
        using var session = new InferenceSession(Model(filters, matrix).ToByteArray(), options);
        using var runOptions = new RunOptions();
        using var input = OrtValue.CreateTensorValueFromMemory(x, [1, 3, Size, Size]);
        using var output = session.Run(runOptions, ["x"], [input], ["y"]);
        return output[0].GetTensorDataAsSpan<float>().ToArray();
    }

    /// <summary>An image [3, 16, 16], filters [8, 3, 3, 3] and a matrix [14, 8], all -0.5 to 0.5.</summary>
    internal static (float[] X, float[] Filters, float[] Matrix) Numbers()
    {
        var random = new Random(1);
        return (Draw(3 * Size * Size), Draw(Channels * 3 * 9), Draw((Size - 2) * Channels));

        float[] Draw(int count) => [.. Enumerable.Range(0, count).Select(_ => random.NextSingle() - 0.5f)];
    }

    private static ModelProto Model(float[] filters, float[] matrix)
    {
        var graph = new GraphBuilder("check");
        var x = graph.FixedInput("x", TensorProto.Types.DataType.Float, 1, 3, Size, Size);
        var maps = graph.Node("Conv", "maps", [x, graph.Initializer("filters", filters, Channels, 3, 3, 3)]);
        var y = graph.Node("MatMul", "y", [maps, graph.Initializer("matrix", matrix, Size - 2, Channels)]);
        graph.FixedOutput(y, TensorProto.Types.DataType.Float, 1, Channels, Size - 2, Channels);
        return graph.Build(opset: 17);
    }
}
