using System.Diagnostics;
using Airbench.Onnx;
using Airbench.Training;
using static System.FormattableString;

namespace Airbench.Adaptation;

/// <summary>
/// A real adaptation. A network learns seven of ten classes; three are added with a few images each, beside as many of the old ones.
/// And a shift: the same network on blurred, darkened and recoloured images, before and after fine-tuning on a few of them.
/// </summary>
internal sealed class Experiment(string work, int testPerClass, int[] widths)
{
    private const int HeldOutClasses = 3;
    private const int ShiftPerClass = 100;
    private const int Seed = 1;
    private static readonly Recipe Airbench94 = Recipe.All["airbench94"];

    /// <summary>Runs everything and prints the tables.</summary>
    public static void Run(string data, string work, int epochs, int[] perClass, int testPerClass, int[] widths)
    {
        var clock = Stopwatch.StartNew();
        var dataset = Dataset.Open(data);
        var experiment = new Experiment(Path.GetFullPath(work), testPerClass, widths);
        var (old, fresh) = Divide(dataset);
        var parent = experiment.Base(dataset, old, epochs);
        experiment.NewClasses(dataset, parent, old, fresh, perClass);
        experiment.Shifts(dataset, parent, old);
        Console.WriteLine();
        Console.WriteLine(Invariant($"{clock.Elapsed.TotalMinutes:0.0} minutes in all, {Environment.ProcessorCount} threads."));
    }

    /// <summary>Prints the tables of shifted images alone.</summary>
    public static void RunShifts(string data, string work, int epochs, int testPerClass, int[] widths)
    {
        var dataset = Dataset.Open(data);
        var experiment = new Experiment(Path.GetFullPath(work), testPerClass, widths);
        experiment.Shifts(dataset, experiment.Base(dataset, Divide(dataset).Old, epochs), Divide(dataset).Old);
    }

    /// <summary>
    /// Learning rates for what may learn, on three new classes: old ones rehearsed, old ones kept without a look at them, and new ones alone.
    /// </summary>
    public static void Sweep(
        string data, string work, int epochs, int[] perClass, int testPerClass, int[] widths, string[] parts, double[] rates, string[] old, int seeds, int patience)
    {
        var dataset = Dataset.Open(data);
        var experiment = new Experiment(Path.GetFullPath(work), testPerClass, widths);
        var (known, fresh) = Divide(dataset);
        var parent = experiment.Base(dataset, known, epochs);
        Console.WriteLine("| old classes | images per class | learns | lr | new three | old seven | mean over the ten | epochs (best) |");
        Console.WriteLine("|---|---:|---|---:|---:|---:|---:|---:|");
        foreach (var how in old)
        {
            foreach (var n in perClass)
            {
                var (newData, oldData) = (experiment.Make(dataset, $"new-{n}", fresh, n), experiment.Make(dataset, $"old-{n}", known, n));
                foreach (var (part, rate) in parts.SelectMany(part => rates.Select(rate => (part, rate))))
                {
                    var options = new FinetuneOptions { Train = part, Lr = rate, KeepClasses = how != "dropped", Patience = patience };
                    var runs = Enumerable.Range(Seed, seeds).Select(seed =>
                    {
                        var (facts, _) = experiment.Finetune(parent, newData, how == "rehearsed" ? oldData : null, options, OnnxEngine, seed);
                        var kept = how == "dropped" ? double.NaN : Right(OnnxBundle.Open(Path.Combine(experiment.Folder, "exports", "adapted")), oldData);
                        return (New: (double)facts.New.CorrectAfter / facts.New.Count, Old: kept, facts.Epochs, facts.BestEpoch);
                    }).ToArray();
                    var (gained, kept) = (runs.Average(run => run.New), runs.Average(run => run.Old));
                    var mean = ((HeldOutClasses * gained) + (known.Length * kept)) / (HeldOutClasses + known.Length);
                    Console.WriteLine(Invariant(
                        $"| {how} | {n} | {part} | {rate} | {gained:0.0%} | {Blank(kept)} | {Blank(mean)} | {runs[0].Epochs} ({runs[0].BestEpoch}) |"));
                }
            }
        }

        static string Blank(double share) => double.IsNaN(share) ? "" : Invariant($"{share:0.0%}");
    }

