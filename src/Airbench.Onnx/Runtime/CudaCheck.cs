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

    /// <summary>What the tiny model answers on a device.</summary>
    internal static float[] Answer(ExecutionDevice device)
    {
        using var options = device.CreateOptions(threads: 1);
        using var session = new InferenceSession(Model().ToByteArray(), options);
        using var runOptions = new RunOptions();
        var random = new Random(1);
        using var x = OrtValue.CreateTensorValueFromMemory(Numbers(random, 3 * Size * Size), [1, 3, Size, Size]);
        using var y = session.Run(runOptions, ["x"], [x], ["y"]);
        return y[0].GetTensorDataAsSpan<float>().ToArray();
    }

    private static ModelProto Model()
    {
        var random = new Random(2);
        var graph = new GraphBuilder("check");
        var x = graph.FixedInput("x", TensorProto.Types.DataType.Float, 1, 3, Size, Size);
        var filters = graph.Initializer("filters", Numbers(random, Channels * 3 * 9), Channels, 3, 3, 3);
        var matrix = graph.Initializer("matrix", Numbers(random, (Size - 2) * Channels), Size - 2, Channels);
        var maps = graph.Node("Conv", "maps", [x, filters]);
        graph.FixedOutput(graph.Node("MatMul", "y", [maps, matrix]), TensorProto.Types.DataType.Float, 1, Channels, Size - 2, Channels);
        return graph.Build(opset: 17);
    }

    /// <summary>-0.5 to 0.5.</summary>
    private static float[] Numbers(Random random, int count)
    {
        var values = new float[count];
        foreach (ref var value in values.AsSpan())
        {
            value = random.NextSingle() - 0.5f;
        }
        return values;
    }
}
