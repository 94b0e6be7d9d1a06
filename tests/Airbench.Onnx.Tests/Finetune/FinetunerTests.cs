using Airbench.Onnx;
using Microsoft.ML.OnnxRuntime;

namespace Airbench.Tests;

/// <summary>The whole stage on colours: a parent of random weights learns to tell them apart.</summary>
public sealed class FinetunerTests : IDisposable
{
    private const int Size = 16;
    private static readonly string[] Colours = ColourSet.Colours;
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private static FinetuneOptions Quick => new() { Train = "all", Epochs = 12, BatchSize = 16, Lr = 0.1, Translate = 1, Patience = 0, Threads = 1 };

    [Fact]
    public void New_classes_are_learned_and_the_bundle_names_its_parent()
    {
        var (bundle, facts) = Finetune(Quick, Colours, ["class 0", "class 1"]);

        Assert.True(facts.New.CorrectAfter >= 0.9 * facts.New.Count, $"{facts.New}");
        Assert.Equal(0, facts.New.CorrectBefore);   // the parent knows none of the names
        Assert.Equal(Colours, bundle.Manifest.Classes);
        Assert.Equal(["class 0", "class 1"], facts.DroppedClasses);
        var again = OnnxBundle.Open(bundle.Folder).Manifest;
        Assert.Equal(("parent", OnnxBundle.Open(_folder.File("exports/parent")).Manifest.WeightsSha256), (again.Finetuned!.Parent.Name, again.Finetuned.Parent.WeightsSha256));
        Assert.Equal(facts.New.CorrectAfter, again.Accuracy!.Plain.Correct);
        Assert.Empty(Airbench.Onnx.BundleVerifier.Verify(bundle.Folder, TestDataRunner.Run).Problems);
    }

    [Theory]
    [InlineData(InputFormat.Uint8Nchw, true)]
    [InlineData(InputFormat.Uint8Nhwc, false)]
    [InlineData(InputFormat.Uint8Nhwc, true)]
    [InlineData(InputFormat.FloatNchw, false)]
    public void The_result_takes_what_its_parent_takes(InputFormat input, bool anySize)
    {
        var asParent = new ExportOptions { Input = input, AcceptAnySize = anySize, Opset = 18, Training = ["head", "head+bn"], OnDevice = true };
        var parent = Parent(export: asParent);
        var data = Prepare(Colours, 20, "data");

        var (bundle, facts) = Run(Quick, parent, data, null, "result", 1);

        Assert.True(facts.New.CorrectAfter >= 0.9 * facts.New.Count, $"{facts.New}");
        var (before, after) = (parent.Manifest, OnnxBundle.Open(bundle.Folder).Manifest);
        Assert.Equal((input, anySize, 18), (after.Input, after.AcceptsAnySize, after.Opset));
        Assert.Equal((before.Signature!.Inputs[0], before.Preprocessing), (after.Signature!.Inputs[0], after.Preprocessing));
        Assert.Equal(before.Training!.Select(file => file.File), after.Training!.Select(file => file.File));
        using var classifier = OnnxClassifier.Open(bundle.File("model.onnx"));
        using var test = data.OpenSplit(Split.Test);
        Assert.Equal(facts.New.CorrectAfter, FinetunedModelWriter.CountCorrect(FinetunedModelWriter.Answer(classifier, test, 4, CancellationToken.None), test.Labels, [0, 1, 2, 3]));
        Assert.Empty(Airbench.Onnx.BundleVerifier.Verify(bundle.Folder, TestDataRunner.Run).Problems);
    }

    /// <summary>With the old classes kept, a label of the new data is not the row of the head.</summary>
    [Fact]
    public void The_result_has_the_variants_of_its_parent_calibrated_and_judged_on_the_new_data()
    {
        var asParent = new ExportOptions
        {
            Variants = ["fp32", "fp16", "int8", "adaptive", "int8_tta"],
            MaxDrop = new() { ["fp16"] = 1, ["int8"] = 1, ["adaptive"] = 1, ["int8_tta"] = 1 },
            Calibration = new() { Method = CalibrationMethod.Minmax, Images = 24 },
            FloatLayers = ["first"],
            AdaptiveShare = 0.25,
            Input = InputFormat.Uint8Nhwc,
        };
        var parent = Parent(export: asParent);

        var (bundle, facts) = Run(Quick with { Lr = 1, Epochs = 20, KeepClasses = true, MaxDrop = asParent.MaxDrop }, parent, Prepare(Colours, 20, "data"), null, "result", 1);

        var variants = OnnxBundle.Open(bundle.Folder).Manifest.Variants;
        Assert.Equal(asParent.Variants, variants.Keys);
        Assert.Equal((16, facts.New.CorrectAfter), (variants["fp32"].Score!.Count, variants["fp32"].Score!.Correct));
        Assert.True(facts.New.CorrectAfter >= 0.9 * facts.New.Count, $"{facts.New}");
        Assert.All(variants.Values, variant => Assert.True(variant.Score!.Correct >= 8, $"{variant.File}: {variant.Score}"));
        Assert.Equal((asParent.Calibration, 40), (variants["int8"].Quantization!.Calibration, variants["int8"].Quantization!.HeldOutImages));   // 64 less 24
        Assert.Contains("whiten", variants["int8"].Quantization!.FloatLayers);
        Assert.Equal(parent.Manifest.Variants["adaptive"].LowConfidence!.TrainingShare, variants["adaptive"].LowConfidence!.TrainingShare, 0.05);
        Assert.Empty(Airbench.Onnx.BundleVerifier.Verify(bundle.Folder, TestDataRunner.Run).Problems);
    }

