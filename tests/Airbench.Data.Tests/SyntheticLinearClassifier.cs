using System.Numerics;
using System.Runtime.InteropServices;
using Airbench.Data;

namespace Airbench.Tests;

/// <summary>Labelled feature vectors, all of one length.</summary>
internal sealed record Samples(float[][] Features, int[] Labels)
{
    /// <summary>Synthetic images of seed 1 as pixel values 0 to 255.</summary>
    public static Samples Draw(Split split, int count)
    {
        var labels = new int[count];
        var images = new float[count][];
        Parallel.For(0, count, i =>
        {
            var image = new byte[SyntheticImages.ImageBytes];
            labels[i] = SyntheticImages.Draw(1, split, i, image);
            images[i] = Array.ConvertAll(image, pixel => (float)pixel);
        });
        return new Samples(images, labels);
    }

    public Samples Select(Func<float[], float[]> function) => this with { Features = [.. Features.Select(function)] };

    /// <summary>A copy of every vector, changed in place by <paramref name="change"/>, which is told the label.</summary>
    public Samples Change(Action<int, float[]> change) => this with
    {
        Features = [.. Features.Select((sample, i) =>
        {
            var copy = (float[])sample.Clone();
            change(Labels[i], copy);
            return copy;
        })],
    };
}

/// <summary>Multinomial logistic regression, trained one sample at a time with a learning rate that falls linearly to zero.</summary>
internal static class LinearClassifier
{
    /// <summary>Trains on <paramref name="train"/>, features normalized one by one, and returns the accuracies on both sets.</summary>
    public static (double Train, double Test) FitAndScore(Samples train, Samples test, int epochs, float rate)
    {
        var normalize = Normalizer(train.Features);
        (train, test) = (train.Select(normalize), test.Select(normalize));
        var classes = train.Labels.Max() + 1;
        var weights = new float[classes][];
        for (var k = 0; k < classes; k++)
        {
            weights[k] = new float[train.Features[0].Length];
        }
        var order = Enumerable.Range(0, train.Labels.Length).ToArray();
        var random = new Random(1);
        var probabilities = new float[classes];
        for (var epoch = 0; epoch < epochs; epoch++)
        {
            random.Shuffle(order);
            for (var i = 0; i < order.Length; i++)
            {
                var (sample, label) = (train.Features[order[i]], train.Labels[order[i]]);
                Softmax(weights, sample, probabilities);
                var step = rate * (1 - ((epoch + ((float)i / order.Length)) / epochs));
                for (var k = 0; k < classes; k++)
                {
                    AddScaled(weights[k], sample, step * ((k == label ? 1 : 0) - probabilities[k]));
                }
            }
        }
        return (Accuracy(weights, train), Accuracy(weights, test));
    }

    /// <summary>
    /// Shifts and scales every feature to mean 0 and deviation 1 over <paramref name="samples"/>, appends a constant and pads to whole
    /// vectors.
    /// </summary>
    private static Func<float[], float[]> Normalizer(float[][] samples)
    {
        var length = samples[0].Length;
        var (sums, squares) = (new double[length], new double[length]);
        foreach (var sample in samples)
        {
            for (var j = 0; j < length; j++)
            {
                sums[j] += sample[j];
                squares[j] += (double)sample[j] * sample[j];
            }
        }
        var means = Array.ConvertAll(sums, sum => sum / samples.Length);
        var variances = squares.Select((square, j) => (square / samples.Length) - (means[j] * means[j]));
        var deviations = variances.Select(variance => Math.Sqrt(Math.Max(1e-12, variance))).ToArray();
        var padded = (length + Vector<float>.Count) / Vector<float>.Count * Vector<float>.Count;
        return sample =>
        {
            var normalized = new float[padded];
            for (var j = 0; j < length; j++)
            {
                normalized[j] = (float)((sample[j] - means[j]) / deviations[j]);
            }
            normalized[length] = 1;
            return normalized;
        };
    }

    private static double Accuracy(float[][] weights, Samples samples)
    {
        var probabilities = new float[weights.Length];
        var hits = 0;
        for (var i = 0; i < samples.Labels.Length; i++)
        {
            Softmax(weights, samples.Features[i], probabilities);
            hits += Array.IndexOf(probabilities, probabilities.Max()) == samples.Labels[i] ? 1 : 0;
        }
        return (double)hits / samples.Labels.Length;
    }

    private static void Softmax(float[][] weights, float[] sample, float[] probabilities)
    {
        for (var k = 0; k < weights.Length; k++)
        {
            probabilities[k] = Dot(weights[k], sample);
        }
        var (largest, sum) = (probabilities.Max(), 0f);
        for (var k = 0; k < weights.Length; k++)
        {
            sum += probabilities[k] = MathF.Exp(probabilities[k] - largest);
        }
        for (var k = 0; k < weights.Length; k++)
        {
            probabilities[k] /= sum;
        }
    }

    private static float Dot(float[] a, float[] b)
    {
        var sum = Vector<float>.Zero;
        var left = Vectors(a);
        var right = Vectors(b);
        for (var j = 0; j < left.Length; j++)
        {
            sum += left[j] * right[j];
        }
        return Vector.Sum(sum);
    }

    private static void AddScaled(float[] target, float[] source, float factor)
    {
        var to = Vectors(target);
        var from = Vectors(source);
        for (var j = 0; j < to.Length; j++)
        {
            to[j] += from[j] * factor;
        }
    }

    private static Span<Vector<float>> Vectors(float[] values) => MemoryMarshal.Cast<float, Vector<float>>(values.AsSpan());
}
