using System.Runtime.InteropServices;
using System.Text;
using Airbench.Onnx;

namespace Airbench.Tests;

/// <summary>A small trained model with its reference file, its bundle, and prepared sets that fit.</summary>
internal sealed class Bundles : IDisposable
{
    public const int ReferenceCount = 20;

    /// <summary>Of random weights whose network gives every class to a fair share of <see cref="RandomNetwork.Images"/>.</summary>
    public const int Seed = 30;

    private static readonly float[] OwnReferenceLogits = Logits(RandomNetwork.Images(ReferenceCount, Network.ImageSize, 4));
    private readonly TemporaryFolder _folder = new();

    public Bundles()
    {
        Model = RandomNetwork.Write(_folder.File("model"), Network, Seed);
        WriteReference(ReferenceLogits());
    }

    public static NetworkSpec Network => RandomNetwork.Small();

    public TrainedModel Model { get; private set; }

    public string ReferenceFile => Model.File(TrainedModel.ReferenceName);

    public void Dispose() => _folder.Dispose();

    public string Folder => _folder.Path;

    public string File(string name) => _folder.File(name);

    /// <summary>Says that the model was trained on <paramref name="dataset"/>, and knows its whole test split.</summary>
    public void TrainedOn(Dataset dataset)
    {
        var count = dataset.Manifest.TestCount;
        Model = Model with
        {
            Manifest = Model.Manifest with { DatasetSha256 = dataset.Manifest.Sha256, Fp32 = new Fp32Score(count, count, count, Tta.None) },
        };
    }

    /// <summary>Another trained network in the place of the model.</summary>
    public void Replace(NetworkSpec network, Dictionary<string, float[]> weights)
    {
        var file = RandomNetwork.WriteWeights(Model.Folder, network, weights);
        Model = Model with { Manifest = RandomNetwork.Manifest(network) with { WeightsSha256 = Hash.OfFile(file) } };
    }

    /// <summary>What the network itself answers to the reference images; a copy to damage.</summary>
    public static float[] ReferenceLogits() => [.. OwnReferenceLogits];

    public void WriteReference(float[] logits, int count = ReferenceCount, int imageSize = 16) =>
        WriteReference(RandomNetwork.Images(count, imageSize, 4), logits, count, imageSize);

    /// <summary>Reference images whose class is clear, so that rounding to int8 or fp16 chooses no other, but for two that are doubtful.</summary>
    public void WriteClearReference()
    {
        const int drawn = 10 * ReferenceCount;
        var images = RandomNetwork.Images(drawn, Network.ImageSize, 4).Chunk(3 * Network.ImageSize * Network.ImageSize)
            .OrderByDescending(image => Logits(image).OrderDescending().ToArray() is [var best, var second, ..] ? best - second : 0).ToArray();
        byte[] chosen = [.. images[..(ReferenceCount - 2)].Concat(images[^2..]).SelectMany(image => image)];
        WriteReference(chosen, Logits(chosen), ReferenceCount, Network.ImageSize);
    }

    private void WriteReference(byte[] images, float[] logits, int count, int imageSize)
    {
        System.IO.File.Delete(ReferenceFile);
        TensorFileWriter.Write(ReferenceFile,
        [
            ("images", TensorType.U8, [count, 3, imageSize, imageSize], images),
            ("labels", TensorType.I64, [count], Bytes(new long[count])),
            ("logits", TensorType.F32, [count, Network.ClassCount], Bytes(logits)),
        ]);
    }

    /// <summary>What the network itself answers, in float64, rounded.</summary>
    public static float[] Logits(byte[] images) => Array.ConvertAll(
        ReferenceNetwork.Logits(Network, RandomNetwork.Weights(Network, Seed), images,
            images.Length / (3 * Network.ImageSize * Network.ImageSize)), v => (float)v);

    /// <summary>Exports through the real parity gate.</summary>
    public OnnxBundle Export(string dataset = "", Fp32Score? fp32 = null, Fit fit = Fit.Crop)
    {
        var network = Model.Manifest.Network with { Fit = fit };
        Model = Model with { Manifest = Model.Manifest with { Network = network, DatasetSha256 = dataset, Fp32 = fp32 ?? Model.Manifest.Fp32 } };
        return Exporter.Export(
            Model, new ExportOptions(), _folder.File("exports/small"), file =>
                ParityGate.Check(file, ReferenceFile), IProgress.Silent, CancellationToken.None);
    }

    /// <summary>A prepared set of random images with these labels in its test split, and in its training split where it has no others.</summary>
    public Dataset Prepare(long[] labels, IReadOnlyList<string>? classes = null, int imageSize = 16, long[]? trainLabels = null, Fit fit = Fit.Crop)
    {
        var folder = _folder.File($"data-{Guid.NewGuid():N}");
        Directory.CreateDirectory(folder);
        foreach (var split in (string[])["train", "test"])
        {
            using var writer = new TensorFileWriter(Path.Combine(folder, $"{split}.safetensors"));
            writer.Begin("images", TensorType.U8, 3, imageSize, imageSize);
            writer.Append<byte>(RandomNetwork.Images(labels.Length, imageSize, 8));
            writer.Begin("labels", TensorType.I64);
            writer.Append<long>(split == "train" ? trainLabels ?? labels : labels);
            writer.Begin("paths", TensorType.U8);
            writer.Append<byte>(Encoding.UTF8.GetBytes(string.Concat(labels.Select((_, i) => $"test/{i}.png\n"))));
            writer.Finish();
        }
        var manifest = new DatasetManifest
        {
            Name = "drawn",
            Source = "synthetic",
            Classes = classes ?? Model.Manifest.Classes,
            ImageSize = imageSize,
            Fit = fit,
            Mean = Network.Mean,
            Std = Network.Std,
            TrainCount = labels.Length,
            TestCount = labels.Length,
            DuplicatesAcrossSplits = 0,
            TrainSha256 = Hash.OfFile(Path.Combine(folder, "train.safetensors")),
            TestSha256 = Hash.OfFile(Path.Combine(folder, "test.safetensors")),
            ProductVersion = Product.Version,
        };
        System.IO.File.WriteAllText(Path.Combine(folder, Dataset.ManifestName), Json.Write(manifest));
        return Dataset.Open(folder);
    }

    private static byte[] Bytes<T>(T[] values) where T : unmanaged => MemoryMarshal.AsBytes(values.AsSpan()).ToArray();
}
