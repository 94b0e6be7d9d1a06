using Airbench.Onnx;
using Airbench.Onnx.Proto;
using CsCheck;

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

    [Fact]
    public void Adaptive_runs_the_images_and_then_the_other_views_of_those_in_doubt()
    {
        var lines = Added(Tta.Adaptive);
        Assert.Equal(
            """
            pixels = Cast(images) to=1
            head: plain/logits = Gemm(pool, head.weight[3,5]) transB=1
            plain/probabilities = Softmax(plain/logits) axis=1
            doubt/is_below = Less(plain/probabilities, 0.5)
            doubt/ones = Cast(doubt/is_below) to=1
            doubt/below = ReduceSum(doubt/ones, axis.1[1]) keepdims=0
            doubt = Less(2.5, doubt/below)
            doubt/indices = NonZero(doubt)
            doubt/rows = Squeeze(doubt/indices, axis.0[1])
            doubt/images = Gather(images, doubt/rows) axis=0
            views/mirror = Gather(doubt/images, views.mirror[16]) axis=3
            views/rows_up = Gather(doubt/images, views.shift_up[16]) axis=2
            views/shift_up = Gather(views/rows_up, views.shift_up[16]) axis=3
            views/shift_up_mirror = Gather(views/rows_up, views.shift_up_mirror[16]) axis=3
            views/rows_down = Gather(doubt/images, views.shift_down[16]) axis=2
            views/shift_down = Gather(views/rows_down, views.shift_down[16]) axis=3
            views/shift_down_mirror = Gather(views/rows_down, views.shift_down_mirror[16]) axis=3
            views = Concat(views/mirror, views/shift_up, views/shift_up_mirror, views/shift_down, views/shift_down_mirror) axis=0
            views/pixels = Cast(views) to=1
            views/head: views/logits = Gemm(views/pool, head.weight[3,5]) transB=1
            views/scores = Reshape(views/logits, views.shape[3])
            views/weighted = Mul(views/scores, views.weights[5,1,1])
            views/sum = ReduceSum(views/weighted, axis.0[1]) keepdims=0
            doubt/plain = Gather(plain/logits, doubt/rows) axis=0
            doubt/weighted = Mul(doubt/plain, 0.25)
            doubt/voted = Add(views/sum, doubt/weighted)
            doubt/places = Unsqueeze(doubt/rows, axis.1[1])
            logits = ScatterND(plain/logits, doubt/places, doubt/voted)
            probabilities = Softmax(logits) axis=1
            """, lines);
    }

    [Fact]
    public void Weights_are_stored_once()
    {
        var fp32 = Fp32();
        var adaptive = Voting.Apply(fp32, NetworkInput.Of(fp32), Tta.Adaptive, 0.5);

        Assert.InRange(adaptive.Nodes.Count, 2 * fp32.Nodes.Count, 2 * fp32.Nodes.Count + 30);
        Assert.Equal(fp32.Constants, adaptive.Constants.Take(fp32.Constants.Count));
        Assert.InRange(adaptive.Constants.Skip(fp32.Constants.Count).Sum(tensor => tensor.RawData.Length), 1, 1000);
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

    /// <summary>The nodes that are not plainly the network's, one a line.</summary>
    private string Added(Tta tta)
    {
        var fp32 = Fp32();
        var source = fp32.Nodes.Select(node => node.Name).Except(["pixels", "head", "probabilities"]).ToHashSet();
        var voting = Voting.Apply(fp32, NetworkInput.Of(fp32), tta, 0.5);
        var constants = voting.Constants.ToDictionary(tensor => tensor.Name, Constant);
        return string.Join("\n", voting.Nodes.Where(node => !source.Contains(node.Name) && !(node.Name.StartsWith("views/", StringComparison.Ordinal) &&
            source.Contains(node.Name["views/".Length..]))).Select(node =>
            (node.Output.Single() == node.Name ? node.Name : $"{node.Name}: {node.Output.Single()}") +
            $" = {node.OpType}({string.Join(", ", node.Input.Select(input => constants.GetValueOrDefault(input, input)))})" +
            string.Concat(node.Attribute.Select(a => $" {a.Name}={a.I}"))));
    }

    private static string Constant(TensorProto tensor) => tensor.Dims.Count == 0
        ? BitConverter.ToSingle(tensor.RawData.Span).ToString(System.Globalization.CultureInfo.InvariantCulture)
        : $"{tensor.Name}[{string.Join(',', tensor.Dims)}]";

    private OnnxGraph Fp32()
    {
        var network = RandomNetwork.Small();
        return new OnnxGraph(NetworkExporter.Build(
            RandomNetwork.Manifest(network), RandomNetwork.WriteWeights(_folder.Path, network, RandomNetwork.Weights(network, 1)), 17));
    }
}
