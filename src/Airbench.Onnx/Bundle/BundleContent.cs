using System.Text;
using System.Text.Json;
using System.Xml;

namespace Airbench.Onnx;

/// <summary>
/// The files around the models against what an export writes there: none missing or empty, none more, and the content of each that follows from
/// manifest and test data. Files that differ from version to version are compared where this program's version wrote them.
/// </summary>
/// <param name="folder">The bundle.</param>
/// <param name="manifest">Of the bundle, with a signature.</param>
/// <param name="files">Paths of all its files.</param>
internal sealed class BundleContent(string folder, BundleManifest manifest, IReadOnlyList<string> files)
{
    /// <summary>Characters shown around the first difference of a text.</summary>
    private const int Shown = 40;

    /// <summary>Whether every file can be written again to compare.</summary>
    public bool IsOfThisVersion { get; } = manifest.ProductVersion == Product.Version;

    /// <summary>Paths without a file, and files without a reason. Another version may have had others: of its files only those that every version writes are asked for.</summary>
    public IEnumerable<string> Names()
    {
        string[] always = [.. BundleFiles.OthersOf(manifest), .. BundleFiles.OfManifest(manifest).Select(file => file.Path).Where(path => !Template.Files.ContainsKey(path))];
        string[] sampled = ["request.json", $"{BundleFiles.TritonFolder(manifest)}/{ServingFiles.WarmupName}"];
        var present = files.Where(file => !Checksums.IsForeign(file)).ToHashSet(StringComparer.Ordinal);
        foreach (var path in always.Concat(sampled).Concat(IsOfThisVersion ? Template.Files.Keys : []).Distinct().Where(path => !present.Contains(path)))
        {
            yield return Missing(path);
        }
        foreach (var path in present.Where(path => new FileInfo(Path.Combine(folder, path)).Length == 0))
        {
            yield return $"{path}: empty; an export writes no empty file";
        }
        if (IsOfThisVersion)
        {
            var images = Enumerable.Range(0, BundleFiles.SampleImages).Select(i => $"samples/images/{i}.png");
            foreach (var path in present.Except([.. always, .. sampled, .. Template.Files.Keys, .. images]).Order(StringComparer.Ordinal))
            {
                yield return $"{path}: extra; an export writes no such file";
            }
        }
    }

    /// <summary>Class names, whatever version wrote them.</summary>
    public IEnumerable<string> Labels()
    {
        foreach (var file in files.Where(f => Path.GetFileName(f) == BundleFiles.LabelsName && !Checksums.IsForeign(f)))
        {
            var lines = File.ReadAllText(Path.Combine(folder, file), Encoding.UTF8).Split('\n');
            var expected = (string[])[.. manifest.Classes, ""];   // the file ends with a line break
            for (var i = 0; i < Math.Max(lines.Length, expected.Length); i++)
            {
                var (found, wanted) = (lines.ElementAtOrDefault(i), expected.ElementAtOrDefault(i));
                if (found != wanted)
                {
                    yield return $"{file}: line {i + 1} is {Show(found)}; {OnnxBundle.ManifestName} names class {i} {Show(wanted)}";
                    break;
                }
            }
        }

        static string Show(string? text) => text is null ? "absent" : Quote.Show(text);
    }

    /// <summary>Files that this version writes from the manifest and, where they can be read, the test images.</summary>
    /// <param name="planes">The test images, uint8 [n,3,S,S]; null where they cannot be read.</param>
    public IEnumerable<string> Derived(byte[]? planes)
    {
        if (!IsOfThisVersion)
        {
            return [];
        }
        return BundleFiles.OfManifest(manifest).Concat(planes is null ? [] : BundleFiles.OfImages(manifest, planes))
            .Where(file => Path.GetFileName(file.Path) != BundleFiles.LabelsName)
            .Select(file => Difference(file.Path, file.Bytes)).Append(Card()).Append(Picture()).Append(Bill()).OfType<string>();
    }

