using System.Runtime.InteropServices;

namespace Airbench.Onnx;

/// <summary>Writes what was learned with a backbone as a trained model.</summary>
internal static class TransferredModelWriter
{
    /// <summary>Fewer than of our own networks: the original answers for one image after the other.</summary>
    private const int ReferenceImages = 64;

    /// <summary>File with what cross-validation answered for every image.</summary>
    private const string OutOfFoldName = "out-of-fold.csv";

    /// <summary>Writes everything; the manifest comes last.</summary>
    public static ModelManifest Write(
        AtomicFolder build, Dataset dataset, TransferOptions options, BackboneSource source, ImportedModel imported, TransferImages images,
        ITransferred learned, IReadOnlyList<OutOfFold>? divisions, string device, int seed, double seconds, CancellationToken cancel)
    {
        var data = dataset.Manifest;
        var backboneFile = build.File(TrainedModel.BackboneName);
        var backbone = BackboneModel.With(imported.Graph, learned.Changed);
        if (learned.Changed.Count > 0)
        {
            File.Delete(backboneFile);
            NetworkExporter.Save(backbone.Model, backboneFile);
        }
        var network = new NetworkSpec
        {
            Architecture = Architecture.Backbone,
            ImageSize = data.ImageSize,
            Fit = data.Fit,
            ClassCount = images.ClassCount,
            Mean = [0, 0, 0],
            Std = [1, 1, 1],
            Widths = [imported.FeatureCount],
            Depth = 0,
            LogitScale = 1,
        };
        learned.Head.Write(build.File(TrainedModel.WeightsName), data.IsSynthetic ? new Dictionary<string, string> { ["data"] = "synthetic" } : null);

        var plain = learned.Answer(images.TestIndices, mirror: false, cancel);
        var voted = options.Tta == Tta.Mirror ? plain.Zip(learned.Answer(images.TestIndices, mirror: true, cancel), (a, b) => (a + b) / 2).ToArray() : plain;
        var score = new Fp32Score(images.Test.Count, Count(plain), Count(voted), options.Tta);
        WriteConfusion(build.File(TrainedModel.ConfusionName), data.Classes, voted, images);
        WriteReference(build.File(TrainedModel.ReferenceName), imported, images, learned, cancel);
        if (divisions is not null)
        {
            WriteOutOfFold(build.File(OutOfFoldName), data.Classes, images, divisions[0]);
        }
        var accuracy = (double)score.CorrectTta / score.Count;
        Csv.Write(build.File("runs.csv"), ["seed", "accuracy_plain", "accuracy_tta", "train_seconds", "steps"],
            [[seed, (double)score.CorrectPlain / score.Count, accuracy, seconds, learned.Steps]]);

        var manifest = new ModelManifest
        {
            Name = Path.GetFileName(Path.TrimEndingDirectorySeparator(build.Final)),
            Network = network,
            Transfer = new Transfer
            {
                Train = options.Train,
                ClassWeights = options.ClassWeights,
                Mirror = options.Mirror,
                Crops = options.Crops,
                L2 = learned.L2,
                Steps = options.Train == TransferPart.Head ? null : options.Steps,
                CrossValidation = divisions is null ? null : CrossValidator.Summarize(divisions),
            },
            Backbone = new Backbone(
                source.Name, source.Origin, source.Sha256, Hash.OfFile(backboneFile), (int)backbone.Model.OpsetImport[0].Version, Parameters(backbone),
                imported.Notes)
            {
                License = source.License,
                LastBlock = imported.LastBlockStart,
            },
            Classes = data.Classes,
            Seed = seed,
            Device = device,
            Precision = "fp32",
            Threads = options.Threads,
            DatasetName = data.Name,
            DatasetSha256 = data.Sha256,
            Synthetic = data.IsSynthetic,
            WeightsSha256 = Hash.OfFile(build.File(TrainedModel.WeightsName)),
            Runs = [new RunResult(seed, (double)score.CorrectPlain / score.Count, accuracy, seconds, learned.Steps)],
            AccuracyTta = Summary.Of([accuracy]),
            Fp32 = score,
            Versions = new Dictionary<string, string>
            {
                [Product.Name] = Product.Version,
                ["onnxruntime"] = OnnxRuntime.Start().GetVersionString(),
                ["dotnet"] = Environment.Version.ToString(),
            },
        };
        AtomicFolder.WriteFile(build.File(TrainedModel.ManifestName), Json.Write(manifest));
        return manifest;

        int Count(double[] logits) => images.TestIndices.Index().Count(image => Softmax.ArgMax<double>(logits.AsSpan(image.Index * images.ClassCount, images.ClassCount)) == images.Labels[image.Item]);
    }

