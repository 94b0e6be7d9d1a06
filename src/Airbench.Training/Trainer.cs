using System.Text.Json;
using TorchSharp;
using static TorchSharp.torch;

namespace Airbench.Training;

/// <summary>The <c>train</c> stage: a data set in, a trained model folder out.</summary>
public static class Trainer
{
    private const int ReferenceImages = 256;
    private const int FewestBatches = 4;     // of the recipe's own size, in an epoch
    private const int SmallSetBatches = 8;   // in an epoch of a set that has fewer

    /// <summary>
    /// Trains <see cref="TrainOptions.Runs"/> networks and writes the first to <paramref name="folder"/>; an earlier model there
    /// stays until the new one is whole.
    /// </summary>
    /// <param name="dataset">What to learn.</param>
    /// <param name="options">Recipe and changes to it.</param>
    /// <param name="folder">models/&lt;name&gt;.</param>
    /// <param name="deviceName">auto, cpu, cuda or cuda:N.</param>
    /// <param name="seed">Seed of the first run; run i has seed + i.</param>
    /// <param name="progress">Loss, rate and time left.</param>
    /// <param name="cancel">Answered within a step.</param>
    /// <exception cref="DeviceException">The device is not there.</exception>
    /// <exception cref="DivergedException">The loss of a run is not finite.</exception>
    public static TrainedModel Train(
        Dataset dataset, TrainOptions options, string folder, string deviceName, int seed, IProgress progress, CancellationToken cancel)
    {
        var device = ComputeDevice.Resolve(deviceName, options.Precision);
        if (options.Threads > 0)
        {
            set_num_threads(options.Threads);
        }
        var recipe = FitBatch(options.ToRecipe(), dataset.Manifest.TrainCount, options.Changes.ContainsKey("batch_size"), progress);
        var spec = recipe.Network(dataset.Manifest);
        recipe.Validate();
        spec.Validate();
        var plan = TrainingPlan.For(recipe, dataset.Manifest.TrainCount);
        var steps = $"{options.Runs} x {plan.TotalSteps} steps of {recipe.BatchSize} images";
        progress.Info($"{recipe.Name} on {device.Description}, {PrecisionName(device)}, {get_num_threads()} threads: {steps}");

        using var scope = NewDisposeScope();
        using var trainSplit = dataset.OpenSplit(Split.Train);
        using var testSplit = dataset.OpenSplit(Split.Test);
        using var train = DeviceImages.Load(trainSplit, spec, recipe.Translate, device.Device);
        using var test = DeviceImages.Load(testSplit, spec, Scorer.Padding, device.Device);

        var (curve, results) = (new List<CurvePoint>(), new List<RunResult>());
        using var checkpoint = options.CheckpointEverySeconds > 0
            ? Checkpoint.Open(folder, Key(dataset, device, recipe, spec, seed), TimeSpan.FromSeconds(options.CheckpointEverySeconds), progress)
            : null;
        Network? kept = null;
        try
        {
            if (checkpoint?.Found is { } found)
            {
                curve.AddRange(found.Curve);
                results.AddRange(found.Results);
                kept = found.Run == 0 ? null : Keep(Restore(checkpoint, spec, recipe, device), checkpoint);
            }
            using (var task = progress.Start("train", options.Runs * plan.ReportedSteps, "steps"))
            {
                for (var run = results.Count; run < options.Runs; run++)
                {
                    var (network, result) = TrainingRun.Train(
                        run, plan, spec, train, test, seed + run, device, options.ValidateEvery, curve, task, cancel, checkpoint, results);
                    checkpoint?.Close();
                    results.Add(result);
                    progress.Info(FormattableString.Invariant(
                        $"seed {result.Seed}: {result.AccuracyPlain:0.00%} plain, {result.AccuracyTta:0.00%} with TTA, {result.TrainSeconds:0.0} s"));
                    if (kept is null)
                    {
                        kept = Keep(network, checkpoint);
                    }
                    else
                    {
                        network.Dispose();
                    }
                }
            }
            var model = Write(dataset, device, recipe, spec, seed, kept!, test, testSplit, curve, results, folder, progress, cancel);
            checkpoint?.Delete();
            if (model.Manifest.AccuracyTta is { StandardDeviation: { } deviation, Low95: { } low, High95: { } high } accuracy)
            {
                progress.Info(FormattableString.Invariant(
                    $"{accuracy.Count} runs with TTA: mean {accuracy.Mean:0.00%}, standard deviation {deviation:0.00%}, ") +
                    FormattableString.Invariant($"95% interval {low:0.00%} to {high:0.00%}"));
            }
            return model;
        }
        catch (OperationCanceledException) when (checkpoint is { IsWritten: true })
        {
            progress.Info($"the same command goes on from the checkpoint in {checkpoint.Folder}");
            throw;
        }
        finally
        {
            kept?.Dispose();
        }
    }

