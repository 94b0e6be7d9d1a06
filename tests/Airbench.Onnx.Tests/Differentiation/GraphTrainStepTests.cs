using Airbench.Onnx;
using Airbench.Onnx.Proto;
using Google.Protobuf;
using Microsoft.ML.OnnxRuntime;
using TorchSharp;
using static Airbench.Onnx.Proto.TensorProto.Types;
using static TorchSharp.torch;
using Attribute = Airbench.Onnx.Attribute;
using F = TorchSharp.torch.nn.functional;

namespace Airbench.Tests;

/// <summary>Steps of a differentiated graph in ONNX Runtime.</summary>
public sealed class GraphTrainStepTests : IDisposable
{
    private const int Batch = 6;
    private const int Classes = 4;
    private const int Size = 64;
    private const double Smoothing = 0.1;

    private static readonly float[] Weights = [1, 0.5f, 2, 0, 1.5f, 1];
    private static readonly int[] Narrow = [16, 24, 32, 40];

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    /// <summary>With momentum and decay 0 the velocity after a step is the gradient. Wide layers go Winograd's way.</summary>
    [Theory]
    [InlineData(true, 16, 24, 32, 40)]
    [InlineData(false, 16, 24, 32, 40)]
    [InlineData(true, 64, 64, 96, 128)]
    public void Gradients_of_every_tensor_of_ResNet_18_are_those_of_autograd(bool keepsStatistics, params int[] widths)
    {
        var graph = ResidualGraph.Write(Size, widths);
        AreThoseOfAutograd(graph, ResidualGraph.Learned(graph), keepsStatistics, Size, Batch);
    }

    /// <summary>The network that comes with the program: pads that differ from side to side, a mean over windows instead of planes.</summary>
    [Fact]
    public void Gradients_of_every_tensor_of_the_imported_ResNet_18_are_those_of_autograd()
    {
        const string Model = "ResNet18Onnx/ResNet18.onnx", Preprocess = "ResNetPrepOnnx/ResNetPreprocess.onnx";
        var folder = Path.Combine(
            Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".nuget/packages/microsoft.ml.dnnimagefeaturizer.resnet18/0.23.1/tools/DnnImageModels");
        Assert.SkipUnless(File.Exists(Path.Combine(folder, Model)), "the package Microsoft.ML.DnnImageFeaturizer.ResNet18 is not restored");
        var imported = ModelImporter.Import(
            Path.Combine(folder, Model), new ImportOptions { Preprocess = Path.Combine(folder, Preprocess) }, CancellationToken.None);
        var trainable = new GradientPaths(imported.Graph, ValueShapes.Measure(imported.Graph, Model), ImportedModel.Features).Trainable;
        string[] learned = [.. trainable.Where(c => c.Value is null && imported.Graph.Readers(c.Key).All(node => node.OpType is "Conv" or "BatchNormalization")).Select(c => c.Key)];
        Assert.True(learned.Length >= 60, $"{learned.Length} constants can learn: {string.Join(", ", learned)}");
        AreThoseOfAutograd(imported.Graph, learned, keepsStatistics: true, imported.ImageSize, count: 1, sameSigns: true);
    }

