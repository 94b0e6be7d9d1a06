namespace Airbench.Onnx;

/// <summary>A model that a user named, found and looked through.</summary>
/// <param name="Name">As results call it.</param>
/// <param name="Path">Its file.</param>
/// <param name="File">Its file, relative to the bundle.</param>
/// <param name="Sha256">SHA-256 of the file.</param>
/// <param name="Description">What it takes and gives.</param>
/// <param name="Bundle">The bundle it is from; null for a file alone.</param>
/// <param name="IsFp32">Whether it is the bundle's network in full precision.</param>
internal sealed record ModelReference(
    string Name, string Path, string File, string Sha256, ModelDescription Description, BundleManifest? Bundle, bool IsFp32)
{
    private const string Fp32 = "fp32";

    /// <summary>Whether <paramref name="name"/> can only be a variant: no path, no .onnx.</summary>
    public static bool IsVariantName(string name) =>
        name.IndexOfAny(['/', '\\', ':']) < 0 && !name.EndsWith(".onnx", StringComparison.OrdinalIgnoreCase);

    /// <summary>Finds the model <paramref name="name"/>: a variant of <paramref name="bundle"/>, an ONNX file, a bundle's folder with or without ":variant".</summary>
    /// <exception cref="ConfigurationException">There is no such variant, or the options leave something open.</exception>
    /// <exception cref="InvalidFileException">The file is missing, damaged, changed since its export, or no classifier.</exception>
    public static ModelReference Resolve(string name, OnnxBundle? bundle, ClassifierOptions options)
    {
        if (IsVariantName(name))
        {
            return bundle is not null
                ? OfBundle(name, bundle, name)
                : throw new ConfigurationException(
                    $"model: '{name}' is the name of a variant, and there is no bundle; give one (--bundle, or an export stage in needs), or the path of an .onnx file");
        }
        if (Directory.Exists(name))
        {
            return OfBundle(System.IO.Path.GetFileName(System.IO.Path.TrimEndingDirectorySeparator(name)), OnnxBundle.Open(name), Fp32);
        }
        var colon = name.LastIndexOf(':');
        if (!System.IO.File.Exists(name) && colon > 1 && Directory.Exists(name[..colon]))
        {
            var (folder, variant) = (name[..colon], name[(colon + 1)..]);
            return OfBundle(System.IO.Path.GetFileName(System.IO.Path.TrimEndingDirectorySeparator(folder)) + "-" + variant, OnnxBundle.Open(folder), variant);
        }
        var facts = ModelInspector.Inspect(name);
        return new ModelReference(
            System.IO.Path.GetFileNameWithoutExtension(name), name, System.IO.Path.GetFileName(name), Hash.OfFile(name),
            ModelDescription.Read(name, facts, options), null, IsFp32: false);
    }

    /// <summary>Opens a session on it.</summary>
    public OnnxClassifier Open(string device, SessionSettings settings) =>
        OnnxClassifier.Open(Path, Description.Input, Description.Output, device, settings);

    private static ModelReference OfBundle(string name, OnnxBundle bundle, string variant)
    {
        var path = BundleModel.Locate(bundle, variant);
        var (file, manifest) = (bundle.Manifest.Variants[variant], bundle.Manifest);
        // The file describes itself; the options are about files that do not.
        var own = new ClassifierOptions { ImageSize = manifest.ImageSize, Fit = manifest.Fit };
        var description = ModelDescription.Read(path, ModelInspector.Inspect(path), own, manifest.Classes);
        return new ModelReference(name, path, file.File, file.Sha256, description, manifest, variant == Fp32);
    }
}
