using CsCheck;
using TorchSharp;
using static TorchSharp.torch;

namespace Airbench.Tests;

public sealed class OptimizerTests
{
    private static readonly Gen<double> Number = Gen.Double[-2, 2];

    [Fact]
    public void Nesterov_steps_equal_the_textbook_formula_in_float64()
    {
        Gen.Select(Number.Array[3], Number.Array[3].Array[4], Gen.Double[0.001, 1], Gen.Double[0, 0.99], Gen.Double[0, 0.1]).ForEachCase(
            (start, gradients, lr, momentum, decay) =>
            {
                using var scope = NewDisposeScope();
                var weight = tensor(start);
                using var sgd = new NesterovSgd([new NesterovSgd.Slot("w", weight, lr, decay, ScheduleSteps: 4)], momentum);
                var schedule = new TriangularSchedule(Start: 1, Peak: 0, End: 0);
                var (w, v) = (start.ToArray(), new double[3]);
                foreach (var (step, gradient) in gradients.Index())
                {
                    var factor = 1 - (step / 4.0);
                    sgd.Step([tensor(gradient)], schedule, step);
                    for (var i = 0; i < 3; i++)
                    {
                        var g = gradient[i] + (decay * w[i]);
                        v[i] = (momentum * v[i]) + g;
                        w[i] -= lr * factor * (g + (momentum * v[i]));
                    }
                }
                for (var i = 0; i < 3; i++)
                {
                    Assert.Equal(w[i], weight[i].item<double>(), 1e-12 * Math.Max(1, Math.Abs(w[i])));
                }
            },
            cases: 50);
    }

    [Fact]
    public void A_frozen_parameter_keeps_its_value_and_the_others_go_on()
    {
        using var scope = NewDisposeScope();
        var (first, second) = (ones(2), ones(2));
        (first.requires_grad, second.requires_grad) = (true, true);
        using var sgd = new NesterovSgd([new("first", first, 0.1, 0, 10), new("second", second, 0.1, 0, 10)], 0.9);
        sgd.Freeze("first");
        sgd.Step([ones(2)], new TriangularSchedule(1, 0, 0), 0);
        Assert.False(first.requires_grad);
        Assert.Equal(1f, first[0].item<float>());
        Assert.NotEqual(1f, second[0].item<float>());
    }

    [Fact]
    public void Parameters_of_several_types_in_one_group_learn_as_alone()
    {
        using var scope = NewDisposeScope();
        ScalarType[] types = [ScalarType.Float32, ScalarType.BFloat16, ScalarType.Float64, ScalarType.BFloat16];
        var schedule = new TriangularSchedule(1, 0, 0);
        Tensor[] together = [.. types.Select(type => tensor(new[] { 1.5, -0.25 }).to(type))];
        Tensor[] alone = [.. together.Select(parameter => parameter.clone())];
        using var sgd = new NesterovSgd(together.Select((parameter, i) => new NesterovSgd.Slot($"{i}", parameter, 0.1, 0.01, 4)), 0.9);
        var each = alone.Select((parameter, i) => new NesterovSgd([new NesterovSgd.Slot($"{i}", parameter, 0.1, 0.01, 4)], 0.9)).ToList();
        using var lookahead = new Lookahead(together);
        var eachLookahead = alone.Select(parameter => new Lookahead([parameter])).ToList();
        for (var step = 0; step < 3; step++)
        {
            Tensor Gradient(int i) => tensor(new[] { 0.5 + step, i - 1.0 }).to(types[i]);
            sgd.Step([.. types.Select((_, i) => Gradient(i))], schedule, step);
            lookahead.Update(0.5);
            for (var i = 0; i < types.Length; i++)
            {
                each[i].Step([Gradient(i)], schedule, step);
                eachLookahead[i].Update(0.5);
                Assert.True(alone[i].equal(together[i]).all().item<bool>(), $"{types[i]}, step {step}");
            }
        }
        Assert.Equal(types, lookahead.Slow.Select(slow => slow.dtype));   // in the order of the state
        each.ForEach(one => one.Dispose());
        eachLookahead.ForEach(one => one.Dispose());
    }

    [Fact]
    public void The_average_of_the_tail_equals_its_formula()
    {
        // 40 steps of a drifting weight; the average starts after 20 and is taken every 4 steps.
        var recipe = Recipe.All["speedrun2026"] with { Epochs = 5, BatchSize = 10, TailAverage = new TailAverage(Start: 0.5, Every: 4, Keep: 0.7) };
        var plan = TrainingPlan.For(recipe, 80);
        Assert.Equal(40, plan.TotalSteps);
        using var scope = NewDisposeScope();
        var weight = tensor(new[] { 1.0, -2.0 });
        using var slow = new Lookahead([weight]);
        double[] expected = [1, -2];
        double[]? average = null;
        for (var steps = 1; steps <= 40; steps++)
        {
            weight.add_(0.5 * steps);
            expected = [.. expected.Select(value => value + (0.5 * steps))];
            if (plan.SlowDecay(steps) is { } decay)
            {
                slow.Update(decay);
            }
            if (steps == 20)
            {
                average = [.. expected];
            }
            else if (average is not null && steps % 4 == 0)
            {
                average = [.. average.Zip(expected, (old, value) => (0.7 * old) + (0.3 * value))];
                expected = [.. average];
            }
            for (var i = 0; i < 2; i++)
            {
                Assert.Equal(expected[i], weight[i].item<double>(), 1e-9);
            }
        }
    }

    [Fact]
    public void A_rate_does_not_fall_below_the_smallest_factor_and_rests_after_its_schedule()
    {
        using var scope = NewDisposeScope();
        var weight = zeros(1, ScalarType.Float64);
        using var sgd = new NesterovSgd([new("w", weight, LearningRate: 2, WeightDecay: 0, ScheduleSteps: 4, SmallestFactor: 0.3)], momentum: 0);
        var expected = 0.0;
        for (var step = 0; step < 8; step++)
        {
            sgd.Step([ones(1, ScalarType.Float64)], new TriangularSchedule(1, 0, 0), step);
            expected -= 2 * Math.Max(0.3, 1 - (Math.Min(step, 4) / 4.0));
            Assert.Equal(expected, weight[0].item<double>(), 1e-12);
        }
    }

    [Fact]
    public void Lookahead_equals_its_formula_and_the_last_update_returns_the_slow_weights()
    {
        using var scope = NewDisposeScope();
        var fast = tensor(new[] { 1.0, -2.0 });
        using var lookahead = new Lookahead([fast]);
        var slow = new[] { 1.0, -2.0 };
        foreach (var (step, value) in ((int, double)[])[(5, 3.0), (10, -1.5), (15, 0.25)])
        {
            fast.fill_(value);
            var decay = Lookahead.Decay(step, 20);
            Assert.Equal(Math.Pow(0.95, 5) * Math.Pow(step / 20.0, 3), decay, 15);
            lookahead.Update(decay);
            for (var i = 0; i < 2; i++)
            {
                slow[i] += (1 - decay) * (value - slow[i]);
                Assert.Equal(slow[i], fast[i].item<double>(), 1e-12);
            }
        }
        fast.fill_(100);
        lookahead.Update(1);
        Assert.Equal(slow[0], fast[0].item<double>(), 1e-12);
    }
}
