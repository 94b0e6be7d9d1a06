using Airbench.Onnx;
using Airbench.Training;
using Google.Protobuf;
using Microsoft.ML.OnnxRuntime;
using TorchSharp;
using static Airbench.Onnx.Proto.TensorProto.Types;
using static TorchSharp.torch;

namespace Airbench.Tests;

/// <summary>A convolution as products of matrices and its gradients in ONNX Runtime beside autograd in float64.</summary>
public sealed class WinogradConvolutionTests
{
    private const int Images = 3;
    private const int In = 5;
    private const int Out = 4;

    /// <summary>Every length of tile, tiles that fit and that hang over, planes taken whole (up to 8 x 8) and axis by axis.</summary>
    [Theory]
    [InlineData(1, 1, 1)]
    [InlineData(2, 2, 1)]
    [InlineData(3, 3, 1)]
    [InlineData(7, 7, 1)]
    [InlineData(8, 8, 1)]
    [InlineData(9, 9, 1)]
    [InlineData(15, 15, 1)]
    [InlineData(6, 9, 1)]
    [InlineData(17, 6, 1)]
    [InlineData(7, 7, 0)]
    [InlineData(12, 14, 0)]
    [InlineData(5, 5, 2)]
    public void Output_and_gradients_are_those_of_a_convolution(int height, int width, int padding)
    {
        var layer = new ConvLayer("conv", In, Out, Kernel: 3, padding);
        var (input, output) = (new Plane(In, height, width), new Plane(Out, height + (2 * padding) - 2, width + (2 * padding) - 2));
        var random = new Random(5);
        long[] xShape = [Images, In, height, width], weightShape = [Out, In, 3, 3], gradientShape = [Images, Out, output.Height, output.Width];
        var (x, weight, gradient) = (Values(xShape), Values(weightShape), Values(gradientShape));

        using var session = new InferenceSession(Model(layer, input, output));
        var inputs = new Dictionary<string, OrtValue>
        {
            ["x"] = OrtValue.CreateTensorValueFromMemory(x, xShape),
            ["conv.weight"] = OrtValue.CreateTensorValueFromMemory(weight, weightShape),
            ["gradient"] = OrtValue.CreateTensorValueFromMemory(gradient, gradientShape),
        };
        using var options = new RunOptions();
        using var found = session.Run(options, inputs, session.OutputNames);

        TorchRuntime.Load();
        using var scope = NewDisposeScope();
        var (exactX, exactWeight) = (tensor(x, xShape).to(ScalarType.Float64).requires_grad_(), tensor(weight, weightShape).to(ScalarType.Float64).requires_grad_());
        var y = nn.functional.conv2d(exactX, exactWeight, padding: [padding, padding]);
        var gradients = autograd.grad([y], [exactX, exactWeight], [tensor(gradient, gradientShape).to(ScalarType.Float64)]);
        Tensor[] expected = [y, .. gradients];
        for (var i = 0; i < expected.Length; i++)
        {
            var error = TrainStepTests.Error(found[i].GetTensorDataAsSpan<float>().ToArray(), expected[i].detach().reshape(-1).data<double>().ToArray());
            Assert.Equal(expected[i].shape, found[i].GetTensorTypeAndShape().Shape);
            Assert.True(error < 2e-6, $"{session.OutputNames[i]}: {error:g3}");
        }
        foreach (var value in inputs.Values)
        {
            value.Dispose();
        }

        float[] Values(long[] shape) =>
            [.. Enumerable.Range(0, (int)shape.Aggregate(1L, (product, extent) => product * extent)).Select(_ => (float)((2 * random.NextDouble()) - 0.7))];
    }

    /// <summary>Of the full-width network only the convolution of 24 channels, on 31 x 31, stays direct.</summary>
    [Theory]
    [InlineData(24, 64, 31, false)]
    [InlineData(64, 64, 15, true)]
    [InlineData(64, 256, 15, true)]
    [InlineData(256, 256, 7, true)]
    [InlineData(256, 256, 3, true)]
    [InlineData(4, 4, 7, false)]
    public void It_pays_where_channels_are_many(int channels, int outputs, int size, bool expected) => Assert.Equal(
        expected, WinogradConvolution.Pays(new ConvLayer("conv", channels, outputs, Kernel: 3, Padding: 1), new Plane(channels, size, size), new Plane(outputs, size, size)));

    private static byte[] Model(ConvLayer layer, Plane input, Plane output)
    {
        var graph = new GraphBuilder("convolution");
        var x = graph.Input("x", DataType.Float, In, input.Height, input.Width);
        var weight = graph.FixedInput("conv.weight", DataType.Float, Out, In, 3, 3);
        var gradient = graph.Input("gradient", DataType.Float, Out, output.Height, output.Width);
        var convolution = new WinogradConvolution(graph, layer, weight, input, output).Write(x);
        var gradients = convolution.Backward!(gradient, new Wanted(Input: true, Parameters: true));
        graph.Output(convolution.Output, DataType.Float, Out, output.Height, output.Width);
        graph.Output(gradients.Input!, DataType.Float, In, input.Height, input.Width);
        graph.FixedOutput(gradients.Weight!, DataType.Float, Out, In, 3, 3);
        return graph.Build(TrainStep.Opset).ToByteArray();
    }
}
