using CsCheck;
using TorchSharp;
using static TorchSharp.torch;

namespace Airbench.Tests;

public sealed class MuonTests
{
    private static readonly Muon Settings = Recipe.All["airbench94_muon"].Muon!;
    private static readonly Muon Record = Recipe.All["speedrun2025"].Muon!;

    private static readonly Gen<(int Rows, int Columns, int Seed)> Shapes = Gen.Select(Gen.Int[1, 40], Gen.Int[1, 40], Gen.Int[0, 1000]);

    [Fact]
    public void Singular_values_land_between_a_half_and_one_and_a_half()
    {
        // Three steps lift what is at least some hundredths of the norm; from 8 values on none is so large that a step overshoots in bf16.
        Gen.Select(Gen.Int[8, 32], Gen.Int[1, 4], Gen.Double[0.2, 1], Gen.Bool, Gen.Int[0, 1000]).ForEachCase(
            (rank, aspect, smallest, isTall, seed) =>
            {
                using var scope = NewDisposeScope();
                using var generator = new Generator((ulong)seed, CPU);
                var (u, v) = (Orthogonal(rank, rank, generator), Orthogonal(rank * aspect, rank, generator));
                var spectrum = rand(rank, ScalarType.Float64, generator: generator) * (1 - smallest) + smallest;
                var matrix = u.matmul((spectrum * 7).diag()).matmul(v.t());   // any scale
                foreach (var settings in new[] { Settings, Record })
                {
                    var result = NewtonSchulz.Orthogonalize(isTall ? matrix.t() : matrix, settings).to(ScalarType.Float64);
                    var values = linalg.svdvals(result);
                    Assert.InRange(values.min().item<double>(), 0.5, 1.5);
                    Assert.InRange(values.max().item<double>(), 0.5, 1.5);
                }
            },
            cases: 60);
    }

    [Fact]
    public void A_padded_batch_gives_what_one_matrix_after_the_other_gives()
    {
        Shapes.Array[1, 5].ForEachCase(
            shapes =>
            {
                using var scope = NewDisposeScope();
                var matrices = shapes.Select(s =>
                {
                    using var generator = new Generator((ulong)s.Seed, CPU);
                    return randn([s.Rows, s.Columns], generator: generator);
                }).ToList();
                var batched = NewtonSchulz.OrthogonalizeBatched(matrices, Settings);
                foreach (var (matrix, together) in matrices.Zip(batched))
                {
                    var alone = NewtonSchulz.Orthogonalize(matrix, Settings);
                    Assert.Equal(alone.shape, together.shape);
                    // Three quintic steps in bf16 (8 bits of mantissa): a few hundredths between two orders of summation.
                    Assert.InRange((alone - together).to(ScalarType.Float32).abs().max().item<float>(), 0, 0.08);
                }
            },
            cases: 40);
    }

    [Fact]
    public void A_step_follows_the_definition()
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(1, CPU);
        var weight = ChannelsLast.Of(randn([8, 4, 3, 3], generator: generator));
        var gradients = Enumerable.Range(0, 3).Select(_ => ChannelsLast.Of(randn([8, 4, 3, 3], generator: generator))).ToList();
        var (w, m) = (weight.clone(), zeros_like(weight));
        using var muon = new MuonOptimizer([new("w", weight)], Settings);
        foreach (var (step, gradient) in gradients.Index())
        {
            m = (m * Settings.Momentum) + gradient;
            var update = (gradient + (m * Settings.Momentum)).reshape(8, -1);   // columns in PyTorch's order here
            w = w * (Math.Sqrt(8) / w.norm());
            w -= NewtonSchulz.Orthogonalize(update, Settings).to(ScalarType.Float32).view(8, 4, 3, 3) * (Settings.Lr * 0.5);
            muon.Step([gradient.clone()], factor: 0.5, step, totalSteps: 10);
            Assert.InRange((w - weight).abs().max().item<float>(), 0, 0.01);   // bf16 inside
            w = weight.clone();
        }
    }

    /// <summary>As on a GPU, where TorchScript makes all calls: the same weights but for the rounding to bf16 inside.</summary>
    [Theory]
    [InlineData(ScalarType.Float32)]
    [InlineData(ScalarType.BFloat16)]
    public void One_call_does_what_one_operation_after_the_other_does(ScalarType type)
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(1, CPU);
        long[][] shapes = [[8, 4, 3, 3], [16, 8, 3, 3], [16, 16, 3, 3], [5, 7, 1, 1]];
        List<Tensor> Draw() => [.. shapes.Select(shape => ChannelsLast.Of(randn(shape, generator: generator).to(type)))];
        var start = Draw();
        var gradients = Enumerable.Range(0, 4).Select(_ => Draw()).ToList();

        var (alone, together) = (Train(isOneCall: false), Train(isOneCall: true));

        foreach (var (first, second) in alone.Zip(together))
        {
            Assert.Equal(first.shape, second.shape);
            var change = (first - second).to(ScalarType.Float32).norm().item<float>() / second.to(ScalarType.Float32).norm().item<float>();
            Assert.InRange(change, 0, 0.02);   // four updates of 0.24 of the norm, each to 8 bits
        }

        List<Tensor> Train(bool isOneCall)
        {
            var weights = start.ConvertAll(weight => weight.clone());
            using var muon = new MuonOptimizer(weights.Select((weight, i) => new MuonOptimizer.Slot($"w{i}", weight)), Settings) { IsOneCall = isOneCall };
            foreach (var (step, gradient) in gradients.Index())
            {
                muon.Step(gradient.ConvertAll(g => g.clone()), factor: 0.5, step, totalSteps: 10);
            }
            return weights;
        }
    }

    [Fact]
    public void The_record_rescales_weights_ever_more_rarely()
    {
        using var scope = NewDisposeScope();
        var weight = ones(4, 4, 1, 1);   // norm 4, not sqrt(4)
        using var muon = new MuonOptimizer([new("w", weight)], Record);
        var rescaled = new List<int>();
        for (var step = 0; step < 60; step++)
        {
            weight.fill_(1);
            muon.Step([zeros(4, 4, 1, 1)], factor: 0, step, totalSteps: 60);
            if (weight.norm().item<float>() < 3)
            {
                rescaled.Add(step);
            }
        }
        Assert.Equal(Enumerable.Range(0, 60).Where(step => step % (2 + (15 * step / 60)) == 0), rescaled);
    }

    /// <summary>(rows, columns) with orthonormal columns.</summary>
    private static Tensor Orthogonal(long rows, long columns, Generator generator) =>
        linalg.qr(randn([rows, columns], ScalarType.Float64, generator: generator)).Q;
}
