using Airbench.Onnx;
using Airbench.Onnx.Proto;

namespace Airbench.Tests;

/// <summary>A network of somebody else learns colours, and becomes a bundle like any other.</summary>
public sealed class TransferTrainerTests : IDisposable
{
    private static readonly string[] Classes = ColourSet.Colours;
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_head_on_a_foreign_network_is_exported_proven_and_verified()
    {
        var data = Data();
        var model = Train(data, new TransferOptions { Backbone = Backbone(), Input = Scaled, Folds = 3, Repeats = 2 });

        Assert.Equal(("transfer", Architecture.Backbone, ForeignNetworks.Features), (model.Manifest.RecipeName, model.Manifest.Network.Architecture, model.Manifest.Network.Widths[0]));
        Assert.Equal(model.Manifest.Fp32.Count, model.Manifest.Fp32.CorrectPlain);
        var validation = model.Manifest.Transfer!.CrossValidation!;
        Assert.Equal((3, 2, 80), (validation.Folds, validation.Repeats, validation.Count));
        Assert.True(validation.Accuracy.Accuracy >= 0.95, $"{validation.Accuracy}");
        Assert.Equal(81, File.ReadLines(model.File("out-of-fold.csv")).Count());
        Assert.Equal(model.Manifest, TrainedModel.Open(model.Folder).Manifest with
        {
            Network = model.Manifest.Network,
            Classes = model.Manifest.Classes,
            Runs = model.Manifest.Runs,
            Versions = model.Manifest.Versions,
            Transfer = model.Manifest.Transfer,
            Backbone = model.Manifest.Backbone,
        });

        var bundle = Export(model, data, new ExportOptions());

        Assert.True(bundle.Manifest.Parity.MaxAbsDifference < 1e-4, $"{bundle.Manifest.Parity}");
        Assert.Equal(model.Manifest.Backbone!.Opset, bundle.Manifest.Opset);
        Assert.Empty(BundleVerifier.Verify(bundle.Folder, TestDataRunner.Run).Problems);
        Assert.Contains(ModelOf(bundle).Graph.Node, node => node.Name.StartsWith("backbone/", StringComparison.Ordinal));
        Assert.DoesNotContain(ModelOf(bundle).Graph.Node, node => node.OpType == "BatchNormalization");
    }

    [Fact]
    public void A_backbone_of_half_precision_is_exported_as_float32()
    {
        var (data, file) = (Data(), _folder.File("half.onnx"));
        NetworkExporter.Save(ForeignNetworks.InPrecision(ForeignNetworks.Torch(17), TensorProto.Types.DataType.Float16), file);

        var bundle = Export(Train(data, new TransferOptions { Backbone = file, Input = Scaled }), data, new ExportOptions());

        Assert.True(bundle.Manifest.Parity.MaxAbsDifference < 1e-4, $"{bundle.Manifest.Parity}");
    }