    [Fact]
    public void The_same_seed_gives_the_same_weights_and_another_seed_others()
    {
        var options = Quick with { Epochs = 2 };
        var hashes = ((int[])[1, 1, 2]).Select(seed => Finetune(options, Colours, Colours[..2], seed: seed).Bundle.Manifest.WeightsSha256).ToArray();

        Assert.Equal(hashes[0], hashes[1]);
        Assert.NotEqual(hashes[0], hashes[2]);
    }

    [Fact]
    public void Old_classes_stay_beside_new_ones_and_rehearsal_keeps_them_known()
    {
        var first = Finetune(Quick with { Lr = 1, Epochs = 20 }, ["red", "green"], ["class 0", "class 1"], name: "first");
        var old = Prepare(["red", "green"], 20, "old");
        var kept = Quick with { Lr = 1, Epochs = 20, KeepClasses = true, Gates = new() { ["forgetting_max"] = 0.2, ["accuracy_min"] = 0.8 } };

        var (bundle, facts) = Run(kept, first.Bundle, Prepare(["blue", "grey"], 20, "new"), old, "second", 1);

        Assert.Equal(["red", "green", "blue", "grey"], bundle.Manifest.Classes);
        Assert.Equal(["blue", "grey"], facts.NewClasses);
        Assert.True(facts.Old!.CorrectBefore >= 0.9 * facts.Old.Count && facts.Old.CorrectAfter >= 0.8 * facts.Old.Count, $"{facts.Old}");
    }

    [Theory]
    [InlineData("head", null, 0.1)]
    [InlineData("head+bn", null, 0.1)]
    [InlineData("last_group", null, 0.03)]
    [InlineData("all", null, 0.01)]
    [InlineData("all", 0.5, 0.5)]
    public void The_learning_rate_follows_what_learns_and_is_recorded(string train, double? lr, double peak)
    {
        var (_, facts) = Finetune(Quick with { Train = train, Lr = lr, Epochs = 1 }, Colours, Colours[..2]);

        Assert.Equal(peak, facts.Settings.Lr);
    }

    [Fact]
    public void Known_classes_keep_their_rows_by_name_whatever_their_order()
    {
        var plan = HeadPlan.For(["a", "b", "c"], ["c", "x", "a"], keep: false);
        Assert.Equal(["c", "x", "a"], plan.Classes);
        Assert.Equal([2, -1, 0], plan.OldRows);
        var kept = HeadPlan.For(["a", "b", "c"], ["c", "x", "a"], keep: true);
        Assert.Equal(["a", "b", "c", "x"], kept.Classes);
        Assert.Equal([0, 1, 2, -1], kept.OldRows);
        Assert.Equal([2, 3, 0], kept.RowsOf(["c", "x", "a"]));
    }

    [Fact]
    public void A_single_class_too_few_images_and_another_size_are_refused_with_what_to_do()
    {
        var parent = Parent();
        DataException Refusal(Dataset data) => Assert.Throws<DataException>(() => Run(Quick, parent, data, null, "refused", 1));

        Assert.Contains("at least two", Refusal(Prepare(["red"], 20, "one")).Message, StringComparison.Ordinal);
        var few = Refusal(Prepare(["red", "green"], 4, "few")).Message;
        Assert.Contains("'green' (3 to train, 4 in all)", few, StringComparison.Ordinal);
        Assert.Contains("at least 5", few, StringComparison.Ordinal);
        Assert.Contains("image_size: 16", Refusal(Prepare(["red", "green"], 20, "large", size: 20)).Message, StringComparison.Ordinal);
        var padded = Prepare(["red", "green"], 20, "padded");
        Assert.Contains(
            "was prepared with fit: pad; the model takes fit: crop",
            Refusal(padded with { Manifest = padded.Manifest with { Fit = Fit.Pad } }).Message, StringComparison.Ordinal);
        Assert.False(Directory.Exists(_folder.File("exports/refused")) || Directory.Exists(_folder.File("models/refused")));
    }

