using System.Runtime.InteropServices;

namespace Airbench.Tests;

/// <summary>Networks with random weights, and everything around them that a training would leave.</summary>
internal static class RandomNetwork
{
    /// <summary>A network small enough for a naive reference computation.</summary>
    public static NetworkSpec Small(int imageSize = 16, int classCount = 3, int depth = 2, params int[] widths) => new()
    {
        ImageSize = imageSize,
        ClassCount = classCount,
        Mean = [0.4914, 0.4822, 0.4465],
        Std = [0.2470, 0.2435, 0.2616],
        Widths = widths.Length == 3 ? widths : [4, 6, 5],
        Depth = depth,
        LogitScale = 1.0 / 9,
    };

    /// <summary>Weights by name. Every 7th variance is tiny, as that of a channel that hardly ever fires.</summary>
    public static Dictionary<string, float[]> Weights(NetworkSpec network, int seed)
    {
        var random = new Random(seed);
        return network.Parameters().ToDictionary(p => p.Name, p =>
        {
            var values = new float[p.Shape.Aggregate(1L, (product, extent) => product * extent)];
            var fanIn = Math.Max(1, values.Length / p.Shape[0]);   // 1 for the learned scales of batch norms: either sign, some near zero
            for (var i = 0; i < values.Length; i++)
            {
                values[i] = (float)(p.Name.Split('.')[^1] switch
                {
                    "running_var" => i % 7 == 6 ? 1e-8 : Math.Exp(2 * Normal(random)),
                    "weight" => Normal(random) * Math.Sqrt(2.0 / fanIn),
                    _ => Normal(random) * 0.5,
                });
            }
            return values;
        });
    }

    /// <summary>
    /// Images that differ in colour, slope and noise, uint8 [count,3,S,S]; plain noise would look the same to a network every time.
    /// </summary>
    public static byte[] Images(int count, int size, int seed)
    {
        var random = new Random(seed);
        var images = new byte[count * 3 * size * size];
        for (var plane = 0; plane < count * 3; plane++)
        {
            var (level, slopeX, slopeY, noise) = (random.Next(256), random.Next(-9, 10), random.Next(-9, 10), random.Next(1, 100));
            for (var i = 0; i < size * size; i++)
            {
                var value = level + (slopeX * (i % size)) + (slopeY * (i / size)) + random.Next(-noise, noise);
                images[(plane * size * size) + i] = (byte)Math.Clamp(value, 0, 255);
            }
        }
        return images;
    }

    /// <summary>Writes <c>weights.safetensors</c> and returns its path.</summary>
    public static string WriteWeights(string folder, NetworkSpec network, Dictionary<string, float[]> weights)
    {
        var path = Path.Combine(folder, TrainedModel.WeightsName);
        File.Delete(path);
        var shapes = network.Parameters().ToDictionary(p => p.Name, p => p.Shape);
        TensorFileWriter.Write(path, weights.Select(w =>
        {
            ReadOnlyMemory<byte> bytes = MemoryMarshal.AsBytes<float>(w.Value).ToArray();
            return (w.Key, TensorType.F32, shapes.GetValueOrDefault(w.Key, [w.Value.Length]), bytes);
        }));
        return path;
    }

    /// <summary>A trained model in <paramref name="folder"/>: weights and the manifest record.</summary>
    public static TrainedModel Write(string folder, NetworkSpec network, int seed = 1)
    {
        Directory.CreateDirectory(folder);
        var weights = WriteWeights(folder, network, Weights(network, seed));
        WriteReference(folder, network, count: 8);
        return new TrainedModel(folder, Manifest(network) with { WeightsSha256 = Hash.OfFile(weights) });
    }

    /// <summary>Reference images with logits of no network; class k % K is the best of image k, and its label.</summary>
    private static void WriteReference(string folder, NetworkSpec network, int count)
    {
        var path = Path.Combine(folder, TrainedModel.ReferenceName);
        File.Delete(path);
        var labels = Enumerable.Range(0, count).Select(i => (long)(i % network.ClassCount)).ToArray();
        var logits = labels.SelectMany(label => Enumerable.Range(0, network.ClassCount).Select(k => k == label ? 3f : 0.5f * k)).ToArray();
        TensorFileWriter.Write(path,
        [
            ("images", TensorType.U8, [count, 3, network.ImageSize, network.ImageSize], Images(count, network.ImageSize, seed: 5)),
            ("labels", TensorType.I64, [count], MemoryMarshal.AsBytes(labels.AsSpan()).ToArray()),
            ("logits", TensorType.F32, [count, network.ClassCount], MemoryMarshal.AsBytes(logits.AsSpan()).ToArray()),
        ]);
    }

    /// <summary>A manifest around <paramref name="network"/>.</summary>
    public static ModelManifest Manifest(NetworkSpec network) => new()
    {
        Name = "small",
        Network = network,
        Recipe = Recipe.All["airbench94"],
        Classes = [.. Enumerable.Range(0, network.ClassCount).Select(k => $"class {k}")],
        Seed = 7,
        Device = "cpu",
        Precision = "fp32",
        Threads = 1,
        DatasetName = "drawn",
        DatasetSha256 = new string('d', 64),
        Synthetic = true,
        WeightsSha256 = new string('e', 64),
        Runs = [],
        AccuracyTta = Summary.Of([0.9]),
        Fp32 = new Fp32Score(2000, 1801, 1822, Tta.MirrorTranslate),
        Versions = new Dictionary<string, string>(),
    };

    private static double Normal(Random random) =>
        Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble());
}
