using Airbench.Onnx;

namespace Airbench.Tests;

/// <summary>The head's fit against the definition of its optimum.</summary>
public sealed class LogisticRegressionTests
{
    private const int Width = 7, Classes = 4;

    [Fact]
    public void The_gradient_is_that_of_finite_differences()
    {
        var (table, labels) = Draw(images: 60, views: 2, seed: 1);
        var regression = new LogisticRegression(table, labels, [1, 2, 0.5, 1]);
        var random = new Random(2);
        var at = Enumerable.Range(0, Classes * (Width + 1)).Select(_ => random.NextDouble() - 0.5).ToArray();
        var (gradient, ignored) = (new double[at.Length], new double[at.Length]);
        regression.Evaluate(at, 0.1, gradient);

        const double Step = 1e-5;
        for (var i = 0; i < at.Length; i++)
        {
            double At(double offset)
            {
                var moved = at.ToArray();
                moved[i] += offset;
                return regression.Evaluate(moved, 0.1, ignored);
            }
            Assert.Equal((At(Step) - At(-Step)) / (2 * Step), gradient[i], 1e-8);
        }
    }

    [Theory]
    [InlineData(1.0)]
    [InlineData(0.01)]
    [InlineData(0.0001)]
    public void The_fit_is_where_the_gradient_is_zero_whatever_was_fitted_before(double l2)
    {
        var (table, labels) = Draw(images: 200, views: 1, seed: 3);

        var cold = new LogisticRegression(table, labels, [1, 1, 1, 1]).Fit(l2, 1e-6, default);
        var regression = new LogisticRegression(table, labels, [1, 1, 1, 1]);
        regression.Fit(1, 1e-6, default);
        var warm = regression.Fit(l2, 1e-6, default);

        // Strictly convex in the weights: there is one optimum. With a gradient g, the weights are off by at most |g| / l2.
        Assert.All(cold.Weight.Zip(warm.Weight), pair => Assert.Equal(pair.First, pair.Second, 1e-3 + (1e-5 / l2)));
        Assert.Equal(Loss(cold, table, labels), Loss(warm, table, labels), 1e-6);
        Assert.All(Enumerable.Range(0, 20), seed => Assert.True(Penalized(cold, l2) <= Penalized(Moved(cold, seed), l2)));

        double Penalized(LinearHead head, double penalty) => Loss(head, table, labels) + (penalty / 2 * Scale(table) * Scale(table) * head.Weight.Sum(w => w * w));
    }

    [Fact]
    public void An_example_of_twice_the_weight_is_two_examples()
    {
        var (table, _) = Draw(images: 20, views: 1, seed: 4);
        // Centre and scale of the features follow the examples, so they must not differ: every class has the same features.
        var same = new FeatureTable([.. Enumerable.Range(0, 80).SelectMany(i => table.Row(i % 20).ToArray())], Width, 1);
        var labelled = Enumerable.Range(0, 80).Select(i => i / 20).ToArray();
        var twice = Enumerable.Range(0, 80).SelectMany(i => i / 20 == 2 ? [i, i] : new[] { i }).ToArray();
        var weighted = new LogisticRegression(same, labelled, [1, 1, 2, 1]).Fit(0.01, 1e-6, default);
        var repeated = new LogisticRegression(same.Of(twice), [.. twice.Select(i => labelled[i])], [1, 1, 1, 1]).Fit(0.01, 1e-6, default);

        Assert.All(weighted.Weight.Concat(weighted.Bias).Zip(repeated.Weight.Concat(repeated.Bias)), pair => Assert.Equal(pair.First, pair.Second, 1e-4));
    }

    [Fact]
    public void Fitting_twice_gives_the_same_bits()
    {
        var (table, labels) = Draw(images: 300, views: 3, seed: 5);

        var first = new HeadFit(Classes, ClassWeights.Balanced, seed: 1).Fit(table, labels, default);
        var second = new HeadFit(Classes, ClassWeights.Balanced, seed: 1).Fit(table, labels, default);

        Assert.Equal(first.L2, second.L2);
        Assert.Equal(first.Head.Weight, second.Head.Weight);
        Assert.Equal(first.Head.Bias, second.Head.Bias);
    }

    [Fact]
    public void Noise_is_penalized_and_what_tells_the_classes_apart_is_learned()
    {
        var random = new Random(6);
        var labels = Enumerable.Range(0, 120).Select(i => i % Classes).ToArray();
        float[] Features(int label, double signal) => [.. Enumerable.Range(0, Width).Select(j => (float)((j == label ? signal : 0) + Normal(random)))];
        var noise = new FeatureTable([.. labels.SelectMany(label => Features(label, 0))], Width, 1);
        var clear = new FeatureTable([.. labels.SelectMany(label => Features(label, 8))], Width, 1);

        var (_, forNoise) = new HeadFit(Classes, ClassWeights.None, seed: 1).Fit(noise, labels, default);
        var (head, forClear) = new HeadFit(Classes, ClassWeights.None, seed: 1).Fit(clear, labels, default);

        Assert.True(forNoise >= 0.3, $"{forNoise}");
        Assert.True(forClear <= 0.01, $"{forClear}");
        var logits = head.Answer(clear);
        Assert.All(labels.Index(), label => Assert.Equal(label.Item, Enumerable.Range(0, Classes).MaxBy(k => logits[(label.Index * Classes) + k])));
    }

    [Fact]
    public void Balanced_weights_find_a_rare_class_that_equal_ones_give_up()
    {
        var random = new Random(7);
        var labels = Enumerable.Range(0, 300).Select(i => i < 290 ? 0 : 1).ToArray();
        var table = new FeatureTable([.. labels.SelectMany(label => new[] { (float)(label * 1.5 + Normal(random)), (float)Normal(random) })], 2, 1);

        double Recall(ClassWeights weights)
        {
            var logits = new HeadFit(2, weights, seed: 1).Fit(table, labels, default).Head.Answer(table);
            return Enumerable.Range(290, 10).Count(i => logits[(2 * i) + 1] > logits[2 * i]) / 10.0;
        }
        Assert.True(Recall(ClassWeights.None) <= 0.3);
        Assert.True(Recall(ClassWeights.Balanced) >= 0.6);
    }

    private static (FeatureTable Table, int[] Labels) Draw(int images, int views, int seed)
    {
        var random = new Random(seed);
        var labels = Enumerable.Range(0, images).Select(_ => random.Next(Classes)).ToArray();
        return (new FeatureTable(
            [.. labels.SelectMany(label => Enumerable.Range(0, views * Width).Select(i => (float)(5 + Normal(random) + (i % Width == label ? 1 : 0))))], Width, views), labels);
    }

    private static double Normal(Random random) => Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble());

    private static LinearHead Moved(LinearHead head, int seed)
    {
        var random = new Random(seed);
        return new(Array.ConvertAll(head.Weight, w => w + (0.01 * Normal(random))), head.Bias);
    }

    private static double Loss(LinearHead head, FeatureTable table, int[] labels)
    {
        var logits = head.Answer(table);
        return Enumerable.Range(0, labels.Length).Average(i =>
        {
            var row = logits[(i * Classes)..((i + 1) * Classes)];
            return Math.Log(row.Sum(Math.Exp)) - row[labels[i]];
        });
    }

    private static double Scale(FeatureTable table)
    {
        var means = Enumerable.Range(0, table.Width).Select(j => Enumerable.Range(0, table.Rows).Average(i => (double)table.Values[(i * table.Width) + j])).ToArray();
        return Math.Sqrt(table.Values.Select((value, i) => Math.Pow(value - means[i % table.Width], 2)).Average());
    }
}
