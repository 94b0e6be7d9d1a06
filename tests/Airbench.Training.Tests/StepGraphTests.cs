using TorchSharp;
using static TorchSharp.torch;

namespace Airbench.Tests;

/// <summary>
/// A recorded step reads and writes the same tensors each time. Here, without a GPU, replaying means to do the work again and to write what it
/// finds to those tensors: whoever keeps one of them from step to step, or reads the batch from elsewhere, gets other weights.
/// </summary>
public sealed class StepGraphTests
{
    [Theory]
    [InlineData("airbench94", Precision.Fp32)]        // Lookahead
    [InlineData("airbench94", Precision.Bf16)]        // gradients of weights beside autograd
    [InlineData("airbench94_muon", Precision.Fp32)]
    [InlineData("airbench96_faster", Precision.Fp32)] // a proxy, which is not recorded, and chosen examples
    [InlineData("speedrun2026", Precision.Fp32)]      // images of several sizes
    public void A_training_has_the_weights_that_it_has_without(string name, Precision precision)
    {
        using var set = new TinySet(train: 256, test: 16);
        var recipe = Recipe.All[name] with { Widths = [8, 16, 16], BatchSize = 32, Epochs = 3, WhitenBiasEpochs = 1 };
        var expected = Train(set, recipe, precision, null);
        var graphs = new Again();
        var found = Train(set, recipe, precision, graphs);
        Assert.Equal(expected.Curve, found.Curve);
        Assert.Equal(expected.Weights.Keys, found.Weights.Keys);
        Assert.All(expected.Weights, weight => Assert.Equal(weight.Value, found.Weights[weight.Key]));

        Assert.True(graphs.Replayed > 0);
        Assert.Equal(graphs.Captured.Distinct(), graphs.Captured);
        Assert.True(graphs.Captured.Count >= 2);   // with the bias of the whitening layer under training and without
        Assert.Equal(0, graphs.Alive);
        Assert.Equal(0, graphs.Entered);
    }

    [Fact]
    public void What_cannot_be_recorded_is_asked_once_and_done_as_ever()
    {
        using var set = new TinySet(train: 256, test: 16);
        var recipe = Recipe.All["airbench94"] with { Widths = [8, 16, 16], BatchSize = 32, Epochs = 2 };
        var graphs = new Again { Refuses = true };
        var (expected, found) = (Train(set, recipe, Precision.Fp32, null), Train(set, recipe, Precision.Fp32, graphs));
        Assert.All(expected.Weights, weight => Assert.Equal(weight.Value, found.Weights[weight.Key]));
        Assert.Single(graphs.Captured);
        Assert.Equal(0, graphs.Replayed);
    }

    private static (Dictionary<string, byte[]> Weights, IReadOnlyList<double> Curve) Train(TinySet set, Recipe recipe, Precision precision, IGraphs? graphs)
    {
        using var scope = NewDisposeScope();
        var plan = TrainingPlan.For(recipe, set.Dataset.Manifest.TrainCount);
        using var setup = TrainingSetup.Load(set.Dataset, plan, ComputeDevice.Resolve("cpu", precision) with { Graphs = graphs });
        using var log = new TrainingLog(validateEvery: 0);
        using var task = IProgress.Silent.Start("train", plan.TotalSteps, "steps");
        var (network, _) = TrainingRun.Train(setup, 1, log, task, CancellationToken.None);
        using (network)
        {
            return (network.Tensors.ToDictionary(tensor => tensor.Key, tensor => tensor.Value.contiguous().bytes.ToArray()), [.. log.Curve.Select(row => row.TrainLoss)]);
        }
    }

    /// <summary>Work that is done again. What recording leaves undone is done by the first replay; here it is the other way round.</summary>
    private sealed class Again : IGraphs
    {
        public bool Refuses { get; init; }

        public List<string> Captured { get; } = [];

        public int Replayed { get; private set; }

        public int Alive { get; private set; }

        public int Entered { get; private set; }

        public IDisposable Enter()
        {
            Entered++;
            return new Last(() => Entered--);
        }

        public IGraph? Capture(Func<Tensor[]> work, string what)
        {
            Captured.Add(what);
            if (Refuses)
            {
                return null;
            }
            Alive++;
            return new Graph(this, work, work());
        }

        private sealed class Graph(Again all, Func<Tensor[]> work, Tensor[] found) : IGraph
        {
            private bool _isDone = true;

            public void Replay()
            {
                all.Replayed++;
                if (_isDone)
                {
                    _isDone = false;
                    return;
                }
                using var noGradients = no_grad();
                foreach (var tensor in found)
                {
                    tensor.fill_(float.NaN);
                }
                using var gradients = enable_grad();
                var again = work();
                using var none = no_grad();
                foreach (var (tensor, value) in found.Zip(again))
                {
                    tensor.copy_(value);
                    value.Dispose();
                }
            }

            public void Dispose() => all.Alive--;
        }

        private sealed class Last(Action action) : IDisposable
        {
            public void Dispose() => action();
        }
    }
}