    /// <summary>Files of <c>training/</c> against their sums in the manifest, and the network that they belong to.</summary>
    public IEnumerable<string> Training()
    {
        if (manifest.Training is not { } training)
        {
            yield break;
        }
        foreach (var file in training.Where(file => files.Contains(file.File)))
        {
            var path = Path.Combine(folder, file.File);
            var (length, hash) = (new FileInfo(path).Length, Hash.OfFile(path));
            if ((length, hash) != (file.Bytes, file.Sha256))
            {
                yield return $"{file.File}: {length} bytes with sha256 {hash}; {OnnxBundle.ManifestName} says {file.Bytes} bytes with {file.Sha256}";
            }
        }
        var state = $"{OnnxBundle.TrainingFolder}/{OnnxBundle.TrainingStateName}";
        if (files.Contains(state) && Hash.OfFile(Path.Combine(folder, state)) is var found && found != manifest.WeightsSha256)
        {
            yield return $"{state}: has sha256 {found}; {OnnxBundle.ManifestName} says that the weights have {manifest.WeightsSha256}";
        }
        var name = $"{OnnxBundle.TrainingFolder}/{TrainedModel.ManifestName}";
        if (files.Contains(name) && Json.Read<ModelManifest>(Path.Combine(folder, name)) is var model
            && (model.WeightsSha256 != manifest.WeightsSha256 || !model.Classes.SequenceEqual(manifest.Classes)))
        {
            yield return $"{name}: is of another network or other classes than {OnnxBundle.ManifestName} says";
        }
    }

    private static string Missing(string path) => $"{path}: missing; an export writes it";

    private string? Difference(string path, byte[] expected)
    {
        var full = Path.Combine(folder, path);
        if (!File.Exists(full))
        {
            return Missing(path);
        }
        var found = File.ReadAllBytes(full);
        return found.AsSpan().SequenceEqual(expected) ? null
            : Path.GetExtension(path) is ".onnx" or ".png" or ""
                ? $"{path}: is not what the export wrote"
                : $"{path}: {FirstDifference(Encoding.UTF8.GetString(found), Encoding.UTF8.GetString(expected))}";
    }

    /// <summary>Where two texts part, with what is there.</summary>
    private static string FirstDifference(string found, string expected)
    {
        var at = found.AsSpan().CommonPrefixLength(expected);
        var line = found.AsSpan(0, at).Count('\n') + 1;
        var start = Math.Max(found[..at].LastIndexOf('\n') + 1, at - (Shown / 2));
        return $"line {line} has {Rest(found)}; the export wrote {Rest(expected)}";

        string Rest(string text)
        {
            var end = at < text.Length && text.IndexOf('\n', at) is >= 0 and var next ? next : text.Length;
            return start >= text.Length ? "nothing more" : Quote.Show(text[start..Math.Min(end, start + Shown)]);
        }
    }

    /// <summary>All of the card but the numbers of each class, which the manifest does not hold.</summary>
    private string? Card()
    {
        var path = Path.Combine(folder, BundleFiles.CardName);
        if (!File.Exists(path) || manifest.Provenance is null)
        {
            return null;
        }
        var (text, head, rest) = (File.ReadAllText(path, Encoding.UTF8), ModelCard.Head(manifest), ModelCard.Rest(manifest));
        return !text.StartsWith(head, StringComparison.Ordinal) ? $"{BundleFiles.CardName}: {FirstDifference(text, head)}"
            : !text.EndsWith(rest, StringComparison.Ordinal) ? $"{BundleFiles.CardName}: does not end with what the export wrote behind the table of classes"
            : null;
    }

    private string? Picture()
    {
        var path = Path.Combine(folder, ModelCard.PictureName);
        if (!File.Exists(path))
        {
            return null;
        }
        try
        {
            using var xml = XmlReader.Create(path);
            xml.MoveToContent();
            var name = xml.LocalName;
            while (xml.Read())
            {
            }
            return name == "svg" ? null : $"{ModelCard.PictureName}: is a <{Quote.OneLine(name)}>; expected an <svg>";
        }
        catch (XmlException e)
        {
            return $"{ModelCard.PictureName}: is no SVG picture: {e.Message}";
        }
    }

    /// <summary>The packages depend on the program that exported; what the bill is of does not.</summary>
    private string? Bill()
    {
        var path = Path.Combine(folder, BundleFiles.SbomName);
        if (!File.Exists(path) || !manifest.Variants.TryGetValue(ExportOptions.Fp32, out var fp32))
        {
            return null;
        }
        try
        {
            using var document = JsonDocument.Parse(File.ReadAllBytes(path));
            var component = document.RootElement.GetProperty("metadata").GetProperty("component");
            var (name, hash) = (component.GetProperty("name").GetString(), component.GetProperty("hashes")[0].GetProperty("content").GetString());
            return name == manifest.Name && hash == fp32.Sha256 && document.RootElement.GetProperty("components").GetArrayLength() > 0
                ? null
                : $"{BundleFiles.SbomName}: is of {Quote.Show(name ?? "")} with sha256 {Quote.Show(hash ?? "")}; {OnnxBundle.ManifestName} says {Quote.Show(manifest.Name)} with {fp32.Sha256}";
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException or IndexOutOfRangeException)
        {
            return $"{BundleFiles.SbomName}: is no bill of materials in CycloneDX: {e.Message}";
        }
    }
}
