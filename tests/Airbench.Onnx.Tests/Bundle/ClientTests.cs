using Airbench.Onnx;
using Airbench.Onnx.Proto;

namespace Airbench.Tests;

/// <summary>The models of every recipe in the ONNX project's own checker: tests/clients/check_onnx.py.</summary>
public sealed class ClientTests : IDisposable
{
    private readonly Bundles _bundles = new();

    public void Dispose() => _bundles.Dispose();

    /// <summary>One network with every kind of node: GELU, SiLU, and a ResNet's strides, shortcuts and mean pool.</summary>
    [Theory]
    [InlineData("airbench94", 17)]
    [InlineData("airbench96", 17)]
    [InlineData("speedrun2025", 13)]
    [InlineData("resnet18", 17)]
    [InlineData("resnet18", 22)]
    public void The_onnx_checker_accepts_the_network_of_a_recipe_with_full_shape_inference(string name, int opset)
    {
        var recipe = Recipe.All[name];
        int[] narrow = recipe.Architecture == Architecture.Resnet18 ? [2, 3, 4, 5] : [3, 4, 5];
        var network = (recipe with { Widths = narrow }).Network(16, 3, [0.5, 0.5, 0.5], [0.25, 0.25, 0.25]);
        var weights = RandomNetwork.WriteWeights(_bundles.Folder, network, RandomNetwork.Weights(network, seed: 2));
        var model = _bundles.File("recipe.onnx");
        NetworkExporter.Save(NetworkExporter.Build(RandomNetwork.Manifest(network), weights, opset), model);

        CheckWithOnnx(model, opset);
    }

    /// <summary>GELU, SiLU, and a ReLU network with strides and a padded first layer. (Distributions still have a checker without Gelu, opset 20.)</summary>
    [Theory]
    [InlineData("airbench94", 13)]
    [InlineData("airbench96", 17)]
    [InlineData("speedrun2025", 17)]
    [InlineData("resnet18", 22)]
    public void The_onnx_checker_accepts_the_variants_of_a_model(string name, int opset)
    {
        var recipe = Recipe.All[name];
        int[] narrow = recipe.Architecture == Architecture.Resnet18 ? [2, 3, 4, 5] : [3, 4, 5];
        var network = (recipe with { Widths = narrow }).Network(16, 3, [0.5, 0.5, 0.5], [0.25, 0.25, 0.25]);
        var weights = RandomNetwork.WriteWeights(_bundles.Folder, network, RandomNetwork.Weights(network, seed: 2));
        var graph = new QuantizableLayers(new OnnxGraph(NetworkExporter.Build(RandomNetwork.Manifest(network), weights, opset)));
        var ranges = graph.ObservedValues().ToDictionary(value => value, _ => new ValueRange(-1, 3));

        foreach (var variant in (OnnxGraph[])[HalfPrecision.Apply(graph.Graph), Int8.Apply(graph.Graph, graph.Names.ToHashSet(), ranges)])
        {
            var file = _bundles.File($"{Guid.NewGuid():N}.onnx");
            NetworkExporter.Save(variant.Model, file);
            CheckWithOnnx(file, opset);
        }
    }

    private string Save(ModelProto model)
    {
        var file = _bundles.File($"{Guid.NewGuid():N}.onnx");
        NetworkExporter.Save(model, file);
        return file;
    }

    /// <summary>Every input with every opset that changes an operator on the way, and the views inside. (Gelu, from opset 20, is unknown to the checker: see above.)</summary>
    public static TheoryData<string, InputFormat, bool, int> Inputs => new(
        from format in Enum.GetValues<InputFormat>()
        from any in (bool[])[false, true]
        from c in any ? ((string, int)[])[("airbench94", 13), ("resnet18", 22)] : [("airbench96", 17), ("resnet18", 19)]
        select (c.Item1, format, any, c.Item2));