    /// <summary>Hash of all that decides the weights, bit by bit: a checkpoint is good for the same training only.</summary>
    private static string Key(Dataset dataset, ComputeDevice device, Recipe recipe, NetworkSpec spec, int seed) => Hash.OfText(Json.Write(new
    {
        Recipe = recipe,
        Network = spec,
        Data = dataset.Manifest.Sha256,
        Seed = seed,
        Device = device.Description,
        Precision = PrecisionName(device),
        Threads = get_num_threads(),
        Libtorch = __version__,
        Product = Product.Version,
    }));

    /// <summary>The first run's network, which later checkpoints carry along.</summary>
    private static Network Keep(Network network, Checkpoint? checkpoint)
    {
        checkpoint?.Kept.AddRange(network.Tensors.Select(tensor => (tensor.Key, tensor.Value)));
        return network;
    }

    private static Network Restore(Checkpoint checkpoint, NetworkSpec spec, Recipe recipe, ComputeDevice device)
    {
        using var generator = new Generator(0UL, CPU);
        var network = Network.Create(spec, recipe, device, generator);
        foreach (var (name, tensor) in network.Tensors)
        {
            checkpoint.Restore($"kept.{name}", tensor);
        }
        return network;
    }

    internal static string PrecisionName(ComputeDevice device) => JsonNamingPolicy.SnakeCaseLower.ConvertName(device.Precision.ToString());

    /// <summary>
    /// A batch has to fit the training set, several times over where nobody asked for its size: one or two steps an epoch learn next to
    /// nothing in the usual number of epochs. A smaller batch keeps its meaning, since the hyperparameters are per example.
    /// </summary>
    /// <param name="recipe">The recipe, with its batch.</param>
    /// <param name="trainCount">Training images.</param>
    /// <param name="isAskedFor">Whether the user gave the batch size.</param>
    /// <param name="progress">Told about another batch.</param>
    internal static Recipe FitBatch(Recipe recipe, int trainCount, bool isAskedFor, IProgress progress)
    {
        if (trainCount < 2)
        {
            throw new DataException($"the training split has {trainCount} images; expected at least 2");
        }
        if (trainCount / recipe.BatchSize >= (isAskedFor ? 1 : FewestBatches))
        {
            return recipe;
        }
        var batch = Math.Max(2, trainCount / SmallSetBatches);
        var why = trainCount < recipe.BatchSize
            ? $"{trainCount} training images are fewer than the batch of {recipe.BatchSize}"
            : $"{trainCount} training images hold only {trainCount / recipe.BatchSize} batches of {recipe.BatchSize}";
        progress.Warn($"{why}: using batches of {batch}. " +
            FormattableString.Invariant($"In {recipe.Epochs} epochs the network sees only {recipe.Epochs * trainCount:0} images; ") +
            "more epochs (--set train.with.epochs=...) will likely help.");
        return recipe with { BatchSize = batch };
    }

