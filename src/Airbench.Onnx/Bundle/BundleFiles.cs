using System.Text;
using Google.Protobuf;

namespace Airbench.Onnx;

/// <summary>
/// The files around the models that follow from <c>metadata.json</c> and the test images alone: an export writes them, and a check writes
/// them again to compare.
/// </summary>
internal static class BundleFiles
{
    /// <summary>Class names, one a line, in label order.</summary>
    public const string LabelsName = Exporter.LabelsName;

    /// <summary>The model card.</summary>
    public const string CardName = "README.md";

    /// <summary>The bill of materials.</summary>
    public const string SbomName = "sbom.cdx.json";

    /// <summary>Images stored beside the samples as PNG: the first of the test data.</summary>
    public const int SampleImages = 4;

    /// <summary>Folder that Triton takes for the model.</summary>
    public static string TritonFolder(BundleManifest manifest) => $"triton/{manifest.Name}";

    /// <summary>Triton's own copy of <c>model.onnx</c>: the folder is copied to servers alone.</summary>
    public static string TritonModel(BundleManifest manifest) => $"{TritonFolder(manifest)}/1/model.onnx";

    /// <summary>Those that no image is in.</summary>
    public static IEnumerable<(string Path, byte[] Bytes)> OfManifest(BundleManifest manifest)
    {
        var labels = string.Concat(manifest.Classes.Select(c => c + "\n"));
        yield return (LabelsName, Text(labels));
        yield return ($"{TritonFolder(manifest)}/{LabelsName}", Text(labels));
        yield return ($"{TritonFolder(manifest)}/config.pbtxt", Text(ServingFiles.TritonConfig(manifest.Name, manifest.Signature!, One(manifest))));
        yield return ("kserve.yaml", Text(ServingFiles.KServe(manifest.Name)));
        foreach (var (path, template) in Template.Files)
        {
            yield return (path, Text(Template.Text(template)));
        }
        yield return ("web/train_step.onnx", HeadStep.Build().ToByteArray());
    }

    /// <summary>Those that an image is in.</summary>
    /// <param name="manifest">Of the bundle.</param>
    /// <param name="planes">The test images, uint8 [n,3,S,S], at least one.</param>
    public static IEnumerable<(string Path, byte[] Bytes)> OfImages(BundleManifest manifest, byte[] planes)
    {
        var area = manifest.ImageSize * manifest.ImageSize;
        var images = planes.Chunk(3 * area).Take(SampleImages).ToList();
        var first = InputFormats.Encode(manifest.Input, images[0], area);
        yield return ($"{TritonFolder(manifest)}/{ServingFiles.WarmupName}", first);
        yield return ("request.json", Text(ServingFiles.Request(manifest.Signature!, One(manifest), manifest.Input, first)));
        foreach (var (i, image) in images.Index())
        {
            yield return ($"samples/images/{i}.png", Png.Encode(image, manifest.ImageSize));
        }
    }

    /// <summary>Every other path of a bundle, whatever is in it.</summary>
    public static IEnumerable<string> OthersOf(BundleManifest manifest) =>
    [
        Checksums.FileName, OnnxBundle.ManifestName, CardName, ModelCard.PictureName, SbomName, TritonModel(manifest), TestDataSet.Input(0),
        .. manifest.Signature!.Outputs.Select((_, i) => TestDataSet.Output(i)),
        .. manifest.Variants.Values.Select(variant => variant.File),
        .. TrainingOf(manifest),
    ];

    private static IEnumerable<string> TrainingOf(BundleManifest manifest) => manifest.Training is not { } files ? [] :
    [
        .. manifest.Backbone is null ? (string[])[] : [$"{OnnxBundle.TrainingFolder}/{TrainedModel.BackboneName}"],
        $"{OnnxBundle.TrainingFolder}/{OnnxBundle.TrainingStateName}", $"{OnnxBundle.TrainingFolder}/{TrainedModel.ManifestName}",
        .. files.Select(file => file.File),
    ];

    private static long[] One(BundleManifest manifest) => InputFormats.Shape(manifest.Input, 1, manifest.ImageSize, manifest.ImageSize);

    private static byte[] Text(string text) => Encoding.UTF8.GetBytes(text);
}
