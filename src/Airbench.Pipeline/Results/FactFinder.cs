using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace Airbench.Pipeline;

/// <summary>Finds out what the result of a stage depends on, as things are now.</summary>
/// <param name="root">Folder that paths are relative to.</param>
/// <param name="index">Hashes of files.</param>
/// <param name="environment">Facts are written down: what it hides stands in them as fingerprints.</param>
/// <param name="progress">Told about a look at many files.</param>
internal sealed class FactFinder(string root, HashIndex index, PipelineEnvironment environment, IProgress progress)
{
    /// <summary>Files that take long enough, on a slow disk, for a word about it.</summary>
    private const int ManyFiles = 5000;

    /// <summary>Everything that decides what <paramref name="stage"/> makes.</summary>
    /// <param name="stage">The stage.</param>
    /// <param name="context">What it gets to see, inputs aside.</param>
    /// <param name="folder">Where its artifact goes, relative to the root, RUN for the run's name: artifacts carry their name.</param>
    /// <param name="inputs">Files and hashes of the artifacts that it takes, by their type; null where not known yet.</param>
    public Facts Of(
        PipelineStage stage, StageContext context, string folder, IEnumerable<KeyValuePair<Type, IReadOnlyDictionary<string, string>?>> inputs)
    {
        var fingerprint = stage.Kind.Fingerprint(context, stage.Options);
        List<Fact> facts =
        [
            new(Facts.Stage, "uses", stage.Kind.Uses),
            new(Facts.Stage, "folder", folder.Replace(Path.DirectorySeparatorChar, '/')),
            .. SettingsText.Of(fingerprint.Settings, environment.Fingerprint).Select(setting => new Fact(Facts.Settings, setting.Path, setting.Value)),
            .. fingerprint.Environment.Select(item => new Fact(Facts.Environment, item.Key, item.Value)),
            .. fingerprint.Versions.Select(version => new Fact(Facts.Versions, version.Key, version.Value)),
            .. fingerprint.Reads.Distinct(StringComparer.Ordinal).Select(Read),
        ];
        foreach (var (type, files) in inputs)
        {
            facts.AddRange((files ?? new Dictionary<string, string>()).Select(file => new Fact(Facts.Inputs, $"{type.Name}/{file.Key}", file.Value)));
        }

        return new Facts(facts.Select(fact => fact with { Name = environment.Fingerprint(fact.Name), Value = environment.Fingerprint(fact.Value) }));
    }

    private Fact Read(string path)
    {
        var full = Path.GetFullPath(Path.Combine(root, path));
        var relative = Path.GetRelativePath(root, full).Replace(Path.DirectorySeparatorChar, '/');
        return new(Facts.Reads, relative, Content(full));
    }

    /// <summary>Hash of a file or of all that is in a folder, hidden files aside; a word where there is nothing to read.</summary>
    private string Content(string path)
    {
        try
        {
            if (!Directory.Exists(path))
            {
                return index.Of(path) ?? "missing";
            }

            using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
            var names = ArtifactFiles.In(path).Where(name => !name.Split('/').Any(part => part.StartsWith('.'))).ToList();
            using var task = names.Count > ManyFiles ? progress.Start($"look at {Path.GetFileName(path)}", names.Count, "files") : null;
            foreach (var (i, name) in names.Index())
            {
                hash.AppendData(Encoding.UTF8.GetBytes($"{name}\0{index.Of(Path.Combine(path, name)) ?? "missing"}\n"));
                task?.Report(i + 1);
            }
            return string.Create(CultureInfo.InvariantCulture, $"{Convert.ToHexStringLower(hash.GetHashAndReset())} of {names.Count} files");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return "unreadable";   // the stage will say so in its own words
        }
    }
}