    /// <param name="sameSigns">
    /// Whether autograd takes from the step which values pass a Relu. Among millions of values float32 rounds a few to the other side of 0, where the
    /// gradient jumps: one in a million is 1e-3 of its norm.
    /// </param>
    private void AreThoseOfAutograd(OnnxGraph graph, string[] learned, bool keepsStatistics, int size, int count, bool sameSigns = false)
    {
        var step = Step(graph) with { Learned = learned, KeepsStatistics = keepsStatistics };
        var (images, labels, state) = (Array.ConvertAll(RandomNetwork.Images(count, size, 3), pixel => (float)pixel), Labels()[..count], State(step));
        using var session = Open(step, state);
        var logits = new float[count * Classes];

        var loss = session.Step(images, labels, new StepSettings(0.1f, 0, 0), logits, Weights.AsSpan(0, count));

        var after = session.ReadState();
        Assert.Equal(step.State(Classes).Select(t => t.Name).Order(), after.Keys.Order());
        using var torch = new TorchGraph(graph, learned, ScalarType.Float64, !keepsStatistics);
        foreach (var (name, shape, values) in sameSigns ? Relus(step, state, images, labels) : [])
        {
            torch.Open.Add(name, tensor(Array.ConvertAll(values, v => v > 0 ? 1.0 : 0), shape));
        }
        var (head, bias) = (Parameter("head.weight", Classes, step.Width), Parameter("head.bias", Classes));
        var scores = F.linear(torch.Forward(tensor(images, [count, 3, size, size]).to(ScalarType.Float64)), head, bias);
        var each = F.cross_entropy(scores, tensor(labels), reduction: nn.Reduction.None, label_smoothing: Smoothing);
        var factors = tensor(Weights[..count]).to(ScalarType.Float64);
        var expected = (each * factors).sum() / factors.sum();
        Assert.True(TrainStepTests.Error(logits, Values(scores)) < 1e-5);
        Assert.Equal(expected.item<double>(), loss, 1e-5);
        string[] names = [.. learned, "head.weight", "head.bias"];
        var gradients = autograd.grad([expected], [.. learned.Select(name => torch.Tensors[name]), head, bias]);
        Assert.All(names.Zip(gradients), pair =>
        {
            var error = TrainStepTests.Error(after[pair.First + TrainStep.Velocity], Values(pair.Second));
            Assert.True(error <= 1e-4, FormattableString.Invariant($"{pair.First}: {error:g3}"));
        });
        string[] moved = [.. after.Keys.Where(name => name.EndsWith(".mean", StringComparison.Ordinal) || name.EndsWith(".variance", StringComparison.Ordinal))];
        Assert.Equal(keepsStatistics ? 0 : 40, moved.Length);
        Assert.All(moved, name => Assert.True(TrainStepTests.Error(after[name], Values(torch.Tensors[name])) < 1e-5, name));

        Tensor Parameter(string name, params long[] shape) => tensor(state[name].Values, shape).to(ScalarType.Float64).requires_grad_();
    }

    [Fact]
    public void The_update_is_Nesterovs_with_a_rate_of_its_own_for_the_head()
    {
        var graph = ResidualGraph.Write(Size, Narrow);
        var step = Step(graph) with { Learned = ["stage3.block1.conv2.weight"] };
        var before = State(step);
        foreach (var (name, (_, values)) in before.Where(t => t.Key.EndsWith(TrainStep.Velocity, StringComparison.Ordinal)))
        {
            Array.Fill(values, 0.01f);
        }
        using var plain = Open(step, before);
        using var session = Open(step, before);
        plain.Step(Images(), Labels(), new StepSettings(0, 0, 0));   // leaves the gradient in the velocity
        session.Step(Images(), Labels(), new StepSettings(0.05f, 0.9f, 0.002f) { HeadLr = 0.3f });

        var (gradients, after) = (plain.ReadState(), session.ReadState());
        foreach (var (name, rate) in (ReadOnlySpan<(string, double)>)[("stage3.block1.conv2.weight", 0.05), ("head.weight", 0.3), ("head.bias", 0.3)])
        {
            var old = before[name].Values;
            for (var i = 0; i < old.Length; i++)
            {
                var decayed = gradients[name + TrainStep.Velocity][i] + (0.002 * old[i]);
                var velocity = (0.9 * 0.01) + decayed;
                Assert.Equal(velocity, after[name + TrainStep.Velocity][i], 1e-5);
                Assert.Equal(old[i] - (rate * (decayed + (0.9 * velocity))), after[name][i], 1e-5);
            }
        }
    }

