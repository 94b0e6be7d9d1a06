using System.Diagnostics;
using Airbench.Inference;
using Airbench.Inference.Finetuning;
using Airbench.OnnxModel;
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

    /// <summary>Runs everything and prints the tables.</summary>
    public static void Run(string data, string work, int epochs, int[] perClass, int testPerClass, int[] widths)
    {
        var clock = Stopwatch.StartNew();
        var dataset = Dataset.Open(data);
        var experiment = new Experiment(Path.GetFullPath(work), testPerClass, widths);
        var (old, fresh) = (dataset.Manifest.Classes.SkipLast(HeldOutClasses).ToArray(), dataset.Manifest.Classes.TakeLast(HeldOutClasses).ToArray());
        var whole = experiment.Make(dataset, "base-data", old, int.MaxValue);
        var parent = experiment.Base(whole, epochs);
        experiment.NewClasses(dataset, parent, old, fresh, perClass);
        experiment.Shifts(dataset, parent, old);
        Console.WriteLine();
        Console.WriteLine(Invariant($"{clock.Elapsed.TotalMinutes:0.0} minutes in all, {Environment.ProcessorCount} threads."));
    }

    private Dataset Make(Dataset source, string name, IReadOnlyList<string> classes, int train, Subset.Change? change = null) =>
        Subset.Write(source, Path.Combine(work, "data", name), classes, train, testPerClass, change);

    private OnnxBundle Base(Dataset data, int epochs)
    {
        var model = Train(data, new TrainOptions { Recipe = "airbench94", Widths = widths, Epochs = epochs, ValidateEvery = 0 }, "base");
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
        Console.WriteLine("| images per class | how | all ten | new three | old seven (before) | seconds |");
        Console.WriteLine("|---:|---|---:|---:|---:|---:|");
        foreach (var n in perClass)
        {
            var (newData, oldData) = (Make(dataset, $"new-{n}", fresh, n), Make(dataset, $"old-{n}", old, n));
            foreach (var (how, part, engine) in ((string, string, Func<FinetuneRequest, IFinetuneEngine>)[])
                [("head", "head", Engines.Onnx), ("head+bn", "head+bn", Engines.Onnx), ("head+bn, TorchSharp", "head+bn", TorchEngine.Open), ("all", "all", Engines.Onnx), ("all, TorchSharp", "all", TorchEngine.Open)])
            {
                var (facts, seconds) = Finetune(parent, newData, oldData, new FinetuneOptions { Train = part, KeepClasses = true }, engine);
                var (all, count) = (facts.New.CorrectAfter + facts.Old!.CorrectAfter, facts.New.Count + facts.Old.Count);
                Console.WriteLine(Invariant($"| {n} | {how} | {(double)all / count:0.0%} | {Share(facts.New)} | {Share(facts.Old)} ({(double)facts.Old.CorrectBefore / facts.Old.Count:0.0%}) | {seconds:0} |"));
            }
            // The same images, from nothing: about as many steps as fine-tuning makes, and never fewer than ten epochs.
            var scratchData = Make(dataset, $"scratch-{n}", [.. old, .. fresh], n);
            var epochs = Math.Clamp(10_000 / n / 5, 20, 60);
            var scratch = Train(scratchData, new TrainOptions { Recipe = "airbench94", Widths = widths, Epochs = epochs, BatchSize = Math.Min(256, n * 2), ValidateEvery = 0 }, "scratch");
            Console.WriteLine(Invariant(
                $"| {n} | from scratch, {epochs} epochs | {(double)scratch.Manifest.Fp32.CorrectPlain / scratch.Manifest.Fp32.Count:0.0%} | | | {scratch.Manifest.Runs[0].TrainSeconds:0} |"));
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
            foreach (var part in (string[])["head", "head+bn", "all"])
            {
                var (facts, seconds) = Finetune(parent, data, null, new FinetuneOptions { Train = part }, Engines.Onnx);
                Console.WriteLine(Invariant($"| {name} | {part} | {(double)facts.New.CorrectBefore / facts.New.Count:0.0%} | {Share(facts.New)} ") +
                    Invariant($"| {Right(parent, clean):0.0%} | {Right(OnnxBundle.Open(Path.Combine(work, "exports", "adapted")), clean):0.0%} | {seconds:0} |"));
            }
        }
    }

    private (Finetuned Facts, double Seconds) Finetune(
        OnnxBundle parent, Dataset data, Dataset? old, FinetuneOptions options, Func<FinetuneRequest, IFinetuneEngine> engine)
    {
        var clock = Stopwatch.StartNew();
        var inputs = new FinetuneInputs(parent, ParentWeights.Find(parent, null, Path.Combine(work, "models")), data, old);
        var (_, facts) = Finetuner.Finetune(
            inputs, options, Path.Combine(work, "models", "adapted"), "cpu", Seed, engine, model => Export(model, "adapted"), IProgress.Silent, CancellationToken.None);
        return (facts, clock.Elapsed.TotalSeconds);
    }

    private TrainedModel Train(Dataset data, TrainOptions options, string name) =>
        Trainer.Train(data, options, Path.Combine(work, "models", name), "cpu", Seed, IProgress.Silent, CancellationToken.None);

    private OnnxBundle Export(TrainedModel model, string name) => Exporter.Export(
        model, new ExportOptions(), Path.Combine(work, "exports", name), file => ParityGate.Check(file, model.File(TrainedModel.ReferenceName)),
        IProgress.Silent, CancellationToken.None);

    private static double Right(OnnxBundle bundle, Dataset data)
    {
        using var classifier = OnnxClassifier.Open(bundle.File("model.onnx"));
        using var test = data.OpenSplit(Split.Test);
        var (right, logits) = (0, new float[classifier.ClassCount]);
        for (var i = 0; i < test.Count; i++)
        {
            classifier.Run(test.Images(i, 1), 1, logits);
            right += Array.IndexOf(logits, logits.Max()) == test.Labels[i] ? 1 : 0;
        }
        return (double)right / test.Count;
    }

    private static string Share(BeforeAndAfter score) => Invariant($"{(double)score.CorrectAfter / score.Count:0.0%}");
}
