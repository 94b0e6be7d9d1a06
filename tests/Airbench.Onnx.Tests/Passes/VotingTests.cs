using Airbench.Onnx;
using Airbench.Onnx.Proto;
using CsCheck;
using static Airbench.Onnx.Proto.TensorProto.Types;

namespace Airbench.Tests;

/// <summary>The graphs of models with views inside, and which images are in doubt.</summary>
public sealed class VotingTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void All_views_go_through_the_network_side_by_side_and_their_scores_are_added_up_by_weight()
    {
        var lines = Added(Tta.MirrorTranslate);
        Assert.Equal(
            """
            views/mirror = Gather(images, views.mirror[16]) axis=3
            views/rows_up = Gather(images, views.shift_up[16]) axis=2
            views/shift_up = Gather(views/rows_up, views.shift_up[16]) axis=3
            views/shift_up_mirror = Gather(views/rows_up, views.shift_up_mirror[16]) axis=3
            views/rows_down = Gather(images, views.shift_down[16]) axis=2
            views/shift_down = Gather(views/rows_down, views.shift_down[16]) axis=3
            views/shift_down_mirror = Gather(views/rows_down, views.shift_down_mirror[16]) axis=3
            views = Concat(images, views/mirror, views/shift_up, views/shift_up_mirror, views/shift_down, views/shift_down_mirror) axis=0
            pixels = Cast(views) to=1
            head: views/logits = Gemm(pool, head.weight[3,5]) transB=1
            views/scores = Reshape(views/logits, views.shape[3])
            views/weighted = Mul(views/scores, views.weights[6,1,1])
            views/sum: logits = ReduceSum(views/weighted, axis.0[1]) keepdims=0
            probabilities = Softmax(logits) axis=1
            """, lines);
    }

    /// <summary>No operator gets a batch of no images: there is a second pass only where some image is in doubt.</summary>
    [Fact]
    public void Adaptive_runs_the_images_and_then_the_other_views_of_those_in_doubt_if_there_are_any() => Assert.Equal(
        """
        passes: logits, passes/in_doubt = Loop(2, pass.go[], pass.no_logits[1,3], pass.no_doubt[1])
          body: pass, pass/is_wanted, plain/logits, plain/in_doubt
            pass/is_first = Less(pass, 1)
            pass/images = If(pass/is_first)
              then_branch:
                pass/all_images = Identity(images)
                -> pass/all_images
              else_branch:
                drawn/indices = NonZero(plain/in_doubt)
                drawn/rows = Squeeze(drawn/indices, axis.0[1])
                drawn/images = Gather(images, drawn/rows) axis=0
                views/mirror = Gather(drawn/images, views.mirror[16]) axis=3
                views/rows_up = Gather(drawn/images, views.shift_up[16]) axis=2
                views/shift_up = Gather(views/rows_up, views.shift_up[16]) axis=3
                views/shift_up_mirror = Gather(views/rows_up, views.shift_up_mirror[16]) axis=3
                views/rows_down = Gather(drawn/images, views.shift_down[16]) axis=2
                views/shift_down = Gather(views/rows_down, views.shift_down[16]) axis=3
                views/shift_down_mirror = Gather(views/rows_down, views.shift_down_mirror[16]) axis=3
                views = Concat(views/mirror, views/shift_up, views/shift_up_mirror, views/shift_down, views/shift_down_mirror) axis=0
                -> views
            pixels = Cast(pass/images) to=1
            head: pass/logits = Gemm(pool, head.weight[3,5]) transB=1
            voted/logits = If(pass/is_first)
              then_branch:
                pass/plain = Identity(pass/logits)
                -> pass/plain
              else_branch:
                doubt/indices = NonZero(plain/in_doubt)
                doubt/rows = Squeeze(doubt/indices, axis.0[1])
                views/scores = Reshape(pass/logits, views.shape[3])
                views/weighted = Mul(views/scores, views.weights[5,1,1])
                views/sum = ReduceSum(views/weighted, axis.0[1]) keepdims=0
                doubt/plain = Gather(plain/logits, doubt/rows) axis=0
                doubt/weighted = Mul(doubt/plain, 0.25)
                doubt/voted = Add(views/sum, doubt/weighted)
                doubt/places = Unsqueeze(doubt/rows, axis.1[1])
                doubt/logits = ScatterND(plain/logits, doubt/places, doubt/voted)
                -> doubt/logits
            voted/probabilities = Softmax(voted/logits) axis=1
            voted/is_below = Less(voted/probabilities, 0.5)
            voted/ones = Cast(voted/is_below) to=1
            voted/below = ReduceSum(voted/ones, axis.1[1]) keepdims=0
            voted/in_doubt = Less(2.5, voted/below)
            voted/counted = Cast(voted/in_doubt) to=1
            voted/count = ReduceSum(voted/counted, axis.0[1]) keepdims=0
            voted/is_any = Less(0.5, voted/count)
            -> voted/is_any, voted/logits, voted/in_doubt
        probabilities = Softmax(logits) axis=1
        """, Added(Tta.Adaptive));

    [Fact]
    public void The_network_and_its_weights_are_stored_once_in_every_precision()
    {
        var fp32 = Fp32();
        var layers = new QuantizableLayers(fp32);
        var int8 = Int8.Apply(fp32, layers.Names.ToHashSet(), layers.ObservedValues().ToDictionary(value => value, _ => new ValueRange(-1, 2)));
        foreach (var model in (OnnxGraph[])[fp32, HalfPrecision.Apply(fp32), int8])
        {
            var adaptive = Voting.Apply(model, NetworkInput.Of(fp32), Tta.Adaptive, 0.5).Model.Graph;

            Assert.InRange(Graphs(adaptive).Sum(graph => graph.Node.Count), model.Nodes.Count, model.Nodes.Count + 45);
            Assert.InRange(Bytes(Graphs(adaptive)) - Bytes([model.Model.Graph]), 1, 1200);
        }

        static int Bytes(IEnumerable<GraphProto> graphs) => graphs.SelectMany(graph => graph.Initializer).Sum(tensor => tensor.RawData.Length);
    }

    [Fact]
    public void The_threshold_leaves_the_wanted_share_below_it() => Gen.Select(Gen.Int[2, 300], Gen.Int[2, 7], Gen.Double[0.01, 0.99], Gen.Int).ForEachCase(
        (count, classes, share, seed) =>
        {
            var random = new Random(seed);
            float[] logits = [.. Enumerable.Range(0, count * classes).Select(_ => random.NextSingle() * 4)];

            var facts = ConfidenceThreshold.Choose(new HeldOutAnswers(count, 0, logits), share);

            var below = logits.Chunk(classes).Count(row => row.Max(v => Math.Exp(v)) / row.Sum(v => Math.Exp(v)) < facts.Threshold);
            Assert.Equal(below, facts.TrainingShare * count, 1e-9);
            Assert.Equal(Math.Clamp((int)Math.Round(share * count), 1, count - 1), below);
            Assert.Equal((float)facts.Threshold, facts.Threshold);
        });

    /// <summary>The nodes that are not plainly the network's, one a line; graphs inside of nodes are indented.</summary>
    private string Added(Tta tta)
    {
        var fp32 = Fp32();
        var ofNetwork = fp32.Nodes.Select(node => node.Name).Except(["pixels", "head", "probabilities"]).ToHashSet();
        var voting = Voting.Apply(fp32, NetworkInput.Of(fp32), tta, 0.5).Model.Graph;
        var constants = Graphs(voting).SelectMany(graph => graph.Initializer).ToDictionary(tensor => tensor.Name, Constant);
        return string.Join("\n", Lines(voting));

        IEnumerable<string> Lines(GraphProto graph) => graph.Node.Where(node => !ofNetwork.Contains(node.Name)).SelectMany(node =>
            ((IEnumerable<string>)[Line(node)]).Concat(node.Attribute.Where(a => a.G is not null).SelectMany(a =>
                ((IEnumerable<string>)[$"  {a.Name}:{string.Concat(a.G.Input.Select((input, i) => $"{(i == 0 ? " " : ", ")}{input.Name}"))}"])
                    .Concat(Lines(a.G).Append($"-> {string.Join(", ", a.G.Output.Select(output => output.Name))}").Select(line => $"    {line}")))));

        string Line(NodeProto node) => (node.Output.SequenceEqual([node.Name]) ? node.Name : $"{node.Name}: {string.Join(", ", node.Output)}") +
            $" = {node.OpType}({string.Join(", ", node.Input.Select(input => constants.GetValueOrDefault(input, input)))})" +
            string.Concat(node.Attribute.Where(a => a.G is null).Select(a => $" {a.Name}={a.I}"));
    }

    /// <summary>A graph and those inside of its nodes.</summary>
    private static IEnumerable<GraphProto> Graphs(GraphProto graph) =>
        graph.Node.SelectMany(node => node.Attribute).Where(a => a.G is not null).SelectMany(a => Graphs(a.G)).Prepend(graph);

    private static string Constant(TensorProto tensor) => (tensor.Dims.Count, (DataType)tensor.DataType) switch
    {
        (0, DataType.Float) => BitConverter.ToSingle(tensor.RawData.Span).ToString(System.Globalization.CultureInfo.InvariantCulture),
        (0, DataType.Int64) => BitConverter.ToInt64(tensor.RawData.Span).ToString(System.Globalization.CultureInfo.InvariantCulture),
        _ => $"{tensor.Name}[{string.Join(',', tensor.Dims)}]",
    };

    private OnnxGraph Fp32()
    {
        var network = RandomNetwork.Small();
        return new OnnxGraph(NetworkExporter.Build(
            RandomNetwork.Manifest(network), RandomNetwork.WriteWeights(_folder.Path, network, RandomNetwork.Weights(network, 1)), 17));
    }
}
