using Airbench.Pipeline;

namespace Airbench.Cli;

/// <summary>The folders of artifacts that a command line names, with a remedy where one is something else.</summary>
internal static class InputFolders
{
    /// <summary>What is expected behind a flag.</summary>
    /// <param name="Flag">With its dashes.</param>
    /// <param name="What">The artifact, in words.</param>
    /// <param name="Place">Where such folders usually are.</param>
    /// <param name="Manifest">The file by which one is told.</param>
    /// <param name="Open">Opens one.</param>
    public sealed record Kind(string Flag, string What, string Place, string Manifest, Func<string, Artifact> Open)
    {
        public string Description => $"Folder of {What}, for example {Place}/{(Place == "data" ? "cifar10" : "airbench94")}.";
    }

    public static readonly Kind Datasets = new("--dataset", "a prepared data set", "data", Dataset.ManifestName, Dataset.Open);

    public static readonly Kind Models = new("--trained-model", "a trained model", "models", TrainedModel.ManifestName, TrainedModel.Open);

    public static readonly Kind Bundles = new("--bundle", "an exported model", "exports", OnnxBundle.ManifestName, OnnxBundle.Open);

    private static readonly IReadOnlyList<Kind> All = [Datasets, Models, Bundles];

    /// <summary>Opens what <paramref name="folder"/> holds.</summary>
    /// <exception cref="ConfigurationException">There is no such artifact; the message says what is there, and what to do.</exception>
    /// <exception cref="InvalidFileException">Its manifest is damaged.</exception>
    public static Artifact Open(Kind kind, string folder)
    {
        Require(kind, kind.Flag, folder);
        return kind.Open(folder);
    }

    /// <summary>Opens the bundle that <c>--bundle</c> names.</summary>
    /// <inheritdoc cref="Open"/>
    public static OnnxBundle OpenBundle(string folder) => (OnnxBundle)Open(Bundles, folder);

    /// <summary>Looks only whether <paramref name="folder"/> has the manifest of such an artifact.</summary>
    /// <param name="kind">What is expected.</param>
    /// <param name="place">Where on the command line it stands: a flag or a verb.</param>
    /// <param name="folder">As it was given.</param>
    /// <exception cref="ConfigurationException">It has not; the message says what is there, and what to do.</exception>
    public static void Require(Kind kind, string place, string folder)
    {
        if (!File.Exists(Path.Combine(folder, kind.Manifest)))
        {
            throw new ConfigurationException($"{place} {folder}: {Found(kind, folder)}; expected the folder of {kind.What}{Remedy(kind, folder)}");
        }
    }

    private static string Found(Kind kind, string folder) =>
        All.FirstOrDefault(other => File.Exists(Path.Combine(folder, other.Manifest))) is { } other ? $"is the folder of {other.What}"
        : Directory.Exists(folder) ? $"has no {kind.Manifest}"
        : File.Exists(folder) ? "is a file"
        : "does not exist";

    private static string Remedy(Kind kind, string folder)
    {
        var here = Directory.Exists(kind.Place)
            ? Directory.GetDirectories(kind.Place).Where(path => File.Exists(Path.Combine(path, kind.Manifest))).Select(path => $"{kind.Place}/{Path.GetFileName(path)}").Order(StringComparer.Ordinal).ToList()
            : [];
        var meant = here.Find(path => path == $"{kind.Place}/{folder}")
            ?? (File.Exists(folder) && Path.GetDirectoryName(folder) is { Length: > 0 } around && File.Exists(Path.Combine(around, kind.Manifest)) ? around : null)
            ?? Suggestion.Nearest(folder, here);
        if (meant is not null)
        {
            return $" (did you mean '{meant}'?)";
        }
        if (kind == Datasets && Path.Exists(folder) && !All.Any(other => File.Exists(Path.Combine(folder, other.Manifest))))
        {
            var source = Directory.Exists(folder) ? "folder" : "archive";
            return $". If it holds your images: `airbench prepare --source {source} --path {PipelineFile.Shell(folder)}` makes one in data/";
        }
        return here.Count > 0 ? $", such as {string.Join(", ", here.Take(5))}" : $"; there is none in {kind.Place}/ yet";
    }
}
