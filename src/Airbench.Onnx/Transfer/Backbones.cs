namespace Airbench.Onnx;

/// <summary>Where a backbone comes from.</summary>
/// <param name="Name">As in <c>backbone: resnet18</c>, or the file's name.</param>
/// <param name="File">The ONNX file.</param>
/// <param name="Sha256">SHA-256 of it.</param>
/// <param name="Preprocess">A model that turns pixels into what it takes; null where options say it.</param>
/// <param name="Origin">In words.</param>
/// <param name="License">SPDX expression; null where it is not known.</param>
public sealed record BackboneSource(string Name, string File, string Sha256, string? Preprocess, string Origin, string? License);

/// <summary>The backbones that come with the program.</summary>
public static class Backbones
{
    /// <summary>ResNet-18 of ImageNet, as ML.NET distributes it.</summary>
    public const string Resnet18 = "resnet18";

    /// <summary>Folder beside the program, with one folder for each.</summary>
    private const string FolderName = "backbones";

    /// <summary>Their names.</summary>
    public static IReadOnlyList<string> Names { get; } = [Resnet18];

    /// <summary>Height and width that the backbone called <paramref name="name"/> learned with, pixels.</summary>
    public static int ImageSize(string name) => name == Resnet18 ? 224 : throw new ArgumentOutOfRangeException(nameof(name), name, "no backbone of ours");

    /// <summary>The backbone of this name or path.</summary>
    /// <param name="nameOrPath">One of <see cref="Names"/>, or an ONNX file.</param>
    /// <param name="input">What the options say of its input.</param>
    /// <exception cref="ConfigurationException">There is none.</exception>
    /// <exception cref="InvalidFileException">One of ours is not the file that was published.</exception>
    public static BackboneSource Find(string nameOrPath, BackboneInput input)
    {
        if (nameOrPath == Resnet18)
        {
            return OfProgram(
                "ResNet18.onnx", "e2552f19db2dfdb01b3669537b6a0f1b44da38d18279535492ed5dfc2ef1ff8f",
                "ResNetPreprocess.onnx", "84bf8def78d0befaa3f6e73745d57d7016c6a192ead76f79686bd438c1047004",
                "ResNet-18 trained on ImageNet, from the package Microsoft.ML.DnnImageFeaturizer.ResNet18 0.23.1", "MIT");
        }
        return System.IO.File.Exists(nameOrPath)
            ? new BackboneSource(Path.GetFileNameWithoutExtension(nameOrPath), nameOrPath, Hash.OfFile(nameOrPath), input.Preprocess, $"the file {Path.GetFileName(nameOrPath)}", License: null)
            : throw new ConfigurationException(
                $"backbone: {Quote.Show(nameOrPath)} is no file (looked at {Path.GetFullPath(nameOrPath)}); expected {string.Join(", ", Names)} or the path of an ONNX model");
    }

    private static BackboneSource OfProgram(string model, string modelSha256, string preprocess, string preprocessSha256, string origin, string license)
    {
        var folder = Path.Combine(AppContext.BaseDirectory, FolderName, Resnet18);
        return new BackboneSource(Resnet18, Checked(model, modelSha256), modelSha256, Checked(preprocess, preprocessSha256), origin, license);

        string Checked(string name, string sha256)
        {
            var file = Path.Combine(folder, name);
            if (!System.IO.File.Exists(file))
            {
                throw new InvalidFileException(file, "does not exist; it comes with the program: build or publish it again");
            }
            return Hash.OfFile(file) is var found && found == sha256
                ? file
                : throw new InvalidFileException(file, $"has sha256 {found}; expected {sha256}: build or publish the program again");
        }
    }
}