    [Fact]
    public void From_an_inner_value_on_the_gradients_are_the_same()
    {
        var graph = ResidualGraph.Write(Size, Narrow);
        string[] learned = [.. ResidualGraph.Learned(graph).Where(name => name.StartsWith("stage3.", StringComparison.Ordinal))];
        var (whole, last) = (Step(graph) with { Learned = learned }, Step(graph) with { Learned = learned, Start = "stage2.block1" });
        var model = last.Build();
        Assert.DoesNotContain(model.Graph.Initializer, tensor => tensor.Name.StartsWith("stage2", StringComparison.Ordinal));
        Assert.Equal([GraphBuilder.Batch, "", "", ""], model.Graph.Input.Single(input => input.Name == "images").Type.TensorType.Shape.Dim.Select(d => d.DimParam));
        using var all = Open(whole, State(whole));
        using var end = Open(last, State(last));

        var loss = all.Step(Images(), Labels(), new StepSettings(0.1f, 0, 0));
        Assert.Equal(loss, end.Step(Inner(graph, "stage2.block1"), Labels(), new StepSettings(0.1f, 0, 0)), 1e-5);
        var (expected, found) = (all.ReadState(), end.ReadState());
        Assert.All(expected, pair => Assert.True(TrainStepTests.Error(found[pair.Key], Array.ConvertAll(pair.Value, v => (double)v)) < 1e-5, pair.Key));
    }

    [Fact]
    public void The_evaluation_answers_what_the_step_saw_and_bytes_are_as_good_as_numbers()
    {
        var graph = ResidualGraph.Write(Size, Narrow);
        var step = Step(graph) with { Learned = ["stage3.block1.conv2.weight"], ImageType = DataType.Uint8 };
        var state = State(step);
        using var session = Open(step, state);
        var logits = new float[Batch * Classes];
        session.Step(Array.ConvertAll(Images(), v => (byte)v), Labels(), new StepSettings(0.1f, 0.9f, 0), logits);

        var evaluation = (Step(graph) with { Learned = step.Learned }).BuildEvaluation();
        Assert.Equal(["images", "head.weight", "head.bias", "stage3.block1.conv2.weight"], evaluation.Graph.Input.Select(input => input.Name));
        using var answers = new InferenceSession(evaluation.ToByteArray());
        using var run = new RunOptions();
        using var images = OrtValue.CreateTensorValueFromMemory(Images(), [Batch, 3, Size, Size]);
        var inputs = answers.InputNames.Skip(1).ToDictionary(name => name, name => OrtValue.CreateTensorValueFromMemory(state[name].Values, state[name].Shape));
        inputs.Add("images", images);
        using var outputs = answers.Run(run, inputs, ["logits"]);
        Assert.True(TrainStepTests.Error(logits, Array.ConvertAll(outputs[0].GetTensorDataAsSpan<float>().ToArray(), v => (double)v)) < 1e-5);
        foreach (var value in inputs.Values)
        {
            value.Dispose();
        }
    }

    [Fact]
    public void The_head_alone_learns_without_any_backward_pass()
    {
        var graph = ResidualGraph.Write(Size, Narrow);
        var step = Step(graph);
        Assert.DoesNotContain(step.Build().Graph.Node, node => node.Name.StartsWith("grad/", StringComparison.Ordinal));
        using var session = Open(step, State(step));
        var first = session.Step(Images(), Labels(), new StepSettings(0.02f, 0.9f, 0));
        var last = Enumerable.Range(0, 20).Select(_ => session.Step(Images(), Labels(), new StepSettings(0.02f, 0.9f, 0))).Last();
        Assert.True(last < first - 0.1, $"{first} -> {last}");
    }

