using TorchSharp;
using static TorchSharp.torch;

namespace Airbench.Training;

/// <summary>Writes the folder of a trained model, with what ONNX Runtime has to reproduce: the score of the network in fp32 and some of its logits.</summary>
internal static class TrainedModelWriter
{
    private const int ReferenceImages = 256;

    /// <summary>Scores the first run's network in fp32 and writes <paramref name="folder"/>, whole or not at all.</summary>
    /// <param name="setup">What was trained.</param>
    /// <param name="log">All runs.</param>
    /// <param name="folder">models/&lt;name&gt;.</param>
    /// <param name="progress">Told of the images scored.</param>
    /// <param name="cancel">Answered within a batch.</param>
    public static TrainedModel Write(TrainingSetup setup, TrainingLog log, string folder, IProgress progress, CancellationToken cancel)
    {
        var (dataset, recipe, spec, test, network) = (setup.Dataset, setup.Recipe, setup.Spec, setup.Test, log.First!);
        using var output = AtomicFolder.Create(folder);
        WriteCurve(output.File(TrainedModel.CurveName), log.Curve);
        WriteResults(output.File("runs.csv"), log.Results);
        TensorFileWriter.Write(
            output.File(TrainedModel.WeightsName),
            spec.Parameters().Select(p => (p.Name, TensorType.F32, p.Shape, Bytes(network.Tensors[p.Name], ScalarType.Float32))),
            dataset.IsSynthetic ? new Dictionary<string, string> { ["data"] = "synthetic" } : null);

        // TF32 would leave fp32 only 10 bits of mantissa on CUDA: what is compared with ONNX Runtime must be fp32.
        (backends.cuda.matmul.allow_tf32, backends.cudnn.allow_tf32) = (false, false);
        // Which quarter of the set is least confident is no property of an image: what ONNX Runtime has to reproduce is the full vote.
        var views = recipe.Tta == Tta.Adaptive ? Tta.MirrorTranslate : recipe.Tta;
        using var confusion = zeros(spec.ClassCount, spec.ClassCount, ScalarType.Int64, test.Labels.device);
        using var task = progress.Start("score in fp32", test.Count, "images");
        var (plain, tta) = Scorer.CountCorrect(network, test, views, ScalarType.Float32, cancel, confusion, done => task.Report(done));
        ConfusionFile.Write(output.File(TrainedModel.ConfusionName), dataset.Classes, confusion.cpu().data<long>().ToArray());
        WriteReference(output.File(TrainedModel.ReferenceName), network, test);
        if (AugmentationPicture.Draw(setup, log.Results[0].Seed) is { } picture)
        {
            File.WriteAllBytes(output.File(TrainedModel.AugmentationName), picture);
        }

        var manifest = new ModelManifest
        {
            Name = Path.GetFileName(Path.GetFullPath(folder)),
            Network = spec,
            Recipe = recipe,
            Classes = dataset.Classes,
            Seed = log.Results[0].Seed,
            Device = setup.Device.Description,
            Precision = setup.Device.PrecisionName,
            Rates = setup.Device.Choice?.Rates,
            Threads = get_num_threads(),
            DatasetName = dataset.Name,
            DatasetSha256 = dataset.Sha256,
            Synthetic = dataset.IsSynthetic,
            WeightsSha256 = Hash.OfFile(output.File(TrainedModel.WeightsName)),
            Runs = log.Results,
            AccuracyTta = Summary.Of([.. log.Results.Select(result => result.AccuracyTta)]),
            Fp32 = new Fp32Score(test.Count, plain, tta, views),
            Versions = TorchRuntime.Versions,
        };
        File.WriteAllText(output.File(TrainedModel.ManifestName), Json.Write(manifest));
        return new TrainedModel(output.Commit(), manifest);
    }

    private static void WriteCurve(string path, IEnumerable<CurvePoint> curve) => Csv.Write(
        path,
        ["run", "epoch", "step", "lr", "train_loss", "train_accuracy", "validation_accuracy", "seconds", "validation_loss"],
        curve.Select(p => (object?[])[p.Run, p.Epoch, p.Step, p.Lr, p.TrainLoss, p.TrainAccuracy, p.ValidationAccuracy, p.Seconds, p.ValidationLoss]));

    private static void WriteResults(string path, IEnumerable<RunResult> results) => Csv.Write(
        path,
        ["seed", "accuracy_plain", "accuracy_tta", "train_seconds", "steps"],
        results.Select(r => (object?[])[r.Seed, r.AccuracyPlain, r.AccuracyTta, r.TrainSeconds, r.Steps]));

    /// <summary>Up to 256 images, spread evenly over the test split (which may be sorted by class), and their fp32 logits.</summary>
    private static void WriteReference(string path, Network network, DeviceImages test)
    {
        using var scope = NewDisposeScope();
        using var noGradients = no_grad();
        var count = Math.Min(ReferenceImages, test.Count);
        var positions = Enumerable.Range(0, count).Select(i => (int)((long)i * test.Count / count)).ToArray();
        var index = tensor([.. positions.Select(i => (long)i)], device: test.Labels.device);
        var images = test.Crop(index, test.Padding, test.Padding).permute(0, 3, 1, 2);
        // One by one on the CPU, where the size of a batch may change the last bits; on CUDA these passes would take longer than some trainings.
        var logits = index.device_type == DeviceType.CUDA
            ? Scorer.Logits(network, test, index, ScalarType.Float32)
            : cat([.. positions.Select(i => Scorer.Logits(network, test, i, 1, Tta.None, ScalarType.Float32).Plain)]);
        TensorFileWriter.Write(path,
        [
            ("images", TensorType.U8, images.shape, Bytes(images, ScalarType.Byte)),
            ("labels", TensorType.I64, [count], Bytes(test.Labels.index_select(0, index), ScalarType.Int64)),
            ("logits", TensorType.F32, logits.shape, Bytes(logits, ScalarType.Float32)),
        ]);
    }

    /// <summary>Values as <paramref name="type"/>, in row-major order.</summary>
    private static ReadOnlyMemory<byte> Bytes(Tensor tensor, ScalarType type)
    {
        using var scope = NewDisposeScope();
        return tensor.detach().to(type, CPU).contiguous().bytes.ToArray();
    }
}
