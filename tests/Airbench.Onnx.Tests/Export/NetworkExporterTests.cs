using Airbench.Onnx;
using Airbench.Onnx.Proto;
using Google.Protobuf;

namespace Airbench.Tests;

public sealed class NetworkExporterTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Airbench94_becomes_this_graph()
    {
        var network = RandomNetwork.Small(imageSize: 32, classCount: 10, depth: 2, widths: [64, 256, 256]);

        Assert.Equal(
            """
            opset 17, IR 8
            in images Uint8 [N,3,32,32]
            pixels = Cast(images) to=1
            whiten = Conv(pixels, .weight[24,3,2,2], .bias[24]) kernel_shape=2,2 pads=0,0,0,0
            whiten.gelu/div = Div(whiten, 1.4142135)
            whiten.gelu/erf = Erf(whiten.gelu/div)
            whiten.gelu/add = Add(whiten.gelu/erf, 1)
            whiten.gelu/mul = Mul(whiten, whiten.gelu/add)
            whiten.gelu = Mul(whiten.gelu/mul, 0.5)
            group1.conv1 = Conv(whiten.gelu, .weight[64,24,3,3], .bias[64]) kernel_shape=3,3 pads=1,1,1,1
            group1.pool = MaxPool(group1.conv1) kernel_shape=2,2 strides=2,2
            group1.gelu1/div = Div(group1.pool, 1.4142135)
            group1.gelu1/erf = Erf(group1.gelu1/div)
            group1.gelu1/add = Add(group1.gelu1/erf, 1)
            group1.gelu1/mul = Mul(group1.pool, group1.gelu1/add)
            group1.gelu1 = Mul(group1.gelu1/mul, 0.5)
            group1.conv2 = Conv(group1.gelu1, .weight[64,64,3,3], .bias[64]) kernel_shape=3,3 pads=1,1,1,1
            group1.gelu2/div = Div(group1.conv2, 1.4142135)
            group1.gelu2/erf = Erf(group1.gelu2/div)
            group1.gelu2/add = Add(group1.gelu2/erf, 1)
            group1.gelu2/mul = Mul(group1.conv2, group1.gelu2/add)
            group1.gelu2 = Mul(group1.gelu2/mul, 0.5)
            group2.conv1 = Conv(group1.gelu2, .weight[256,64,3,3], .bias[256]) kernel_shape=3,3 pads=1,1,1,1
            group2.pool = MaxPool(group2.conv1) kernel_shape=2,2 strides=2,2
            group2.gelu1/div = Div(group2.pool, 1.4142135)
            group2.gelu1/erf = Erf(group2.gelu1/div)
            group2.gelu1/add = Add(group2.gelu1/erf, 1)
            group2.gelu1/mul = Mul(group2.pool, group2.gelu1/add)
            group2.gelu1 = Mul(group2.gelu1/mul, 0.5)
            group2.conv2 = Conv(group2.gelu1, .weight[256,256,3,3], .bias[256]) kernel_shape=3,3 pads=1,1,1,1
            group2.gelu2/div = Div(group2.conv2, 1.4142135)
            group2.gelu2/erf = Erf(group2.gelu2/div)
            group2.gelu2/add = Add(group2.gelu2/erf, 1)
            group2.gelu2/mul = Mul(group2.conv2, group2.gelu2/add)
            group2.gelu2 = Mul(group2.gelu2/mul, 0.5)
            group3.conv1 = Conv(group2.gelu2, .weight[256,256,3,3], .bias[256]) kernel_shape=3,3 pads=1,1,1,1
            group3.pool = MaxPool(group3.conv1) kernel_shape=2,2 strides=2,2
            group3.gelu1/div = Div(group3.pool, 1.4142135)
            group3.gelu1/erf = Erf(group3.gelu1/div)
            group3.gelu1/add = Add(group3.gelu1/erf, 1)
            group3.gelu1/mul = Mul(group3.pool, group3.gelu1/add)
            group3.gelu1 = Mul(group3.gelu1/mul, 0.5)
            group3.conv2 = Conv(group3.gelu1, .weight[256,256,3,3], .bias[256]) kernel_shape=3,3 pads=1,1,1,1
            group3.gelu2/div = Div(group3.conv2, 1.4142135)
            group3.gelu2/erf = Erf(group3.gelu2/div)
            group3.gelu2/add = Add(group3.gelu2/erf, 1)
            group3.gelu2/mul = Mul(group3.conv2, group3.gelu2/add)
            group3.gelu2 = Mul(group3.gelu2/mul, 0.5)
            pool/max = GlobalMaxPool(group3.gelu2)
            pool = Flatten(pool/max) axis=1
            head: logits = Gemm(pool, .weight[10,256]) transB=1
            probabilities = Softmax(logits) axis=1
            out logits Float [N,10]
            out probabilities Float [N,10]
            """, GraphText.Of(Build(network)));
    }

    [Fact]
    public void Depth_3_adds_the_first_activation_of_its_group_before_the_last_one()
    {
        var lines = GraphText.Of(Build(RandomNetwork.Small(depth: 3))).Split('\n')
            .Where(line => line.StartsWith("group2", StringComparison.Ordinal) && !line.Contains('/'));

        Assert.Equal(
        [
            "group2.conv1 = Conv(group1.gelu3, .weight[6,4,3,3], .bias[6]) kernel_shape=3,3 pads=1,1,1,1",
            "group2.pool = MaxPool(group2.conv1) kernel_shape=2,2 strides=2,2",
            "group2.conv2 = Conv(group2.gelu1, .weight[6,6,3,3], .bias[6]) kernel_shape=3,3 pads=1,1,1,1",
            "group2.conv3 = Conv(group2.gelu2, .weight[6,6,3,3], .bias[6]) kernel_shape=3,3 pads=1,1,1,1",
            "group2.add = Add(group2.conv3, group2.gelu1)",
        ], lines);
    }

    [Fact]
    public void A_resnet_centres_its_pixels_for_the_padded_convolution_and_adds_its_shortcuts()
    {
        var network = RandomNetwork.Small() with { Architecture = Architecture.Resnet18, Widths = [4, 6, 8, 10], Activation = Activation.Relu };
        var lines = GraphText.Of(Build(network)).Split('\n');

        Assert.Equal(
            """
            in images Uint8 [N,3,16,16]
            pixels = Cast(images) to=1
            pixels/centred = Sub(pixels, .mean[3,1,1])
            stem.conv = Conv(pixels/centred, .weight[4,3,3,3], .bias[4]) kernel_shape=3,3 pads=1,1,1,1
            stem.relu = Relu(stem.conv)
            stage1.block1.conv1 = Conv(stem.relu, .weight[4,4,3,3], .bias[4]) kernel_shape=3,3 pads=1,1,1,1
            stage1.block1.relu1 = Relu(stage1.block1.conv1)
            stage1.block1.conv2 = Conv(stage1.block1.relu1, .weight[4,4,3,3], .bias[4]) kernel_shape=3,3 pads=1,1,1,1
            stage1.block1.add = Add(stage1.block1.conv2, stem.relu)
            stage1.block1.relu2 = Relu(stage1.block1.add)
            """.Split('\n'), lines[1..11]);
        Assert.Equal(
            """
            stage2.block1.shortcut.conv = Conv(stage1.block2.relu2, .weight[6,4,1,1], .bias[6]) kernel_shape=1,1 pads=0,0,0,0 strides=2,2
            stage2.block1.conv1 = Conv(stage1.block2.relu2, .weight[6,4,3,3], .bias[6]) kernel_shape=3,3 pads=1,1,1,1 strides=2,2
            stage2.block1.relu1 = Relu(stage2.block1.conv1)
            stage2.block1.conv2 = Conv(stage2.block1.relu1, .weight[6,6,3,3], .bias[6]) kernel_shape=3,3 pads=1,1,1,1
            stage2.block1.add = Add(stage2.block1.conv2, stage2.block1.shortcut.conv)
            stage2.block1.relu2 = Relu(stage2.block1.add)
            """.Split('\n'), lines.Where(line => line.StartsWith("stage2.block1.", StringComparison.Ordinal)));
        Assert.Equal(
        [
            "pool/mean = GlobalAveragePool(stage4.block2.relu2)",
            "pool = Flatten(pool/mean) axis=1",
            "head: logits = Gemm(pool, .weight[3,10], .bias[3]) transB=1",
        ], lines[^6..^3]);
    }

    [Fact]
    public void Silu_is_its_input_times_its_sigmoid_and_the_whitening_layer_keeps_gelu() => Assert.Equal(
        ["whiten.gelu = Mul(whiten.gelu/mul, 0.5)", "group1.silu1/sigmoid = Sigmoid(group1.pool)", "group1.silu1 = Mul(group1.pool, group1.silu1/sigmoid)"],
        GraphText.Of(Build(RandomNetwork.Small() with { Activation = Activation.Silu })).Split('\n')
            .Where(line => line.StartsWith("whiten.gelu =", StringComparison.Ordinal) || line.StartsWith("group1.silu1", StringComparison.Ordinal)));

    [Fact]
    public void The_same_weights_give_the_same_bytes_and_other_weights_give_others()
    {
        var network = RandomNetwork.Small();

        Assert.Equal(Build(network, seed: 3).ToByteArray(), Build(network, seed: 3).ToByteArray());
        Assert.NotEqual(Build(network, seed: 3).ToByteArray(), Build(network, seed: 4).ToByteArray());
    }

    [Fact]
    public void The_model_carries_where_it_comes_from_and_that_its_images_were_drawn()
    {
        var model = Build(RandomNetwork.Small());
        var metadata = model.MetadataProps.ToDictionary(p => p.Key, p => p.Value);

        Assert.Equal(
        [
            "classes", "preprocessing", "image_size", "fit", "layout", "recipe", "seed", "dataset", "dataset_sha256", "synthetic", "weights_sha256",
            "accuracy_plain", "accuracy_tta", "accuracy_n", "tta", "product_version",
        ], model.MetadataProps.Select(p => p.Key));
        Assert.Equal("""["class 0","class 1","class 2"]""", metadata["classes"]);
        Assert.Equal(("airbench94", "7", "drawn", "true"),
            (metadata["recipe"], metadata["seed"], metadata["dataset"], metadata["synthetic"]));
        Assert.Equal(("0.9005", "0.911", "2000", "mirror_translate"),
            (metadata["accuracy_plain"], metadata["accuracy_tta"], metadata["accuracy_n"], metadata["tta"]));
        Assert.Equal((Product.Name, Product.Version), (model.ProducerName, model.ProducerVersion));
        Assert.Contains("synthetic", model.DocString, StringComparison.Ordinal);
    }

    [Fact]
    public void A_model_of_photographs_does_not_say_synthetic()
    {
        var network = RandomNetwork.Small();
        var weights = RandomNetwork.WriteWeights(_folder.Path, network, RandomNetwork.Weights(network, 1));
        var model = NetworkExporter.Build(RandomNetwork.Manifest(network) with { Synthetic = false }, weights, 17);

        Assert.DoesNotContain("synthetic", model.DocString, StringComparison.Ordinal);
        Assert.Equal("false", model.MetadataProps.Single(p => p.Key == "synthetic").Value);
    }

    [Theory]
    [InlineData("group2.conv1.weight", 5, float.NaN, "element 5 of tensor 'group2.conv1.weight' is NaN")]
    [InlineData("whiten.bias", 23, float.PositiveInfinity, "element 23 of tensor 'whiten.bias' is")]
    [InlineData("group1.norm1.running_var", 2, -1f, "element 2 of tensor 'group1.norm1.running_var' is -1; a variance is not negative")]
    public void A_weight_that_no_training_leaves_is_refused_by_name(string tensor, int element, float value, string expected) =>
        Assert.Contains(expected, Refusal(weights => weights[tensor][element] = value), StringComparison.Ordinal);

    [Fact]
    public void A_missing_tensor_is_named() =>
        Assert.Contains("has no tensor 'head.weight'", Refusal(weights => weights.Remove("head.weight")), StringComparison.Ordinal);

    [Fact]
    public void A_tensor_that_the_network_does_not_know_is_named() =>
        Assert.Contains("does not know: group4.conv1.weight", Refusal(weights => weights["group4.conv1.weight"] = [1]),
            StringComparison.Ordinal);

    [Fact]
    public void A_tensor_of_another_shape_is_shown_with_both_shapes()
    {
        var weights = RandomNetwork.Weights(RandomNetwork.Small(classCount: 4), 1);
        var path = RandomNetwork.WriteWeights(_folder.Path, RandomNetwork.Small(classCount: 4), weights);
        var e = Assert.Throws<InvalidFileException>(
            () => NetworkExporter.Build(RandomNetwork.Manifest(RandomNetwork.Small(classCount: 3)), path, 17));

        Assert.Contains("'head.weight' is F32 [4, 5]; expected F32 [3, 5]", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_fold_that_leaves_float32_is_refused() =>
        Assert.Contains("overflows float32", Refusal(weights =>
        {
            weights["group1.norm1.running_var"][0] = 0;
            weights["group1.conv1.weight"][0] = 1e36f;
        }), StringComparison.Ordinal);

    [Fact]
    public void A_name_cannot_be_given_twice_nor_used_before_it_exists()
    {
        var graph = new GraphBuilder("g");
        graph.Input("x", TensorProto.Types.DataType.Float, 1);

        Assert.Throws<InvalidOperationException>(() => graph.Node("Erf", "x", ["x"]));
        Assert.Throws<InvalidOperationException>(() => graph.Node("Erf", "y", ["z"]));
    }

    private string Refusal(Action<Dictionary<string, float[]>> damage)
    {
        var network = RandomNetwork.Small();
        var weights = RandomNetwork.Weights(network, 1);
        damage(weights);
        var path = RandomNetwork.WriteWeights(_folder.Path, network, weights);
        return Assert.Throws<InvalidFileException>(() => NetworkExporter.Build(RandomNetwork.Manifest(network), path, 17)).Message;
    }

    private ModelProto Build(NetworkSpec network, int seed = 1) =>
        NetworkExporter.Build(
            RandomNetwork.Manifest(network), RandomNetwork.WriteWeights(_folder.Path, network, RandomNetwork.Weights(network, seed)), 17);
}