    [Fact]
    public void An_operator_without_a_rule_is_named_and_what_is_behind_it_can_learn()
    {
        var builder = new GraphBuilder("test");
        var x = builder.Node("Conv", "front", [builder.Input("pixels", DataType.Float, 3, 8, 8), builder.Initializer("front.weight", new float[12], 4, 3, 1, 1)]);
        x = builder.Node("LpPool", "odd", [x], [Attribute.Ints("kernel_shape", 2, 2)]);
        x = builder.Node("Conv", "back", [x, builder.Initializer("back.weight", new float[20], 5, 4, 1, 1)]);
        builder.Output(builder.Node("Flatten", "features", [builder.Node("GlobalAveragePool", "average", [x])]), DataType.Float, 5);
        var graph = new OnnxGraph(builder.Build(17));
        var shapes = ValueShapes.Measure(graph, "test.onnx");

        var trainable = new GradientPaths(graph, shapes, "features").Trainable;

        Assert.Null(trainable["back.weight"]);
        Assert.Equal("LpPool 'odd': there is no rule for this operator", trainable["front.weight"]!.ToString());
        Assert.NotNull(new GraphTrainStep(graph, shapes) { Learned = ["back.weight"] }.Build());
        var error = Assert.Throws<ArgumentException>(() => new GraphTrainStep(graph, shapes) { Learned = ["front.weight"] }.Build());
        Assert.Contains("to 'front.weight': LpPool 'odd'", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_constant_on_two_paths_of_which_one_is_closed_cannot_learn()
    {
        var builder = new GraphBuilder("test");
        var (x, weight) = (builder.Input("pixels", DataType.Float, 3), builder.Initializer("weight", new float[3], 3));
        var scaled = builder.Node("Mul", "scaled", [x, weight]);
        builder.Output(builder.Node("Add", "features", [scaled, builder.Node("Sinh", "odd", [scaled])]), DataType.Float, 3);
        var graph = new OnnxGraph(builder.Build(17));
        Assert.Equal("odd", new GradientPaths(graph, ValueShapes.Measure(graph, "test.onnx"), "features").Trainable["weight"]!.Node.Name);
    }

    [Fact]
    public void Whole_numbers_stop_gradients_and_do_not_close_the_way()
    {
        var builder = new GraphBuilder("test");
        var scaled = builder.Node("Mul", "scaled", [builder.Input("pixels", DataType.Float, 2, 3), builder.Initializer("weight", [1, 2, 3], 3)]);
        var shape = builder.Node("Gather", "batch", [builder.Node("Shape", "shape", [scaled]), builder.Integers(0)]);
        var target = builder.Node("Concat", "target", [shape, builder.Integers(-1)], [Attribute.Int("axis", 0)]);
        builder.Output(builder.Node("Reshape", "features", [scaled, target]), DataType.Float, 6);
        var graph = new OnnxGraph(builder.Build(17));
        var step = new GraphTrainStep(graph, ValueShapes.Measure(graph, "test.onnx")) { Learned = ["weight"] };
        using var session = Open(step, State(step));
        session.Step(new float[Batch * 6], Labels(), new StepSettings(0.1f, 0, 0));
    }

    [Fact]
    public void A_name_that_the_step_uses_itself_is_refused()
    {
        var builder = new GraphBuilder("test");
        builder.Output(builder.Node("Mul", "features", [builder.Input("pixels", DataType.Float, 3), builder.Initializer("labels", new float[3], 3)]), DataType.Float, 3);
        var graph = new OnnxGraph(builder.Build(17));
        var error = Assert.Throws<ConfigurationException>(() => new GraphTrainStep(graph, ValueShapes.Measure(graph, "test.onnx")) { Learned = ["labels"] }.Build());
        Assert.Contains("'labels' cannot learn", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Names_of_the_source_do_not_meet_those_of_the_step()
    {
        var builder = new GraphBuilder("test");
        var x = builder.Node("Relu", "loss", [builder.Input("images", DataType.Float, 3)]);
        x = builder.Node("Mul", "logits", [x, builder.Initializer("int64.1", [1, 2, 3], 3)]);
        builder.Output(builder.Node("Mul", "head/grad", [x, builder.Initializer("w", [1, 2, 3], 3)]), DataType.Float, 3);
        var graph = new OnnxGraph(builder.Build(17));
        var step = new GraphTrainStep(graph, ValueShapes.Measure(graph, "test.onnx")) { Learned = ["w"] };
        using var session = Open(step, State(step));
        Assert.True(float.IsFinite(session.Step(new float[Batch * 3], Labels(), new StepSettings(0.1f, 0, 0))));
    }

    [Fact]
    public void Weights_are_refused_where_the_model_has_none_and_images_of_another_type_too()
    {
        var graph = ResidualGraph.Write(Size, Narrow);
        var step = Step(graph);
        using var session = Open(step, State(step));
        Assert.Throws<ArgumentException>(() => session.Step(new byte[Batch * 3 * Size * Size], Labels(), new StepSettings(0.1f, 0, 0)));
        Assert.Throws<ArgumentOutOfRangeException>(() => session.Step(Images(), Labels(), new StepSettings(0.1f, 0, 0), default, [1, 2]));
    }

    private static GraphTrainStep Step(OnnxGraph graph) => new(graph, ValueShapes.Measure(graph, "resnet18.onnx")) { LabelSmoothing = Smoothing };

    /// <summary>Learned values as they are in the graph, a random head, velocities of zero.</summary>
    private static Dictionary<string, (long[] Shape, float[] Values)> State(GraphTrainStep step)
    {
        var random = new Random(4);
        return step.State(Classes).ToDictionary(t => t.Name, t => (t.Shape, step.Backbone.Constant(t.Name) is { } tensor ? Onnx.Tensors.Floats(tensor) :
            [.. Enumerable.Range(0, (int)t.Shape.Aggregate((a, b) => a * b)).Select(_ => t.Name.EndsWith(TrainStep.Velocity, StringComparison.Ordinal) ? 0 : 0.2f * ((float)random.NextDouble() - 0.5f))]));
    }

    private TrainStepSession Open(GraphTrainStep step, Dictionary<string, (long[] Shape, float[] Values)> state)
    {
        var file = _folder.File($"{Guid.NewGuid():N}.onnx");
        File.WriteAllBytes(file, step.Build().ToByteArray());
        return TrainStepSession.Open(file, state, threads: 1);
    }

    /// <summary>What the Relus of a step give.</summary>
    private static List<(string Name, long[] Shape, float[] Values)> Relus(
        GraphTrainStep step, Dictionary<string, (long[] Shape, float[] Values)> state, float[] images, long[] labels)
    {
        var model = step.Build();
        string[] relus = [.. step.Backbone.Nodes.Where(node => node.OpType == "Relu").Select(node => node.Output[0])];
        model.Graph.Output.AddRange(relus.Select(name => new ValueInfoProto { Name = name + BackwardPass.Suffix }));
        using var session = new InferenceSession(model.ToByteArray());
        using var run = new RunOptions();
        var inputs = state.ToDictionary(t => t.Key, t => OrtValue.CreateTensorValueFromMemory(t.Value.Values, t.Value.Shape));
        inputs.Add("images", OrtValue.CreateTensorValueFromMemory(images, [labels.Length, .. step.Shapes[step.Start]!.Extents.Skip(1).Select(extent => extent.Count)]));
        inputs.Add("labels", OrtValue.CreateTensorValueFromMemory(labels, [labels.Length]));
        inputs.Add("weights", OrtValue.CreateTensorValueFromMemory(Weights[..labels.Length], [labels.Length]));
        foreach (var scalar in (string[])["lr", "momentum", "weight_decay", GraphTrainStep.HeadLr])
        {
            inputs.Add(scalar, OrtValue.CreateTensorValueFromMemory(new float[1], []));
        }
        try
        {
            using var outputs = session.Run(run, inputs, [.. relus.Select(name => name + BackwardPass.Suffix)]);
            return [.. relus.Zip(outputs).Select(pair => (pair.First, pair.Second.GetTensorTypeAndShape().Shape, pair.Second.GetTensorDataAsSpan<float>().ToArray()))];
        }
        finally
        {
            foreach (var value in inputs.Values)
            {
                value.Dispose();
            }
        }
    }

    private static float[] Images() => Array.ConvertAll(RandomNetwork.Images(Batch, Size, 3), pixel => (float)pixel);

    private static long[] Labels() => [.. Enumerable.Range(0, Batch).Select(i => (long)i % Classes)];

    private static double[] Values(Tensor tensor) => tensor.detach().to(ScalarType.Float64).reshape(-1).data<double>().ToArray();

    private static float[] Inner(OnnxGraph graph, string value)
    {
        var model = graph.Model.Clone();
        model.Graph.Output.Add(new ValueInfoProto { Name = value });
        using var session = new InferenceSession(model.ToByteArray());
        using var run = new RunOptions();
        using var images = OrtValue.CreateTensorValueFromMemory(Images(), [Batch, 3, Size, Size]);
        using var outputs = session.Run(run, ["pixels"], [images], [value]);
        return outputs[0].GetTensorDataAsSpan<float>().ToArray();
    }
}
