using System.Text;
using Airbench.Onnx;
using Airbench.Onnx.Proto;
using Google.Protobuf;
using Element = Airbench.Onnx.Proto.TensorProto.Types.DataType;

namespace Airbench.Tests;

/// <summary>A few bytes that ask for gigabytes, or for hours: refused by what follows from shapes, before ONNX Runtime sees the file.</summary>
public sealed class HostileSizeTests : IDisposable
{
    private const int Size = ColourModels.Size;

    private readonly ColourModels _models = new();

    public void Dispose() => _models.Dispose();

    /// <summary>Each adds nodes to a graph with the images <c>pixels</c> [N, 3, 8, 8] and returns a value.</summary>
    private static readonly Dictionary<string, (Func<GraphBuilder, string> Add, string Says)> Hostile = new()
    {
        ["convolution pads"] = (g => g.Node("Conv", "big", ["pixels", Weights(g, 1, 3, 1, 1)], [Ints("pads", 0, 1 << 30, 0, 1 << 30)]), "makes a value of [1, 1, 8, 2147483656] in Conv 'big'"),
        ["convolution pads beyond all numbers"] = (g => g.Node("Conv", "big", ["pixels", Weights(g, 1, 3, 1, 1)], [Ints("pads", long.MaxValue, long.MaxValue, long.MaxValue, long.MaxValue)]),
            "in Conv 'big' for 1 image; at most 134,217,728 elements for an image"),
        ["the pads of the 49 kB model"] = (g => g.Node("Conv", "big", ["pixels", Weights(g, 64, 3, 1, 1)], [Ints("pads", 0, 1 << 20, 0, 1 << 20)]), "makes a value of [1, 64, 8, 2097160]"),
        ["pads behind something unknown"] = (g => g.Node("Conv", "big", [g.Node("NonMaxSuppression", "unknown", ["pixels"]), Weights(g, 1, 3, 1, 1)], [Ints("pads", 1 << 20, 1 << 20, 1 << 20, 1 << 20)]),
            "makes a value of [1, 1, 2097153, 2097153]"),
        ["a transposed convolution's stride"] = (g => g.Node("ConvTranspose", "big", ["pixels", Weights(g, 3, 1, 1, 1)], [Ints("strides", 1 << 20, 1 << 20)]), "in ConvTranspose 'big'"),
        ["a transposed convolution's output shape"] = (g => g.Node("ConvTranspose", "big", ["pixels", Weights(g, 3, 1, 1, 1)], [Ints("output_shape", 1 << 20, 1 << 20)]), "[1, 1, 1048576, 1048576]"),
        ["a pool's pads"] = (g => g.Node("AveragePool", "big", ["pixels"], [Ints("kernel_shape", 2, 2), Ints("pads", 1 << 20, 1 << 20, 1 << 20, 1 << 20)]), "in AveragePool 'big'"),
        ["a pad"] = (g => g.Node("Pad", "big", ["pixels", g.Integers(0, 0, 0, 0, 0, 0, 0, 1 << 28)]), "[1, 3, 8, 268435464] in Pad 'big'"),
        ["a pad on some axes"] = (g => g.Node("Pad", "big", ["pixels", g.Integers(0, 1 << 28), g.Scalar("zero", 0), g.Integers("axes", -1)]), "in Pad 'big'"),
        ["scales of a resize"] = (g => g.Node("Resize", "big", ["pixels", g.Initializer("roi", [], 0), g.Initializer("scales", [1f, 1, 10_000, 10_000], 4)]), "[1, 3, 80000, 80000] in Resize 'big'"),
        ["sizes of a resize"] = (g => g.Node("Resize", "big", ["pixels", g.Initializer("roi", [], 0), g.Initializer("none", [], 0), g.Integers(1, 3, 1 << 20, 1 << 20)]), "in Resize 'big'"),
        ["an old upsampling"] = (g => g.Node("Upsample", "big", ["pixels", g.Initializer("scales", [1f, 1, 1e9f, 1e9f], 4)]), "in Upsample 'big'"),
        ["an expansion"] = (g => g.Node("Expand", "big", ["pixels", g.Integers(1 << 20, 3, 8, 8)]), "[1048576, 3, 8, 8] in Expand 'big'"),
        ["tiles"] = (g => g.Node("Tile", "big", ["pixels", g.Integers(1, 1 << 20, 1 << 20, 1)]), "in Tile 'big'"),
        ["a constant of a shape"] = (g => g.Node("ConstantOfShape", "big", [g.Integers(1 << 20, 1 << 20)]), "[1048576, 1048576] in ConstantOfShape 'big'"),
        ["a computed shape"] = (g =>
        {
            var side = g.Node("Mul", "side", [g.Node("Gather", "height", [g.Node("Shape", "shape", ["pixels"]), g.Integers("third", 2)]), g.Integers("times", 1 << 20)]);
            return g.Node("ConstantOfShape", "big", [g.Node("Concat", "sides", [side, side], [Airbench.Onnx.Attribute.Int("axis", 0)])]);
        }, "[8388608, 8388608] in ConstantOfShape 'big'"),
        ["a range"] = (g => g.Node("Range", "big", [g.Integer("first", 0), g.Integer("limit", 1L << 40), g.Integer("step", 1)]), "[1099511627776] in Range 'big'"),
        ["random numbers"] = (g => g.Node("RandomNormal", "big", [], [Ints("shape", 1 << 20, 1 << 20)]), "in RandomNormal 'big'"),
        ["one-hot rows"] = (g => g.Node("OneHot", "big", ["pixels", g.Integer("depth", 1L << 40), g.Initializer("values", [0f, 1], 2)]), "in OneHot 'big'"),
        ["an outer product"] = (g => g.Node("MatMul", "big", [Column(g), g.Node("Transpose", "row", ["column"])]), "[65536, 65536] in MatMul 'big'"),
        ["a broadcast sum"] = (g => g.Node("Add", "big", [Column(g), g.Node("Transpose", "row", ["column"])]), "[65536, 65536] in Add 'big'"),
        ["an Einstein sum"] = (g => g.Node("Einsum", "big", [Column(g), "column"], [Text("equation", "ij,kj->ik")]), "[65536, 65536] in Einsum 'big'"),
        ["doubling, thirty times"] = (g => Enumerable.Range(0, 30).Aggregate("pixels", (x, i) => g.Node("Concat", $"twice{i}", [x, x], [Airbench.Onnx.Attribute.Int("axis", 3)])),
            "in Concat 'twice"),
        ["large kernels"] = (g => g.Node("Conv", "slow", [g.Node("Tile", "wide", ["pixels", g.Integers(1, 1, 64, 64)]), g.Node("Expand", "kernel", [Weights(g, 1, 1, 1, 1), g.Integers(64, 3, 500, 500)])],
            [Ints("pads", 250, 250, 250, 250)]), "needs more than 4,398,046,511,104 multiply-adds for an image"),
        ["a batch times itself"] = (g => g.Node("Einsum", "big", [g.Node("Tile", "wide", ["pixels", g.Integers(1, 1, 3, 3)]), "wide"], [Text("equation", "nchw,mdij->nchwmdij")]),
            "in Einsum 'big' for 100 images"),
        ["a loop of a billion turns over what has no shape in the file"] = (g => Loop(g, 1_000_000_000, body => body.Node("Tanh", "y", ["x"])), "multiply-adds for an image"),
        ["a loop that doubles what it carries"] = (g => Loop(g, 40, body => body.Node("Concat", "twice", ["x", "x"], [Airbench.Onnx.Attribute.Int("axis", 3)])), "in Concat 'twice'"),
        ["a loop of a billion turns"] = (g =>
        {
            var body = g.Inner("turn");
            body.FixedInput("turn", Element.Int64);
            body.FixedInput("goes", Element.Bool);
            body.FixedInput("x", Element.Float, 3, 8, 8, 8);
            body.FixedOutput(body.Node("Identity", "on", ["goes"]), Element.Bool);
            body.FixedOutput(body.Node("Tanh", "y", ["x"]), Element.Float, 3, 8, 8, 8);
            body.FixedOutput(body.Node("ConstantOfShape", "written", [body.Integers("extents", 100, 100, 1)]), Element.Float, 100, 100, 1);
            return g.Node("Loop", "loop", [g.Integer("turns", 1_000_000_000), g.Initializer(Tensors.Create<bool>("go", Element.Bool, [true]), ""), "pixels"], [body.AsAttribute("body")]);
        }, "needs more than 4,398,046,511,104 multiply-adds for an image, at least"),
        ["inside of a branch"] = (g =>
        {
            AttributeProto Branch(string name, string op)
            {
                var branch = g.Inner(name);
                branch.FixedOutput(branch.Node(op, $"{name}/big", ["pixels", .. op == "Pad" ? (string[])[branch.Integers("pads", 0, 0, 0, 0, 0, 0, 0, 1 << 28)] : []]), Element.Float, 1);
                return branch.AsAttribute(name);
            }
            return g.Node("If", "if", [g.Initializer(Tensors.Create<bool>("go", Element.Bool, [true]), "")], [Branch("then_branch", "Identity"), Branch("else_branch", "Pad")]);
        }, "in Pad 'else_branch/big'"),
    };

