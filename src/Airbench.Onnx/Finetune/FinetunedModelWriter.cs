using System.Runtime.InteropServices;

namespace Airbench.Onnx;

/// <summary>Writes what a fine-tuning leaves as a trained model, which exports and fine-tunes like any other.</summary>
internal static class FinetunedModelWriter
{
    private const int AnswerBatch = 100;
    private const int ReferenceImages = 256;

    /// <summary>All tensors of the network: those that changed, and the others as they were.</summary>
    public static void WriteWeights(string path, NetworkSpec network, string startFile, IReadOnlyDictionary<string, float[]> changed)
    {
        using var start = TensorFile.Open(startFile);
        TensorFileWriter.Write(path, network.Parameters().Select(p =>
        {
            var values = changed.TryGetValue(p.Name, out var now) ? now : start.Read<float>(start.Require(p.Name, TensorType.F32, p.Shape)).ToArray();
            return (p.Name, TensorType.F32, p.Shape, (ReadOnlyMemory<byte>)MemoryMarshal.AsBytes(values.AsSpan()).ToArray());
        }));
    }

    /// <summary>The backbone: what changed, and the rest as it was.</summary>
    public static BackboneFile WriteBackbone(string path, BackboneFile before, IReadOnlyDictionary<string, float[]> changed)
    {
        var graph = new OnnxGraph(ProtoFile.Read(before.Path, Proto.ModelProto.Parser));
        NetworkExporter.Save(BackboneModel.With(graph, changed.Where(tensor => graph.Constant(tensor.Key) is not null).ToDictionary()).Model, path);
        return before with { Path = path };
    }

    /// <summary>Logits of a whole split.</summary>
    public static float[] Answer(IFinetuneEngine engine, ImageSplit split, int classes, CancellationToken cancel) =>
        Answer(engine.Answer, split, classes, cancel);

    /// <summary>Logits of a whole split.</summary>
    public static float[] Answer(OnnxClassifier classifier, ImageSplit split, int classes, CancellationToken cancel) =>
        Answer(classifier.Run, split, classes, cancel);

    /// <summary>Answers whose best class is the row of their label.</summary>
    public static int CountCorrect(float[] logits, long[] labels, int[] rows)
    {
        var classes = logits.Length / labels.Length;
        return labels.Index().Count(label => Softmax.ArgMax(logits.AsSpan(label.Index * classes, classes)) == rows[label.Item]);
    }

    /// <summary>Writes everything beside the weights, which are there already; the manifest comes last.</summary>
    public static TrainedModel Write(
        AtomicFolder build, ModelManifest parent, NetworkSpec network, IReadOnlyList<string> classes, FinetuneData data, float[] logits,
        FinetuneOutcome outcome, FinetuneRecord facts, string device, int threads, int seed)
    {
        var (test, labels) = (data.Test, Array.ConvertAll(data.Test.Labels, label => (long)data.Rows[label]));
        Csv.Write(
            build.File("curve.csv"), ["epoch", "step", "train_loss", "held_out_accuracy", "held_out_loss"],
            outcome.Curve.Select(p => (object?[])[p.Epoch, p.Step, p.TrainLoss, p.HeldOutAccuracy, p.HeldOutLoss]));
        WriteConfusion(build.File(TrainedModel.ConfusionName), classes, logits, labels);
        var chosen = Enumerable.Range(0, Math.Min(ReferenceImages, test.Count)).Select(i => (int)((long)i * test.Count / Math.Min(ReferenceImages, test.Count))).ToArray();
        TensorFileWriter.Write(build.File(TrainedModel.ReferenceName),
        [
            ("images", TensorType.U8, [chosen.Length, 3, test.ImageSize, test.ImageSize], ImageBatch.Gather(test, chosen)),
            ("labels", TensorType.I64, [chosen.Length], Bytes(chosen.Select(i => labels[i]).ToArray())),
            ("logits", TensorType.F32, [chosen.Length, classes.Count], Bytes(chosen.SelectMany(i => logits.AsSpan(i * classes.Count, classes.Count).ToArray()).ToArray())),
        ]);
        var score = new Fp32Score(test.Count, facts.New.CorrectAfter, facts.New.CorrectAfter, Tta.None);
        var manifest = parent with
        {
            Name = Path.GetFileName(Path.TrimEndingDirectorySeparator(build.Final)),
            Network = network,
            Classes = classes,
            Seed = seed,
            Device = device,
            Precision = "fp32",
            Threads = threads,
            DatasetName = data.Dataset.Manifest.Name,
            DatasetSha256 = data.Dataset.Manifest.Sha256,
            Synthetic = parent.Synthetic || data.Dataset.Manifest.IsSynthetic,
            WeightsSha256 = Hash.OfFile(build.File(TrainedModel.WeightsName)),
            Runs = [],
            AccuracyTta = Summary.Of([(double)score.CorrectTta / score.Count]),
            Fp32 = score,
            Backbone = parent.Backbone is { } backbone ? backbone with { Sha256 = Hash.OfFile(build.File(TrainedModel.BackboneName)) } : null,
            Versions = new Dictionary<string, string>
            {
                [Product.Name] = Product.Version,
                ["onnxruntime"] = OnnxRuntime.Start().GetVersionString(),
                ["dotnet"] = Environment.Version.ToString(),
            },
            Finetuned = facts,
        };
        AtomicFolder.WriteFile(build.File(TrainedModel.ManifestName), Json.Write(manifest));
        return new TrainedModel(build.Path, manifest);
    }

    private delegate void Answers(ReadOnlySpan<byte> images, int count, Span<float> logits);

    private static float[] Answer(Answers answers, ImageSplit split, int classes, CancellationToken cancel)
    {
        var logits = new float[split.Count * classes];
        for (var first = 0; first < split.Count; first += AnswerBatch)
        {
            cancel.ThrowIfCancellationRequested();
            var count = Math.Min(AnswerBatch, split.Count - first);
            answers(split.Images(first, count), count, logits.AsSpan(first * classes, count * classes));
        }
        return logits;
    }

    /// <summary>One row a true class, one column a predicted one.</summary>
    private static void WriteConfusion(string path, IReadOnlyList<string> classes, float[] logits, long[] labels)
    {
        var counts = new long[classes.Count * classes.Count];
        foreach (var (i, label) in labels.Index())
        {
            counts[(label * classes.Count) + Softmax.ArgMax<float>(logits.AsSpan(i * classes.Count, classes.Count))]++;
        }
        ConfusionFile.Write(path, classes, counts);
    }

    private static byte[] Bytes<T>(T[] values) where T : unmanaged => MemoryMarshal.AsBytes(values.AsSpan()).ToArray();
}
