using Airbench.Onnx;
using Microsoft.ML.OnnxRuntime;

namespace Airbench.Tests;

/// <summary>The network that comes with the program: CNTK's ResNet-18, opset 8, a batch of 1, with a model of its preprocessing beside it.</summary>
public sealed class ResNet18Tests
{
    private static readonly string Folder = Path.Combine(
        Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".nuget/packages/microsoft.ml.dnnimagefeaturizer.resnet18/0.23.1/tools/DnnImageModels");

    private static string Model => Path.Combine(Folder, "ResNet18Onnx/ResNet18.onnx");

    private static string Preprocess => Path.Combine(Folder, "ResNetPrepOnnx/ResNetPreprocess.onnx");

    [Fact]
    public void Gives_the_features_of_both_files_for_three_images_at_once()
    {
        Assert.SkipUnless(File.Exists(Model) && File.Exists(Preprocess), "the package Microsoft.ML.DnnImageFeaturizer.ResNet18 is not restored");

        var imported = ModelImporter.Import(Model, new ImportOptions { Preprocess = Preprocess }, CancellationToken.None);

        Assert.Equal((224, 512), (imported.ImageSize, imported.FeatureCount));
        Assert.Equal("ReLU347_Output_0", imported.LastBlockStart);   // 256 channels of 14 x 14, before the stage of 512
        Assert.Equal(2_044_772_352, imported.MultiplyAdds);   // three blocks of 512 channels, unlike the ResNet-18 of the paper
        Assert.Equal(["Sub", "Conv"], imported.Graph.Nodes.Take(2).Select(node => node.OpType));
        Assert.Equal(13, imported.Graph.Model.OpsetImport.Single().Version);

        var pixels = ImportParity.Pixels(224);
        using var features = ModelRun.Of(Model, imported.Graph.Model);
        using var images = OrtValue.CreateTensorValueFromMemory(Array.ConvertAll(pixels, value => (float)value), [3, 3, 224, 224]);
        var (found, shape) = features.Floats("pixels", images, "features");
        Assert.Equal([3, 512], shape);

        using var preprocess = ModelRun.OfFile(Preprocess);
        using var network = ModelRun.OfFile(Model);
        for (var i = 0; i < 3; i++)
        {
            using var image = OrtValue.CreateTensorValueFromMemory(
                Array.ConvertAll(pixels[(i * 3 * 224 * 224)..((i + 1) * 3 * 224 * 224)], value => (float)value), [1, 3, 224, 224]);
            using var normalized = OrtValue.CreateTensorValueFromMemory(preprocess.Floats("OriginalInput", image, "PreprocessedInput").Values, [1, 3, 224, 224]);
            var wanted = network.Floats("Input247", normalized, "Pooling395_Output_0").Values;
            var largest = wanted.Max();
            Assert.All(wanted.Zip(found[(i * 512)..((i + 1) * 512)]), pair => Assert.InRange(Math.Abs(pair.First - pair.Second) / largest, 0, 1e-5));
        }
    }
}
