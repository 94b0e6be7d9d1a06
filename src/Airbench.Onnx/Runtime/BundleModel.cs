namespace Airbench.Onnx;

/// <summary>A bundle's model file in a session, checked against what the bundle says of it.</summary>
internal static class BundleModel
{
    /// <summary>Path of the variant <paramref name="name"/>, which is the file that was exported.</summary>
    /// <exception cref="ConfigurationException">The bundle has no such variant.</exception>
    /// <exception cref="InvalidFileException">The file is missing, or is not the one that was exported.</exception>
    public static string Locate(OnnxBundle bundle, string name)
    {
        var manifest = bundle.Manifest;
        if (!manifest.Variants.TryGetValue(name, out var variant))
        {
            throw new ConfigurationException($"model: '{name}'; {bundle.Folder} has {string.Join(", ", manifest.Variants.Keys)}");
        }
        var path = bundle.File(variant.File);
        if (Path.GetFileName(variant.File) != variant.File || !File.Exists(path))
        {
            throw new InvalidFileException(
                bundle.File(OnnxBundle.ManifestName), $"names the model file '{variant.File}', which is not in the bundle: export again");
        }
        var hash = Hash.OfFile(path);
        if (hash != variant.Sha256)
        {
            throw new InvalidFileException(
                path, $"has sha256 {hash}; {OnnxBundle.ManifestName} says {variant.Sha256}: changed since the export, so export again");
        }
        return path;
    }

    /// <summary>Opens the variant <paramref name="name"/>; see <see cref="OnnxClassifier.Open(string, string, int)"/> for the rest.</summary>
    /// <inheritdoc cref="Locate"/>
    public static OnnxClassifier Open(OnnxBundle bundle, string name, string device, int threads)
    {
        var (path, manifest) = (Locate(bundle, name), bundle.Manifest);
        var classifier = OnnxClassifier.Open(path, device, threads);
        if (classifier.ImageSize == manifest.ImageSize && classifier.ClassCount == manifest.Classes.Count)
        {
            return classifier;
        }
        using (classifier)
        {
            throw new InvalidFileException(path,
                $"takes {classifier.ImageSize}-pixel images and knows {classifier.ClassCount} classes; " +
                $"{OnnxBundle.ManifestName} says {manifest.ImageSize} and {manifest.Classes.Count}");
        }
    }
}