    [Fact]
    public void A_missed_gate_leaves_nothing_and_an_earlier_result_as_it_was()
    {
        var before = Finetune(Quick with { Epochs = 1 }, Colours, Colours[..2], name: "same").Bundle.Manifest.WeightsSha256;

        var missed = Assert.Throws<GateException>(() => Finetune(
            Quick with { Epochs = 1, Lr = 1e-8, Gates = new() { ["accuracy_min"] = 1 } }, Colours, Colours[..2], name: "same"));

        Assert.Contains("accuracy_min", missed.Message, StringComparison.Ordinal);
        Assert.Equal(before, OnnxBundle.Open(_folder.File("exports/same")).Manifest.WeightsSha256);
        Assert.Equal(before, TrainedModel.Open(_folder.File("models/same")).Manifest.WeightsSha256);
    }

    [Fact]
    public void Weights_are_found_in_the_bundle_or_beside_it_and_their_absence_says_what_to_do()
    {
        var parent = Parent();
        Assert.Contains(OnnxBundle.TrainingFolder, ParentWeights.Find(parent, null, "nowhere").File, StringComparison.Ordinal);

        Directory.Delete(parent.File(OnnxBundle.TrainingFolder), recursive: true);
        var none = Assert.Throws<DataException>(() => ParentWeights.Find(parent, null, "nowhere"));
        Assert.Contains("training: [head+bn]", none.Message, StringComparison.Ordinal);
        var models = Directory.CreateDirectory(_folder.File("beside")).FullName;
        Directory.Move(_folder.File("trained"), Path.Combine(models, "parent"));
        Assert.StartsWith(models, ParentWeights.Find(parent, null, models).File, StringComparison.Ordinal);

        File.AppendAllText(Path.Combine(models, "parent", TrainedModel.WeightsName), "x");
        Assert.Throws<InvalidFileException>(() => ParentWeights.Find(parent, null, models));
    }

    /// <summary>What another program does with a bundle: nothing but its files, the state fed back.</summary>
    [Fact]
    public void The_steps_of_a_bundle_train_from_its_own_state()
    {
        var parent = Parent();
        var training = Assert.Single(parent.Manifest.Training!);
        Assert.Equal(("head", "training/head/train_step.onnx"), (training.Train, training.File));
        Assert.Equal(training.Sha256, Hash.OfFile(parent.File(training.File)));
        using var weights = TensorFile.Open(parent.File("training/state.safetensors"));
        using var session = new InferenceSession(parent.File(training.File));
        using var run = new RunOptions();
        string[] names = System.Text.Json.JsonSerializer.Deserialize<string[]>(session.ModelMetadata.CustomMetadataMap["state"])!;
        Assert.Equal(["head.weight", "head.weight.velocity"], names);
        var shape = session.InputMetadata["head.weight"].Dimensions.Select(d => d < 0 ? 3L : d).ToArray();
        var state = names.ToDictionary(name => name, name => OrtValue.CreateTensorValueFromMemory(
            weights.Tensors.TryGetValue(name, out var info) ? weights.Read<float>(info).ToArray() : new float[shape[0] * shape[1]], shape));
        var losses = new List<float>();
        for (var step = 0; step < 5; step++)
        {
            var inputs = new Dictionary<string, OrtValue>(state)
            {
                ["images"] = OrtValue.CreateTensorValueFromMemory(RandomNetwork.Images(6, Size, 1), [6, 3, Size, Size]),
                ["labels"] = OrtValue.CreateTensorValueFromMemory([0L, 1, 2, 0, 1, 2], [6]),
                ["lr"] = OrtValue.CreateTensorValueFromMemory([0.1f], []),
                ["momentum"] = OrtValue.CreateTensorValueFromMemory([0.9f], []),
                ["weight_decay"] = OrtValue.CreateTensorValueFromMemory([0f], []),
            };
            using var outputs = session.Run(run, inputs, ["loss", .. names.Select(name => $"{name}.next")]);
            losses.Add(outputs[0].GetTensorDataAsSpan<float>()[0]);
            foreach (var (i, name) in names.Index())
            {
                state[name] = OrtValue.CreateTensorValueFromMemory(outputs[i + 1].GetTensorDataAsSpan<float>().ToArray(), shape);
            }
        }
        Assert.True(losses[^1] < losses[0], string.Join(", ", losses));
    }

