namespace Airbench.Tests;

/// <summary>
/// What a network computes, straight from its layer list: loops in float64, nothing folded, normalization first and batch
/// norm where it stands. Slow on purpose; small networks alone.
/// </summary>
internal static class ReferenceNetwork
{
    /// <summary>Logits of <paramref name="count"/> images, [count,K].</summary>
    public static double[] Logits(NetworkSpec network, Dictionary<string, float[]> weights, ReadOnlySpan<byte> images, int count)
    {
        var pixels = images.Length / count;
        var logits = new List<double>();
        for (var i = 0; i < count; i++)
        {
            logits.AddRange(Forward(network, weights, images.Slice(i * pixels, pixels)));
        }
        return [.. logits];
    }

    private static double[] Forward(NetworkSpec network, Dictionary<string, float[]> weights, ReadOnlySpan<byte> image)
    {
        var x = Normalize(network, image);
        var outputs = new Dictionary<string, Planes>();
        foreach (var layer in network.Layers())
        {
            x = layer.Input is null ? x : outputs[layer.Input];
            x = layer switch
            {
                ConvLayer conv => Conv(x, conv, weights),
                BatchNormLayer norm => BatchNorm(x, norm, weights, network.BatchNormEpsilon),
                ActivationLayer { Kind: Activation.Gelu } => x.Map((_, v) => v * (1 + Erf(v / Math.Sqrt(2))) / 2),
                ActivationLayer { Kind: Activation.Silu } => x.Map((_, v) => v / (1 + Math.Exp(-v))),
                ActivationLayer { Kind: Activation.Relu } => x.Map((_, v) => Math.Max(v, 0)),
                MaxPoolLayer pool => MaxPool(x, pool.Size, x.Size / pool.Size),
                AddLayer add => new Planes(x.Channels, x.Size, [.. x.Values.Zip(outputs[add.From].Values, (a, b) => a + b)]),
                GlobalMaxPoolLayer => MaxPool(x, x.Size, 1),
                GlobalAveragePoolLayer => new Planes(x.Channels, 1, [.. x.Values.Chunk(x.Size * x.Size).Select(Enumerable.Average)]),
                LinearLayer head => Linear(x, head, weights),
                _ => throw new NotSupportedException(layer.Name),
            };
            outputs[layer.Name] = x;
        }
        return x.Values;
    }

    private static Planes Normalize(NetworkSpec network, ReadOnlySpan<byte> image)
    {
        var values = new double[image.Length];
        var area = network.ImageSize * network.ImageSize;
        for (var i = 0; i < values.Length; i++)
        {
            values[i] = ((image[i] / 255.0) - network.Mean[i / area]) / network.Std[i / area];
        }
        return new Planes(3, network.ImageSize, values);
    }

    private static Planes Conv(Planes x, ConvLayer conv, Dictionary<string, float[]> weights)
    {
        var weight = weights[$"{conv.Name}.weight"];
        var size = ((x.Size + (2 * conv.Padding) - conv.Kernel) / conv.Stride) + 1;
        var result = new double[conv.Out * size * size];
        for (var i = 0; i < result.Length; i++)
        {
            var (output, row, column) = (i / (size * size), i / size % size, i % size);
            var sum = conv.HasBias ? weights[$"{conv.Name}.bias"][output] : 0.0;
            for (var input = 0; input < conv.In; input++)
            {
                for (var tap = 0; tap < conv.Kernel * conv.Kernel; tap++)
                {
                    var r = (row * conv.Stride) + (tap / conv.Kernel) - conv.Padding;
                    var c = (column * conv.Stride) + (tap % conv.Kernel) - conv.Padding;
                    if (r >= 0 && r < x.Size && c >= 0 && c < x.Size)
                    {
                        var w = weight[(((output * conv.In) + input) * conv.Kernel * conv.Kernel) + tap];
                        sum += w * x.Values[(((input * x.Size) + r) * x.Size) + c];
                    }
                }
            }
            result[i] = sum;
        }
        return new Planes(conv.Out, size, result);
    }

    private static Planes BatchNorm(Planes x, BatchNormLayer norm, Dictionary<string, float[]> weights, double epsilon)
    {
        var (mean, variance) = (weights[$"{norm.Name}.running_mean"], weights[$"{norm.Name}.running_var"]);
        var bias = weights[$"{norm.Name}.bias"];
        double Scale(int channel) => norm.HasScale ? weights[$"{norm.Name}.weight"][channel] : 1;
        return x.Map((channel, v) => ((v - mean[channel]) / Math.Sqrt(variance[channel] + epsilon) * Scale(channel)) + bias[channel]);
    }

    private static Planes MaxPool(Planes x, int window, int size)
    {
        var result = Enumerable.Repeat(double.NegativeInfinity, x.Channels * size * size).ToArray();
        for (var i = 0; i < x.Values.Length; i++)
        {
            var (channel, row, column) = (i / (x.Size * x.Size), i / x.Size % x.Size / window, i % x.Size / window);
            if (row < size && column < size)
            {
                ref var largest = ref result[(((channel * size) + row) * size) + column];
                largest = Math.Max(largest, x.Values[i]);
            }
        }
        return new Planes(x.Channels, size, result);
    }

    private static Planes Linear(Planes x, LinearLayer head, Dictionary<string, float[]> weights)
    {
        var weight = weights[$"{head.Name}.weight"];
        double Dot(int output) => Enumerable.Range(0, head.In).Sum(i => weight[(output * head.In) + i] * x.Values[i]);
        double Bias(int output) => head.HasBias ? weights[$"{head.Name}.bias"][output] : 0;
        return new Planes(head.Out, 1, [.. Enumerable.Range(0, head.Out).Select(output => head.Scale * (Dot(output) + Bias(output)))]);
    }

    /// <summary>The error function by its series of positive terms, 2 / sqrt(pi) exp(-x^2) sum 2^n x^(2n+1) / (2n+1)!!.</summary>
    public static double Erf(double x)
    {
        if (Math.Abs(x) > 6)
        {
            return Math.Sign(x);
        }
        var (term, sum) = (x, x);
        for (var n = 1; Math.Abs(term) > 1e-18 * Math.Abs(sum); n++)
        {
            term *= 2 * x * x / ((2 * n) + 1);
            sum += term;
        }
        return 2 / Math.Sqrt(Math.PI) * Math.Exp(-x * x) * sum;
    }

    private sealed record Planes(int Channels, int Size, double[] Values)
    {
        public Planes Map(Func<int, double, double> f) => this with { Values = [.. Values.Select((v, i) => f(i / (Size * Size), v))] };
    }
}