    private Dataset Make(Dataset source, string name, IReadOnlyList<string> classes, int train, Subset.Change? change = null) =>
        Subset.Write(source, Path.Combine(work, "data", name), classes, train, testPerClass, change);

    private string Folder => work;

    private static (string[] Old, string[] Fresh) Divide(Dataset dataset) =>
        (dataset.Manifest.Classes.SkipLast(HeldOutClasses).ToArray(), dataset.Manifest.Classes.TakeLast(HeldOutClasses).ToArray());

    /// <summary>The network that is adapted: made once, and found again by later calls with the same folder.</summary>
    private OnnxBundle Base(Dataset dataset, string[] classes, int epochs)
    {
        if (Path.Combine(work, "exports", "base") is var made && Directory.Exists(made))
        {
            return OnnxBundle.Open(made);
        }
        var data = Make(dataset, "base-data", classes, int.MaxValue);
        var model = Train(data, Airbench94 with { Widths = widths, Epochs = epochs }, "base");
        var bundle = Export(model, "base");
        Console.WriteLine(Invariant(
            $"Base: airbench94 of widths {string.Join(", ", widths)}, {epochs} epochs ({model.Manifest.Precision}, {model.Manifest.Runs[0].TrainSeconds:0} s) on {data.Manifest.TrainCount} images of {data.Manifest.Classes.Count} classes, ") +
            Invariant($"{(double)model.Manifest.Fp32.CorrectPlain / model.Manifest.Fp32.Count:0.0%} of {model.Manifest.Fp32.Count} test images, untouched."));
        return bundle;
    }

    private void NewClasses(Dataset dataset, OnnxBundle parent, string[] old, string[] fresh, int[] perClass)
    {
        Console.WriteLine();
        Console.WriteLine($"New classes {string.Join(", ", fresh)}; images per class, of all ten classes; accuracy on the test images, untouched.");
        Console.WriteLine();
        Console.WriteLine("| images per class | how | all ten | new three | old seven (before) | epochs (best) | seconds |");
        Console.WriteLine("|---:|---|---:|---:|---:|---|---:|");
        foreach (var n in perClass)
        {
            var (newData, oldData) = (Make(dataset, $"new-{n}", fresh, n), Make(dataset, $"old-{n}", old, n));
            foreach (var (how, part, engine) in ((string, string, Func<FinetuneRequest, IFinetuneEngine>)[])
                [("head", "head", OnnxEngine), ("head+bn", "head+bn", OnnxEngine), ("head+bn, TorchSharp", "head+bn", TorchEngine.Open), ("last_group", "last_group", OnnxEngine), ("all", "all", OnnxEngine), ("all, TorchSharp", "all", TorchEngine.Open)])
            {
                var (facts, seconds) = Finetune(parent, newData, oldData, new FinetuneOptions { Train = part, KeepClasses = true }, engine);
                var (all, count) = (facts.New.CorrectAfter + facts.Old!.CorrectAfter, facts.New.Count + facts.Old.Count);
                Console.WriteLine(Invariant($"| {n} | {how} | {(double)all / count:0.0%} | {Share(facts.New)} | {Share(facts.Old)} ({(double)facts.Old.CorrectBefore / facts.Old.Count:0.0%}) ") +
                    Invariant($"| {facts.Epochs} ({facts.BestEpoch}) | {seconds:0} |"));
            }
            // The same images, from nothing: about as many steps as fine-tuning makes, and never fewer than ten epochs.
            var scratchData = Make(dataset, $"scratch-{n}", [.. old, .. fresh], n);
            var epochs = Math.Clamp(10_000 / n / 5, 20, 60);
            var scratch = Train(scratchData, Airbench94 with { Widths = widths, Epochs = epochs, BatchSize = Math.Min(256, n * 2) }, "scratch");
            Console.WriteLine(Invariant(
                $"| {n} | from scratch, {epochs} epochs | {(double)scratch.Manifest.Fp32.CorrectPlain / scratch.Manifest.Fp32.Count:0.0%} | | | {epochs} | {scratch.Manifest.Runs[0].TrainSeconds:0} |"));
        }
    }