    [Fact]
    public void Node_and_WebAssembly_take_the_steps_of_a_bundle_alike()
    {
        Programs.SkipWithoutNode("onnxruntime-node", "onnxruntime-web");
        var (exitCode, output) = Programs.Run("node", Path.Combine(Programs.Clients, "check_train_step.mjs"), Parent().Folder, "head");

        Assert.True(exitCode == 0, output);
        var losses = System.Text.Json.JsonSerializer.Deserialize<Dictionary<string, double[]>>(output.Split('\n').First(line => line.StartsWith('{')))!;
        Assert.Equal(5, losses["node"].Length);
        Assert.All(losses["node"].Zip(losses["web"]), pair => Assert.Equal(pair.First, pair.Second, 1e-4 * Math.Max(1, pair.First)));
        Assert.True(losses["web"][4] < losses["web"][0], output);
    }

    [Fact]
    public void A_label_outside_the_head_is_refused_before_anything_is_computed()
    {
        var spec = new TrainingSpec(RandomNetwork.Small(), TrainedPart.Head);
        var weights = RandomNetwork.Weights(spec.Network, 1);
        var file = _folder.File("step.onnx");
        File.WriteAllBytes(file, TrainStep.Write(spec, RandomNetwork.WriteWeights(_folder.Path, spec.Network, weights)));
        using var session = TrainStepSession.Open(file, TrainStepTests.State(spec, weights), threads: 1);

        var refusal = Assert.Throws<DataException>(() => session.Step(new byte[2 * 3 * Size * Size], [0, 3], new StepSettings(0.1f, 0, 0)));

        Assert.Contains("label 3 of image 1", refusal.Message, StringComparison.Ordinal);
    }

    private (OnnxBundle Bundle, FinetuneRecord Facts) Finetune(
        FinetuneOptions options, string[] classes, string[] parentClasses, string name = "result", int seed = 1) =>
        Run(options, Parent(parentClasses), Prepare(classes, 20, "data"), null, name, seed);

    private (OnnxBundle, FinetuneRecord) Run(FinetuneOptions options, OnnxBundle parent, Dataset data, Dataset? old, string name, int seed) =>
        Finetuner.Finetune(
            new FinetuneInputs(parent, ParentWeights.Find(parent, null, "nowhere"), data, old), options, _folder.File($"models/{name}"),
            _folder.File($"exports/{name}"), "cpu", seed, IProgress.Silent, CancellationToken.None);

    private OnnxBundle Export(TrainedModel model, Dataset data, ExportOptions options, string name, Func<string, ParityResult> parityGate)
    {
        using var runtime = ExportOptions.NeedDataset(options)
            ? VariantRuntime.Open(data, model, options.Calibration, "cpu", 1, IProgress.Silent, CancellationToken.None)
            : null;
        return Exporter.Export(model, options, _folder.File($"exports/{name}"), parityGate, IProgress.Silent, CancellationToken.None, runtime);
    }

    /// <summary>A bundle of a network with random weights, and its training/ folder.</summary>
    private OnnxBundle Parent(string[]? classes = null, ExportOptions? export = null)
    {
        classes ??= ["class 0", "class 1", "class 2"];
        var network = RandomNetwork.Small(Size, classes.Length, 2, 8, 8, 8) with { BatchNormEpsilon = 1e-5 };
        var model = RandomNetwork.Write(_folder.File("trained"), network);
        // Statistics that fit, as a training leaves them: with others, logits are so large that float32 cannot hold them to 1e-3.
        var weights = RandomNetwork.Weights(network, 1).ToDictionary(w => w.Key, w => w.Key.EndsWith(".running_var", StringComparison.Ordinal)
            ? [.. Enumerable.Repeat(10f, w.Value.Length)] : w.Value);
        var file = RandomNetwork.WriteWeights(model.Folder, network, weights);
        var data = Prepare(classes, 20, "parent");
        model = model with { Manifest = model.Manifest with { WeightsSha256 = Hash.OfFile(file), DatasetSha256 = data.Manifest.Sha256, Classes = classes } };
        File.WriteAllText(model.File(TrainedModel.ManifestName), Json.Write(model.Manifest));
        export ??= new ExportOptions();
        return Export(model, data, export.Training.Count > 0 ? export : export with { Training = ["head"] }, "parent", _ => new ParityResult(1, 0, 1));
    }

    private Dataset Prepare(string[] classes, int perClass, string name, int size = Size) => ColourSet.Write(_folder.File($"data-{name}"), name, classes, perClass, size);
}