    [Theory]
    [MemberData(nameof(Inputs))]
    public void The_onnx_checker_accepts_every_input_and_the_views_inside(string name, InputFormat format, bool anySize, int opset)
    {
        var recipe = Recipe.All[name];
        int[] narrow = recipe.Architecture == Architecture.Resnet18 ? [2, 3, 4, 5] : [3, 4, 5];
        var network = (recipe with { Widths = narrow }).Network(16, 3, [0.5, 0.5, 0.5], [0.25, 0.25, 0.25]);
        var weights = RandomNetwork.WriteWeights(_bundles.Folder, network, RandomNetwork.Weights(network, seed: 2));
        var fp32 = new OnnxGraph(NetworkExporter.Build(RandomNetwork.Manifest(network), weights, opset, new InputOptions(format, anySize)));
        var layers = new QuantizableLayers(fp32);
        var int8 = Int8.Apply(fp32, layers.Names.ToHashSet(), layers.ObservedValues().ToDictionary(value => value, _ => new ValueRange(-1, 3)));
        var (side, source) = (anySize ? ("'H'", "'W'") : ("16", "16"), NetworkInput.Of(fp32));
        var images = format == InputFormat.Uint8Nhwc ? $"images ['N', {side.Item1}, {side.Item2}, 3]" : $"images ['N', 3, {side.Item1}, {side.Item2}]";

        CheckWithOnnx(opset, images,
        [
            .. ((OnnxGraph[])[
                fp32, HalfPrecision.Apply(fp32), int8,
                .. ((OnnxGraph[])[fp32, int8]).SelectMany(model => (OnnxGraph[])[
                    Voting.Apply(model, source, Tta.MirrorTranslate), Voting.Apply(model, source, Tta.Adaptive, 0.5)])]).Select(model => Save(model.Model)),
        ]);
    }

    [Fact]
    public void The_onnx_checker_accepts_the_model_of_a_bundle() => CheckWithOnnx(_bundles.Export().File("model.onnx"), opset: 17);

    [Fact]
    public void The_test_data_of_a_bundle_are_tensors_of_the_onnx_standard_that_fit_its_model()
    {
        var bundle = _bundles.Export();
        Assert.Contains($"test data: {Bundles.ReferenceCount} images", CheckWithOnnx(bundle.File("model.onnx"), 17, bundle.File("test_data_set_0")),
            StringComparison.Ordinal);

        File.Copy(bundle.File("test_data_set_0/output_0.pb"), bundle.File("test_data_set_0/output_1.pb"), overwrite: true);
        var (exitCode, output) = Programs.Run(
            Programs.PythonWithOnnx()!, Path.Combine(Programs.Clients, "check_onnx.py"), bundle.File("model.onnx"), bundle.File("test_data_set_0"));
        Assert.True(exitCode == 1, output);
        Assert.Contains("output_1.pb: logits", output, StringComparison.Ordinal);
    }

    private static void CheckWithOnnx(int opset, string images, IReadOnlyList<string> models)
    {
        var python = Programs.PythonWithOnnx();
        Assert.SkipWhen(python is null, "no python3 with the package onnx here (Debian: apt install python3-onnx)");
        var (exitCode, output) = Programs.Run(python!, [Path.Combine(Programs.Clients, "check_onnx.py"), "--models", .. models]);
        Assert.True(exitCode == 0, output);
        Assert.Equal(models.Count, output.Split($"opset {opset}, {images}, logits ['N', 3], probabilities ['N', 3]").Length - 1);
    }

    private static string CheckWithOnnx(string model, int opset, params string[] data)
    {
        var python = Programs.PythonWithOnnx();
        Assert.SkipWhen(python is null, "no python3 with the package onnx here (Debian: apt install python3-onnx)");

        var (exitCode, output) = Programs.Run(python!, [Path.Combine(Programs.Clients, "check_onnx.py"), model, .. data]);

        Assert.True(exitCode == 0, output);
        Assert.Contains($"opset {opset}, images ['N', 3, 16, 16], logits ['N', 3], probabilities ['N', 3]", output, StringComparison.Ordinal);
        return output;
    }
}
