using System.CommandLine;
using System.Text.Json;
using Airbench.Cli;
using Airbench.Onnx;
using Airbench.Onnx.Proto;
using Google.Protobuf;

namespace Airbench.Tests;

/// <summary><c>airbench inspect</c>, as a person and as a program reads it.</summary>
public sealed class InspectTests : IDisposable
{
    private readonly Workplace _place = new();

    public InspectTests()
    {
        var graph = new GraphBuilder("small");
        var conv = graph.Node("Conv", "conv", [Cast(graph, graph.Input("images", TensorProto.Types.DataType.Uint8, 3, 8, 8)), graph.Initializer("w", new float[4 * 27], 4, 3, 3, 3)]);
        graph.Node("Gemm", "fc", [graph.Node("Flatten", "flat", [graph.Node("GlobalAveragePool", "pool", [conv])]), graph.Initializer("head", new float[8], 4, 2)], [], "scores");
        graph.Output("scores", TensorProto.Types.DataType.Float, 2);
        File.WriteAllBytes(_place["small.onnx"], graph.Build(17).ToByteArray());

        static string Cast(GraphBuilder graph, string x) => graph.Node("Cast", "values", [x], [Airbench.Onnx.Attribute.Int("to", (long)TensorProto.Types.DataType.Float)]);
    }

    public void Dispose() => _place.Dispose();

    [Fact]
    public void A_table_for_people_and_json_for_programs_say_the_same()
    {
        var (code, output, errors) = _place.Run("inspect", "small.onnx");
        Assert.True(code == 0, errors);
        Assert.Contains("| operators", output, StringComparison.Ordinal);
        Assert.Contains("Cast 1, Conv 1, Flatten 1, Gemm 1, GlobalAveragePool 1", output, StringComparison.Ordinal);
        Assert.Contains("Gemm 'fc' reads flat and gives scores; 4 features", output, StringComparison.Ordinal);

        (code, output, errors) = _place.Run("inspect", "small.onnx", "--json");
        Assert.True(code == 0, errors);
        using var json = JsonDocument.Parse(output);
        Assert.Equal((9 * 3 * 4 * 36) + 8, json.RootElement.GetProperty("multiply_adds").GetInt64());
        Assert.Equal(116, json.RootElement.GetProperty("parameters").GetInt64());
        Assert.Equal("Gemm 'fc' reads flat and gives scores", json.RootElement.GetProperty("head").GetString());
    }

    [Theory]
    [InlineData("missing.onnx: does not exist", "missing.onnx")]
    [InlineData("small.onnx: input images uint8 [N, 3, 8, 8] takes pixels as they are", "small.onnx", "--scale", "1")]
    [InlineData("std: [0, 1, 1]; expected 3 numbers above 0", "small.onnx", "--scale", "1", "--std", "[0, 1, 1]")]
    public void Wrong_files_and_options_are_named(string says, params string[] arguments)
    {
        var parsed = CommandLine.Create().Parse(["inspect", _place[arguments[0]], .. arguments[1..]]);
        var error = Assert.ThrowsAny<AirbenchException>(() => parsed.Invoke(new InvocationConfiguration { EnableDefaultExceptionHandler = false }));
        Assert.Contains(says, error.Message, StringComparison.Ordinal);
    }
}
