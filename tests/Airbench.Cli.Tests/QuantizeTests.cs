using System.CommandLine;
using Airbench.Cli;
using Airbench.Onnx;
using Airbench.Onnx.Proto;
using Google.Protobuf;

namespace Airbench.Tests;

/// <summary><c>airbench quantize</c> on the command line.</summary>
public sealed class QuantizeTests : IDisposable
{
    private const int Size = 8, Images = 24;

    private readonly Workplace _place = new();

    public QuantizeTests()
    {
        var graph = new GraphBuilder("small");
        var random = new Random(3);
        var conv = graph.Node("Conv", "conv", [graph.Input("x", TensorProto.Types.DataType.Float, 3, Size, Size), Draw("w", 6, 3, 3, 3)]);
        graph.Node("Gemm", "fc", [graph.Node("Flatten", "flat", [graph.Node("Relu", "act", [conv])]), Draw("head", 6 * 36, 2)], [], "logits");
        graph.Output("logits", TensorProto.Types.DataType.Float, 2);
        File.WriteAllBytes(_place["small.onnx"], graph.Build(17).ToByteArray());
        Directory.CreateDirectory(_place["photos"]);
        foreach (var (i, image) in RandomNetwork.Images(Images, Size, 4).Chunk(3 * Size * Size).Index())
        {
            File.WriteAllBytes(_place[$"photos/{i}.png"], Png.Encode(image, Size));
        }

        string Draw(string name, params long[] shape) =>
            graph.Initializer(name, [.. Enumerable.Range(0, (int)shape.Aggregate((a, b) => a * b)).Select(_ => (float)(random.NextDouble() - 0.5))], shape);
    }

    public void Dispose() => _place.Dispose();

    [Fact]
    public void A_file_is_written_once_and_its_table_says_what_it_is_worth()
    {
        var (code, output, errors) = _place.Run("quantize", "small.onnx", "--data", "photos", "--scale", "0.00392156862745098");
        Assert.True(code == 0, errors);
        Assert.Contains("2 layers on integers, none left in float, 0 that cannot be quantized", output, StringComparison.Ordinal);
        Assert.Contains("calibrated on 12 images; the same class on 12 of 12 others; no accuracy, which needs labelled images and the names of the model's classes (--labels)", output, StringComparison.Ordinal);
        Assert.True(File.Exists(_place["small.int8.onnx"]));

        var error = Assert.Throws<ConfigurationException>(() => Invoke("--scale", "1"));
        Assert.Contains("small.int8.onnx: exists; give another name, or --force", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("what its inpu")]
    [InlineData("calibration.percentile: 20; expected above 50, to 100", "--calibration", "{ percentile: 20 }")]
    [InlineData("max_images: 3", "--max-images", "3")]
    [InlineData("right answers are not known", "--scale", "1", "--max-drop", "0.1")]
    public void Wrong_options_are_named(string says, params string[] arguments) =>
        Assert.Contains(says, Assert.ThrowsAny<AirbenchException>(() => Invoke(arguments)).Message, StringComparison.Ordinal);

    private void Invoke(params string[] arguments) => CommandLine.Create().Parse(["quantize", _place["small.onnx"], "--data", _place["photos"], .. arguments])
        .Invoke(new InvocationConfiguration { EnableDefaultExceptionHandler = false });
}