    /// <summary>What is carried has no extents in the file: they follow from what goes in.</summary>
    private static string Loop(GraphBuilder g, long turns, Func<GraphBuilder, string> step)
    {
        var body = g.Inner("turn");
        body.FixedInput("turn", Element.Int64);
        body.FixedInput("goes", Element.Bool);
        body.Input("x", Element.Float, ["n", "c", "h", "w"]);
        body.FixedOutput(body.Node("Identity", "on", ["goes"]), Element.Bool);
        body.FixedOutput(step(body), Element.Float, 1);
        return g.Node("Loop", "loop", [g.Integer("turns", turns), g.Initializer(Tensors.Create<bool>("go", Element.Bool, [true]), ""), "pixels"], [body.AsAttribute("body")]);
    }

    public static TheoryData<string> Names => [.. Hostile.Keys];

    [Theory]
    [MemberData(nameof(Names))]
    public void A_small_file_that_asks_for_too_much_is_refused_by_the_node(string name)
    {
        var (add, says) = Hostile[name];
        var path = Write(add);

        var message = Assert.Throws<InvalidFileException>(() => Describe(path)).Message;

        Assert.Contains(says, message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', message);
    }

    [Fact]
    public void What_functions_of_the_file_compute_counts_wherever_they_are_called()
    {
        var conv = new NodeProto { Name = "big", OpType = "Conv", Input = { "x", "w" }, Output = { "y" }, Attribute = { Ints("pads", 0, 1 << 30, 0, 1 << 30) } };
        var path = WriteCalling("Widen", Function("Widen", ["x", "w"], conv));

        Assert.Contains("makes a value of [1, 1, 8, 2147483656] in Conv 'big'", Assert.Throws<InvalidFileException>(() => Describe(path)).Message, StringComparison.Ordinal);
    }

    /// <summary>25 functions, each of which calls the next one twice, are 33 million calls; one that calls itself has no end.</summary>
    [Fact]
    public void Functions_that_stand_for_any_number_of_nodes_are_refused()
    {
        static NodeProto Call(string function, string name) => new() { Name = name, OpType = function, Domain = "own", Input = { "x", "w" }, Output = { name } };
        var chain = Enumerable.Range(0, 25).Select(i => Function($"F{i}", ["x", "w"], Call($"F{i + 1}", "a"), Call($"F{i + 1}", "y"))).ToArray();
        var path = WriteCalling("F0", chain);
        Assert.Contains("has more than 250,000 nodes when its functions are written out", Assert.Throws<InvalidFileException>(() => Describe(path)).Message, StringComparison.Ordinal);

        path = WriteCalling("Self", Function("Self", ["x", "w"], Call("Self", "y")));
        Assert.Contains("has functions that call each other deeper than 32 levels", Assert.Throws<InvalidFileException>(() => Describe(path)).Message, StringComparison.Ordinal);
    }

    /// <summary>The open size of the images is known when the bound is computed; so is a fixed batch, which may be large.</summary>
    [Fact]
    public void Sizes_that_the_user_gives_and_fixed_batches_count()
    {
        var open = ModelProto.Parser.ParseFrom(File.ReadAllBytes(Write(g => g.Node("Tile", "many", ["pixels", g.Integers(1, 1, 64, 64)]))));
        foreach (var i in (int[])[2, 3])
        {
            open.Graph.Input[0].Type.TensorType.Shape.Dim[i] = new() { DimParam = $"d{i}" };
        }
        var path = _models.Write("open.onnx", open);
        ModelDescription.Read(path, ModelInspector.Inspect(path), new ClassifierOptions { Scale = 1, ImageSize = 64 });
        Assert.Contains("[1, 3, 262144, 262144] in Tile 'many'", Assert.Throws<InvalidFileException>(
            () => ModelDescription.Read(path, ModelInspector.Inspect(path), new ClassifierOptions { Scale = 1, ImageSize = 4096 })).Message, StringComparison.Ordinal);

        var model = ModelProto.Parser.ParseFrom(File.ReadAllBytes(Write(g => g.Node("Tile", "many", ["pixels", g.Integers(1, 1, 64, 64)]))));
        foreach (var value in model.Graph.Input.Concat(model.Graph.Output))
        {
            value.Type.TensorType.Shape.Dim[0].DimValue = 1000;   // 1000 images of 786,432 elements are 786 million
        }
        Describe(_models.Write("batch.onnx", model));
    }

    /// <summary>The estimate of a known network, so that the bounds mean what they say: multiply-adds by hand.</summary>
    [Fact]
    public void Multiply_adds_of_a_network_are_those_of_its_layers()
    {
        var path = Write(g =>
        {
            var conv = g.Node("Conv", "conv", ["pixels", Weights(g, 5, 3, 3, 3)], [Ints("pads", 1, 1, 1, 1), Ints("strides", 2, 2)]);   // 5 x 4 x 4 of 27
            return g.Node("Relu", "relu", [conv]);                                                                                       // 80 elements
        });
        var facts = ModelInspector.Inspect(path);

        // conv 80 * 27, relu 80, mean 80 -> 5 elements, product 5 * 3
        Assert.Equal((80 * 27) + 80 + 5 + (5 * 3), SizeEstimate.Check(path, facts, "pixels", [1, 3, Size, Size], 1));
        Assert.Equal(4 * ((80 * 27) + 80 + 5 + (5 * 3)), SizeEstimate.Check(path, facts, "pixels", [4, 3, Size, Size], 4));
    }

    /// <summary>Shapes that follow from the rules against those that ONNX Runtime finds: our own networks, which use many operators.</summary>
    [Theory]
    [InlineData("airbench96", 17, InputFormat.Uint8Nhwc)]
    [InlineData("resnet18", 22, InputFormat.FloatNchw)]
    public void Our_own_models_of_every_kind_pass(string name, int opset, InputFormat format)
    {
        var recipe = Recipe.All[name];
        int[] narrow = recipe.Architecture == Architecture.Resnet18 ? [2, 3, 4, 5] : [3, 4, 5];
        var network = (recipe with { Widths = narrow }).Network(16, 3, [0.5, 0.5, 0.5], [0.25, 0.25, 0.25]);
        var weights = RandomNetwork.WriteWeights(_models.Folder, network, RandomNetwork.Weights(network, seed: 2));
        var fp32 = new OnnxGraph(NetworkExporter.Build(RandomNetwork.Manifest(network), weights, opset, new InputOptions(format, AnySize: true)));
        foreach (var model in (OnnxGraph[])[fp32, HalfPrecision.Apply(fp32), Voting.Apply(fp32, NetworkInput.Of(fp32), Tta.MirrorTranslate), Voting.Apply(fp32, NetworkInput.Of(fp32), Tta.Adaptive, 0.5)])
        {
            var path = _models.Write("ours.onnx", model.Model);
            var description = ModelDescription.Read(path, ModelInspector.Inspect(path), new ClassifierOptions());
            Assert.Equal(16, description.Input.Size);
            Assert.InRange(SizeEstimate.Check(path, ModelInspector.Inspect(path), "images", description.Input.Shape(1), 1), 10_000, 10_000_000);
        }
    }

    [Fact]
    public void The_estimate_takes_no_time_and_no_memory_of_the_size_it_finds()
    {
        var path = Write(Hostile["convolution pads"].Add);
        var before = GC.GetTotalAllocatedBytes(precise: true);

        Assert.Throws<InvalidFileException>(() => Describe(path));

        Assert.InRange(GC.GetTotalAllocatedBytes(precise: true) - before, 0, 10_000_000);
    }

    private static ModelDescription Describe(string path) => ModelDescription.Read(path, ModelInspector.Inspect(path), new ClassifierOptions { Scale = 1 });

    /// <summary>A classifier whose scores come from what <paramref name="add"/> returns; its first three channels count.</summary>
    private string Write(Func<GraphBuilder, string> add)
    {
        var graph = new GraphBuilder("hostile");
        graph.Input("pixels", Element.Float, 3, Size, Size);
        var value = add(graph);
        var means = graph.Node("ReduceMean", "means", [value], [Ints("axes", 2, 3), Airbench.Onnx.Attribute.Int("keepdims", 0)]);
        graph.Node("MatMul", "scores", [means, graph.Initializer("weights", new float[15], 5, 3)]);
        graph.Output("scores", Element.Float, 3);
        return _models.Write("hostile.onnx", ForeignModels.Build(graph));
    }

    /// <summary>A model whose images go through a function of its own, called by the name <paramref name="function"/>.</summary>
    private string WriteCalling(string function, params byte[][] functions)
    {
        var path = Write(g =>
        {
            g.Node(function, "called", ["pixels", Weights(g, 1, 3, 1, 1)], ["called"], [], domain: "own");
            return "called";
        });
        byte[] model = [.. File.ReadAllBytes(path), .. functions.SelectMany(content => ProtoField.Of(25, content))];
        return _models.Write("functions.onnx", model);
    }

    /// <summary>A FunctionProto: name = 1, input = 4, output = 5, node = 7, domain = 10.</summary>
    private static byte[] Function(string name, string[] inputs, params NodeProto[] nodes) =>
    [
        .. ProtoField.Of(1, Encoding.UTF8.GetBytes(name)), .. inputs.SelectMany(input => ProtoField.Of(4, Encoding.UTF8.GetBytes(input))), .. ProtoField.Of(5, "y"u8.ToArray()),
        .. nodes.SelectMany(node => ProtoField.Of(7, node.ToByteArray())), .. ProtoField.Of(10, "own"u8.ToArray()),
    ];

    private static string Weights(GraphBuilder graph, params long[] shape) =>
        graph.Constant($"weights.{string.Join('x', shape)}", new float[shape.Aggregate((a, b) => a * b)], shape);

    /// <summary>65,536 rows of one number.</summary>
    private static string Column(GraphBuilder graph) => graph.Node("Reshape", "column", [graph.Node("Tile", "tall", ["pixels", graph.Integers(1, 1024, 1, 1)]), graph.Integers("two", 65536, 1)]);

    private static AttributeProto Ints(string name, params long[] values) => Airbench.Onnx.Attribute.Ints(name, values);

    private static AttributeProto Text(string name, string value) =>
        new() { Name = name, Type = AttributeProto.Types.AttributeType.String, S = ByteString.CopyFromUtf8(value) };
}
