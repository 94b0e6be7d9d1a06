using System.Text;

namespace Airbench.Onnx;

/// <summary>Everything of a bundle but its model files: labels, card, test data, servers' folders, samples, page, sums and manifest.</summary>
internal static class BundleWriter
{
    /// <summary>Completes <paramref name="folder"/>, which holds the model files already, and returns the manifest that it wrote.</summary>
    /// <param name="folder">The bundle being built.</param>
    /// <param name="model">The trained network.</param>
    /// <param name="manifest">What is known of the models.</param>
    /// <exception cref="InvalidFileException">The trained network's files are damaged or do not fit together.</exception>
    public static BundleManifest Write(string folder, TrainedModel model, BundleManifest manifest)
    {
        var reference = ReferenceImages.Read(model, TestDataSet.Images);
        var modelFile = Path.Combine(folder, manifest.Variants[ExportOptions.Fp32].File);
        var signature = ProtoFile.Signature(ProtoFile.Read(modelFile, Proto.ModelProto.Parser));
        var complete = Complete(manifest, model.Manifest, signature);
        var confusion = Confusion.Of(model, ReferenceImages.Read(model, int.MaxValue));
        Save(BundleFiles.CardName, ModelCard.Write(complete, confusion));
        Save(ModelCard.PictureName, confusion.Svg(manifest.Classes));
        Save(BundleFiles.SbomName, Sbom.Write(complete, model.Manifest.Versions));
        File.Copy(modelFile, NewFile(BundleFiles.TritonModel(complete)));
        foreach (var (path, bytes) in TestDataSet.Files(signature, manifest.Input, reference)
            .Concat(BundleFiles.OfManifest(complete)).Concat(BundleFiles.OfImages(complete, reference.Images)))
        {
            SaveBytes(path, bytes);
        }
        Save(OnnxBundle.ManifestName, Json.Write(complete));
        Checksums.Write(folder);
        return complete;

        void Save(string path, string text) => SaveBytes(path, Encoding.UTF8.GetBytes(text));
        void SaveBytes(string path, byte[] bytes) => File.WriteAllBytes(NewFile(path), bytes);
        string NewFile(string path)
        {
            var full = Path.Combine(folder, path);
            Directory.CreateDirectory(Path.GetDirectoryName(full)!);
            return full;
        }
    }

    private static BundleManifest Complete(BundleManifest manifest, ModelManifest trained, ModelSignature signature)
    {
        var (network, score, plus) = (trained.Network, trained.Fp32, manifest.ProductVersion.IndexOf('+', StringComparison.Ordinal));
        var isFloat = manifest.Input == InputFormat.FloatNchw;
        // A backbone is given pixels of 0 to 255 and does the rest itself.
        double Scale() => (isFloat, network.Architecture) switch
        {
            (true, Architecture.Backbone) => byte.MaxValue,
            (false, Architecture.Backbone) => 1,
            (true, _) => 1,
            _ => InputFormats.Scale,
        };
        return manifest with
        {
            Signature = signature,
            PreprocessingSteps = new PreprocessingSteps(
                "applied", "bilinear_antialias", "RGB", isFloat ? [0, 1] : [0, 255],
                new Normalization(Scale(), network.Mean, network.Std))
            {
                Fit = network.Fit,
                ShortSide = network.Fit == Fit.Crop ? network.ImageSize : null,
                CentreCrop = network.Fit == Fit.Crop ? network.ImageSize : null,
                LongSide = network.Fit == Fit.Pad ? network.ImageSize : null,
                Layout = manifest.Input == InputFormat.Uint8Nhwc ? "nhwc" : "nchw",
                ResizedInside = manifest.AcceptsAnySize,
            },
            Accuracy = score.Count == 0 ? null : new BundleAccuracy(
                $"{trained.DatasetName}/test", trained.Synthetic, score.Count,
                Proportion.Of(score.CorrectPlain, score.Count), Proportion.Of(score.CorrectTta, score.Count), score.Tta),
            Provenance = new Provenance($"{trained.Device}, {trained.Precision}", trained.Versions)
            {
                Commit = plus < 0 ? null : manifest.ProductVersion[(plus + 1)..],
            },
        };
    }
}