    private void Shifts(Dataset dataset, OnnxBundle parent, string[] classes)
    {
        Console.WriteLine();
        Console.WriteLine($"The seven classes, shifted; {ShiftPerClass} shifted images per class to learn from, no others.");
        Console.WriteLine();
        Console.WriteLine("| images | learns | shifted, before | shifted, after | clean, before | clean, after | seconds |");
        Console.WriteLine("|---|---|---:|---:|---:|---:|---:|");
        var clean = Make(dataset, "clean", classes, 10);
        foreach (var (name, change) in ((string, Subset.Change)[])[("blurred", Subset.Blur), ("darkened", Subset.Darken), ("recoloured", Subset.Recolour)])
        {
            var data = Make(dataset, name, classes, ShiftPerClass, change);
            foreach (var part in TrainedParts.Names)
            {
                var (facts, seconds) = Finetune(parent, data, null, new FinetuneOptions { Train = part }, OnnxEngine);
                Console.WriteLine(Invariant($"| {name} | {part} | {(double)facts.New.CorrectBefore / facts.New.Count:0.0%} | {Share(facts.New)} ") +
                    Invariant($"| {Right(parent, clean):0.0%} | {Right(OnnxBundle.Open(Path.Combine(work, "exports", "adapted")), clean):0.0%} | {seconds:0} |"));
            }
        }
    }

    private (FinetuneRecord Facts, double Seconds) Finetune(
        OnnxBundle parent, Dataset data, Dataset? old, FinetuneOptions options, Func<FinetuneRequest, IFinetuneEngine> engine, int seed = Seed)
    {
        var clock = Stopwatch.StartNew();
        var inputs = new FinetuneInputs(parent, ParentWeights.Find(parent, null, Path.Combine(work, "models")), data, old);
        var (_, facts) = Finetuner.Finetune(
            inputs, options, Path.Combine(work, "models", "adapted"), Path.Combine(work, "exports", "adapted"), "cpu", seed, engine, IProgress.Silent,
            CancellationToken.None);
        return (facts, clock.Elapsed.TotalSeconds);
    }

    /// <summary>The product's own.</summary>
    private static IFinetuneEngine OnnxEngine(FinetuneRequest request) => FinetuneEngines.Open(request, new FinetuneOptions());

    private TrainedModel Train(Dataset data, Recipe recipe, string name)
    {
        var options = new TrainOptions { Recipe = Airbench94.Name, Changes = RecipeChanges.Between(Airbench94, recipe), ValidateEvery = 0 };
        return Trainer.Train(data, options, Path.Combine(work, "models", name), "cpu", Seed, IProgress.Silent, CancellationToken.None);
    }

    private OnnxBundle Export(TrainedModel model, string name) => Exporter.Export(
        model, new ExportOptions(), Path.Combine(work, "exports", name), dataset: null, "cpu", Seed, IProgress.Silent, CancellationToken.None);

    private static double Right(OnnxBundle bundle, Dataset data)
    {
        using var classifier = OnnxClassifier.Open(bundle.File("model.onnx"));
        using var test = data.OpenSplit(Split.Test);
        const int batch = 100;
        var (right, logits) = (0, new float[batch * classifier.ClassCount]);
        for (var first = 0; first < test.Count; first += batch)
        {
            var count = Math.Min(batch, test.Count - first);
            classifier.Run(test.Images(first, count), count, logits.AsSpan(0, count * classifier.ClassCount));
            for (var i = 0; i < count; i++)
            {
                right += Softmax.ArgMax(logits.AsSpan(i * classifier.ClassCount, classifier.ClassCount)) == test.Labels[first + i] ? 1 : 0;
            }
        }
        return (double)right / test.Count;
    }

    private static string Share(BeforeAndAfter score) => Invariant($"{(double)score.CorrectAfter / score.Count:0.0%}");
}