    [Fact]
    public void A_backbone_that_sees_nothing_is_refused()
    {
        var graph = new GraphBuilder("blind");
        var pixels = graph.Input("x", TensorProto.Types.DataType.Float, 3, ForeignNetworks.Size, ForeignNetworks.Size);
        graph.Node("Flatten", "flat", [graph.Node("GlobalAveragePool", "pool", [graph.Node("Relu", "dead", [graph.Node("Neg", "minus", [pixels])])])]);
        graph.Output("flat", TensorProto.Types.DataType.Float, 3);
        var file = _folder.File("blind.onnx");
        NetworkExporter.Save(graph.Build(17), file);

        var e = Assert.Throws<DataException>(() => Train(Data(), new TransferOptions { Backbone = file, Input = Scaled }));

        Assert.StartsWith("the backbone gives the same features for all 64 training images", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_same_images_give_the_same_model_with_and_without_the_cache()
    {
        var data = Data();
        var options = new TransferOptions { Backbone = Backbone(), Input = Scaled, Mirror = true, Crops = 2 };

        var first = Train(data, options, "first").Manifest;
        var cached = Train(data, options, "second").Manifest;

        Assert.Equal((first.WeightsSha256, first.Backbone!.Sha256), (cached.WeightsSha256, cached.Backbone!.Sha256));
    }

    [Theory]
    [InlineData(TransferPart.LastBlock)]
    [InlineData(TransferPart.All)]
    public void Layers_of_the_backbone_learn_too(TransferPart part)
    {
        var data = Data();
        var options = new TransferOptions
        {
            Backbone = Backbone(),
            Input = Scaled,
            Train = part,
            Mirror = true,
            Crops = 1,
            Folds = 2,
            Steps = TransferOptions.DefaultSteps(part) with { Epochs = 2, BatchSize = 16, Lr = 1e-8 },
        };

        var model = Train(data, options);
        var bundle = Export(model, data, new ExportOptions());

        Assert.Equal(8, model.Manifest.Runs[0].Steps);   // 64 images, 2 epochs
        Assert.NotEqual(Train(data, options with { Train = TransferPart.Head, Folds = 0 }, "head").Manifest.Backbone!.Sha256, model.Manifest.Backbone!.Sha256);
        Assert.True(bundle.Manifest.Parity.MaxAbsDifference < 1e-4, $"{bundle.Manifest.Parity}");
        Assert.True(model.Manifest.Transfer!.CrossValidation!.Accuracy.Accuracy >= 0.95, $"{model.Manifest.Transfer.CrossValidation.Accuracy}");
        Assert.Empty(BundleVerifier.Verify(bundle.Folder, TestDataRunner.Run).Problems);
    }

    [Fact]
    public void Every_variant_is_made_of_it()
    {
        var data = Data();
        var options = new ExportOptions
        {
            Variants = ["fp32", "fp16", "int8", "tta", "int8_adaptive"],
            Training = ["head", "all"],
            AcceptAnySize = true,
            Input = InputFormat.Uint8Nhwc,
            MaxDrop = { ["fp16"] = 0.1, ["int8"] = 0.1, ["tta"] = 0.1, ["int8_adaptive"] = 0.1 },
        };

        var bundle = Export(Train(data, new TransferOptions { Backbone = Backbone(), Input = Scaled }), data, options);

        Assert.Equal(options.Variants, bundle.Manifest.Variants.Keys);
        Assert.Equal(["training/head/train_step.onnx", "training/all/train_step.onnx"], bundle.Manifest.Training!.Select(file => file.File));
        Assert.True(File.Exists(bundle.File("training/backbone.onnx")));
        Assert.Empty(BundleVerifier.Verify(bundle.Folder, TestDataRunner.Run).Problems);
    }

    [Theory]
    [InlineData("head")]
    [InlineData("last_group")]
    [InlineData("all")]
    public void The_bundle_is_fine_tuned_to_other_classes(string train)
    {
        var data = Data();
        var parent = Export(Train(data, new TransferOptions { Backbone = Backbone(), Input = Scaled }), data, new ExportOptions { Training = ["head"] });
        var others = ColourSet.Write(_folder.File("others"), "others", ["red", "blue", "dark"], 20, ForeignNetworks.Size);
        var options = new FinetuneOptions
        {
            // Features of random weights hardly differ, so that the head is large and the layers below must move little.
            Train = train,
            Epochs = 4,
            BatchSize = 16,
            Translate = 1,
            Threads = 1,
            Lr = train == "head" ? null : 1e-7,
        };

        var (bundle, facts) = Finetuner.Finetune(
            new FinetuneInputs(parent, ParentWeights.Find(parent, null, "nowhere"), others, null), options, _folder.File("models/tuned"), _folder.File("exports/tuned"),
            "cpu", 1, IProgress.Silent, default);

        Assert.True(facts.New.CorrectAfter >= 0.9 * facts.New.Count, $"{facts.New}");
        Assert.Equal(["red", "blue", "dark"], bundle.Manifest.Classes);
        Assert.Equal(parent.Manifest.Backbone!.SourceSha256, bundle.Manifest.Backbone!.SourceSha256);
        Assert.Equal(train == "head", parent.Manifest.Backbone.Sha256 == bundle.Manifest.Backbone.Sha256);
        Assert.Empty(BundleVerifier.Verify(bundle.Folder, TestDataRunner.Run).Problems);
    }

    [Fact]
    public void A_backbone_of_another_size_says_which_size_the_images_must_have()
    {
        var data = ColourSet.Write(_folder.File("large"), "large", Classes, 10, 2 * ForeignNetworks.Size);

        var error = Assert.Throws<ConfigurationException>(() => Train(data, new TransferOptions { Backbone = Backbone(), Input = Scaled }));

        Assert.Contains($"image_size: {2 * ForeignNetworks.Size}; input", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_backbone_that_is_not_there_is_named_with_those_that_are()
    {
        var error = Assert.Throws<ConfigurationException>(() => Train(Data(), new TransferOptions { Backbone = _folder.File("nothing.onnx") }));

        Assert.Contains("is no file (looked at ", error.Message, StringComparison.Ordinal);
        Assert.False(Directory.Exists(_folder.File("models/x")));
    }

    private static BackboneInput Scaled => new() { Scale = 1 / 255.0 };

    private Dataset Data() => ColourSet.Write(_folder.File("data"), "colours", Classes, 20, ForeignNetworks.Size);

    private string Backbone()
    {
        var file = _folder.File("network.onnx");
        if (!File.Exists(file))
        {
            NetworkExporter.Save(ForeignNetworks.Torch(17), file);
        }
        return file;
    }

    private TrainedModel Train(Dataset data, TransferOptions options, string name = "x") =>
        TransferTrainer.Train(data, options with { Threads = 1 }, _folder.File($"models/{name}"), "cpu", 1, IProgress.Silent, default);

    private OnnxBundle Export(TrainedModel model, Dataset data, ExportOptions options) =>
        Exporter.Export(model, options, _folder.File($"exports/{model.Manifest.Name}"), data, "cpu", 1, IProgress.Silent, default);

    private static ModelProto ModelOf(OnnxBundle bundle) => ModelProto.Parser.ParseFrom(File.ReadAllBytes(bundle.File("model.onnx")));
}