    private static long Parameters(OnnxGraph graph) => graph.Constants
        .Where(tensor => tensor.DataType == (int)Proto.TensorProto.Types.DataType.Float)
        .Sum(tensor => tensor.Dims.Aggregate(1L, (product, extent) => product * extent));

    private static void WriteConfusion(string path, IReadOnlyList<string> classes, double[] logits, TransferImages images)
    {
        var counts = new long[classes.Count * classes.Count];
        foreach (var (i, image) in images.TestIndices.Index())
        {
            counts[(images.Labels[image] * classes.Count) + Softmax.ArgMax<double>(logits.AsSpan(i * classes.Count, classes.Count))]++;
        }
        ConfusionFile.Write(path, classes, counts);
    }

    /// <summary>
    /// What the exported model has to give. Where the backbone is as it was, that comes from its own file, unchanged, with the head in float64; but not from
    /// a file of half precision, which the import has been compared with as closely as its rounding lets.
    /// </summary>
    private static void WriteReference(string path, ImportedModel imported, TransferImages images, ITransferred learned, CancellationToken cancel)
    {
        var count = Math.Min(ReferenceImages, images.Test.Count);
        var chosen = Enumerable.Range(0, count).Select(i => images.TestIndices[(int)((long)i * images.Test.Count / count)]).ToArray();
        var pixels = new List<byte>();
        foreach (var image in chosen)
        {
            pixels.AddRange(images.Pixels(image));
        }
        TensorFileWriter.Write(path,
        [
            ("images", TensorType.U8, [count, 3, images.Test.ImageSize, images.Test.ImageSize], pixels.ToArray()),
            ("labels", TensorType.I64, [count], Bytes(Array.ConvertAll(chosen, image => (long)images.Labels[image]))),
            ("logits", TensorType.F32, [count, images.ClassCount], Floats(learned.Changed.Count == 0 && !imported.IsHalf ? OfOriginal() : learned.Answer(chosen, mirror: false, cancel))),
        ]);

        double[] OfOriginal()
        {
            using var original = imported.Original.Open(imported.OriginalValue);
            var features = new List<float>();
            foreach (var image in chosen)
            {
                cancel.ThrowIfCancellationRequested();
                var one = imported.AnswerOf(original, images.Pixels(image));
                UnitFeatures.Divide(one);
                features.AddRange(one);
            }
            return learned.Head.Answer(new FeatureTable([.. features], imported.FeatureCount, Views: 1));
        }
    }

    /// <summary>A row an image: its split and path, the part it was in, its class, the answer and the probability of each class.</summary>
    private static void WriteOutOfFold(string path, IReadOnlyList<string> classes, TransferImages images, OutOfFold division)
    {
        var paths = images.Train.Paths().Select(name => ("train", name)).Concat(images.Test.Paths().Select(name => ("test", name)));
        Csv.Write(path, ["split", "path", "fold", "label", "predicted", .. classes], paths.Select((place, i) => (object?[])
        [
            place.Item1, place.name, division.Fold[i], classes[division.Labels[i]], classes[division.Answer(i)],
            .. Softmax.Probabilities<double>(division.Logits.AsSpan(i * classes.Count, classes.Count)).Select(probability => (object?)(float)probability),
        ]));
    }

    private static byte[] Floats(double[] values) => Bytes(Array.ConvertAll(values, value => (float)value));

    private static byte[] Bytes<T>(T[] values) where T : unmanaged => MemoryMarshal.AsBytes(values.AsSpan()).ToArray();
}