    private static TrainedModel Write(
        Dataset dataset, ComputeDevice device, Recipe recipe, NetworkSpec spec, int seed, Network network, DeviceImages test, ImageSplit testSplit,
        List<CurvePoint> curve, List<RunResult> results, string folder, IProgress progress, CancellationToken cancel)
    {
        using var output = AtomicFolder.Create(folder);
        Csv.Write(
            output.File(TrainedModel.CurveName),
            ["run", "epoch", "step", "lr", "train_loss", "train_accuracy", "validation_accuracy", "seconds"],
            curve.Select(p => (object?[])[p.Run, p.Epoch, p.Step, p.Lr, p.TrainLoss, p.TrainAccuracy, p.ValidationAccuracy, p.Seconds]));
        Csv.Write(
            output.File("runs.csv"),
            ["seed", "accuracy_plain", "accuracy_tta", "train_seconds", "steps"],
            results.Select(r => (object?[])[r.Seed, r.AccuracyPlain, r.AccuracyTta, r.TrainSeconds, r.Steps]));
        TensorFileWriter.Write(
            output.File(TrainedModel.WeightsName),
            spec.Parameters().Select(p => (p.Name, TensorType.F32, p.Shape, Bytes(network.Tensors[p.Name]))),
            dataset.Manifest.IsSynthetic ? new Dictionary<string, string> { ["data"] = "synthetic" } : null);

        // TF32 would leave fp32 only 10 bits of mantissa on CUDA: what is compared with ONNX Runtime must be fp32.
        (backends.cuda.matmul.allow_tf32, backends.cudnn.allow_tf32) = (false, false);
        // Which quarter of the set is least confident is no property of an image: what ONNX Runtime has to reproduce is the full vote.
        var views = recipe.Tta == Tta.Adaptive ? Tta.MirrorTranslate : recipe.Tta;
        using var confusion = zeros(spec.ClassCount, spec.ClassCount, ScalarType.Int64, test.Labels.device);
        using var task = progress.Start("score in fp32", test.Count, "images");
        var (plain, tta) = Scorer.CountCorrect(network, test, views, ScalarType.Float32, cancel, confusion, task);
        WriteConfusion(output.File(TrainedModel.ConfusionName), dataset.Manifest.Classes, confusion);
        WriteReference(output.File(TrainedModel.ReferenceName), network, test, testSplit);

        var manifest = new ModelManifest
        {
            Name = Path.GetFileName(Path.GetFullPath(folder)),
            Network = spec,
            Recipe = recipe,
            Classes = dataset.Manifest.Classes,
            Seed = seed,
            Device = device.Description,
            Precision = PrecisionName(device),
            Threads = get_num_threads(),
            DatasetName = dataset.Manifest.Name,
            DatasetSha256 = dataset.Manifest.Sha256,
            Synthetic = dataset.Manifest.IsSynthetic,
            WeightsSha256 = Hash.OfFile(output.File(TrainedModel.WeightsName)),
            Runs = results,
            AccuracyTta = Summary.Of([.. results.Select(result => result.AccuracyTta)]),
            Fp32 = new Fp32Score(test.Count, plain, tta, views),
            Versions = new Dictionary<string, string>
            {
                [Product.Name] = Product.Version,
                ["TorchSharp"] = typeof(torch).Assembly.GetName().Version!.ToString(3),
                ["libtorch"] = __version__,
                ["dotnet"] = Environment.Version.ToString(),
            },
        };
        File.WriteAllText(output.File(TrainedModel.ManifestName), Json.Write(manifest));
        return new TrainedModel(output.Commit(), manifest);
    }

    /// <summary>One row a true class, one column a predicted one, as <c>confusion.csv</c> of an evaluation.</summary>
    private static void WriteConfusion(string path, IReadOnlyList<string> classes, Tensor confusion)
    {
        var counts = confusion.cpu().data<long>().ToArray();
        Csv.Write(path, ["true \\ predicted", .. classes], classes.Select(
            (name, k) => (object?[])[name, .. counts.AsSpan(k * classes.Count, classes.Count).ToArray().Select(n => (object?)n)]));
    }

    /// <summary>Up to 256 images, spread evenly over the test split (which may be sorted by class), and their fp32 logits.</summary>
    private static void WriteReference(string path, Network network, DeviceImages test, ImageSplit testSplit)
    {
        using var scope = NewDisposeScope();
        using var noGradients = no_grad();
        var count = Math.Min(ReferenceImages, test.Count);
        var index = Enumerable.Range(0, count).Select(i => (int)((long)i * test.Count / count)).ToArray();
        var pixels = index.SelectMany(i => testSplit.Images(i, 1).ToArray()).ToArray();
        var logits = cat([.. index.Select(i => Scorer.Logits(network, test, i, 1, Tta.None, ScalarType.Float32).Plain)]);
        var labels = index.Select(i => testSplit.Labels[i]).ToArray();
        var size = testSplit.ImageSize;
        TensorFileWriter.Write(path,
        [
            ("images", TensorType.U8, [count, 3, size, size], pixels),
            ("labels", TensorType.I64, [count], System.Runtime.InteropServices.MemoryMarshal.AsBytes(labels.AsSpan()).ToArray()),
            ("logits", TensorType.F32, [count, network.Spec.ClassCount], Bytes(logits)),
        ]);
    }

    /// <summary>fp32 values in row-major order.</summary>
    private static ReadOnlyMemory<byte> Bytes(Tensor tensor)
    {
        using var scope = NewDisposeScope();
        return tensor.detach().to(ScalarType.Float32, CPU).contiguous().bytes.ToArray();
    }
}
