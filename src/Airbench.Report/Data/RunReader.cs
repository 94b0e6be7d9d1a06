namespace Airbench.Report;

/// <summary>
/// Reads the folder of a run. Whatever is missing or damaged becomes a note: a report of a run that failed is worth more than one of a
/// run that did not.
/// </summary>
internal sealed class RunReader
{
    private const string LogName = "log.txt";
    private const string ResolvedName = "pipeline.resolved.yaml";
    private const string TimingsName = "timings.csv";
    private const int LastLines = 25;

    private readonly string _folder;
    private readonly string _root;
    private readonly Pictures? _pictures;
    private readonly List<string> _notes = [];

    private RunReader(string folder, IImagePicker? picker)
    {
        _pictures = picker is null ? null : new Pictures(picker);
        _folder = Path.GetFullPath(folder);
        _root = Path.GetFullPath(Path.Combine(_folder, "..", "..", ".."));   // ROOT/runs/PIPELINE/RUN
    }

    /// <summary>Reads <paramref name="folder"/>.</summary>
    /// <param name="folder">runs/&lt;pipeline&gt;/&lt;run&gt;.</param>
    /// <param name="picker">Makes pictures of what was evaluated; null where none are wanted.</param>
    /// <exception cref="DataException">It is not the folder of a run.</exception>
    public static Run Read(string folder, IImagePicker? picker = null)
    {
        var isRun = File.Exists(Path.Combine(folder, TimingsName)) || File.Exists(Path.Combine(folder, RunRecord.FileName));
        return isRun
            ? new RunReader(folder, picker).Read()
            : throw new DataException(
                $"{folder}: found no {TimingsName} and no {RunRecord.FileName} there; expected the folder of a run, such as runs/demo/20260101-120000");
    }

    private Run Read()
    {
        var record = Try<RunRecord?>(null, () => Exists(RunRecord.FileName) ? Json.Read<RunRecord>(Inside(RunRecord.FileName)) : null);
        if (record is null)
        {
            _notes.Add($"There is no readable {RunRecord.FileName}: the run was killed, is still in progress, or is of an earlier version. Only what its folder holds is shown.");
        }
        var yaml = Exists(ResolvedName) ? Try(null, () => File.ReadAllText(Inside(ResolvedName))) : null;
        var artifacts = record is null ? [] : Artifacts(record).ToList();
        var options = yaml is null ? [] : ResolvedOptions.Of(yaml);
        var datasets = Manifests<DatasetManifest>(artifacts, nameof(Dataset), Dataset.ManifestName);
        var bundles = Manifests<BundleManifest>(artifacts, nameof(OnnxBundle), OnnxBundle.ManifestName);
        var counts = Counts(datasets, bundles);
        return new Run
        {
            Folder = _folder,
            Id = Path.GetFileName(_folder),
            Pipeline = record?.Pipeline ?? Path.GetFileName(Path.GetDirectoryName(_folder)) ?? "",
            Record = record,
            Times = Try<IReadOnlyList<StageTime>>([], () => StageTime.Read(Inside(TimingsName))),
            ResolvedYaml = yaml,
            LastLines = Exists(LogName) ? Try<IReadOnlyList<string>>([], () => [.. File.ReadLines(Inside(LogName)).TakeLast(LastLines)]) : [],
            Datasets = datasets,
            Models = Manifests<ModelManifest>(artifacts, nameof(TrainedModel), TrainedModel.ManifestName),
            Curves = Curves(artifacts),
            Augmentations = Augmentations(artifacts),
            ClassCounts = counts,
            Bundles = bundles,
            Evaluations =
            [
                .. InOrder(record, Evaluations(datasets, options), evaluation => evaluation.Stage).Select(evaluation => evaluation with
                {
                    TrainedOn = bundles.FirstOrDefault(bundle => bundle.Manifest.Variants.Values.Any(variant => variant.Sha256 == evaluation.Metrics.ModelSha256))
                        is { } bundle ? counts.GetValueOrDefault(bundle.Manifest.DatasetSha256) : null,
                }),
            ],
            Benchmarks = [.. InOrder(record, Benchmarks(), benchmark => benchmark.Stage)],
            Notes = _notes,
        };
    }

    private static IEnumerable<(string Stage, ArtifactRecord Artifact)> Artifacts(RunRecord record)
    {
        foreach (var stage in record.Stages)
        {
            foreach (var artifact in stage.Given.Append(stage.Made).OfType<ArtifactRecord>())
            {
                yield return (stage.Stage, artifact);
            }
        }
    }

    private List<Recorded<T>> Manifests<T>(List<(string Stage, ArtifactRecord Artifact)> artifacts, string type, string manifest)
    {
        var found = new List<Recorded<T>>();
        foreach (var (stage, artifact) in artifacts.Where(entry => entry.Artifact.Type == type && entry.Artifact.Copies is not null))
        {
            if (Try<Recorded<T>?>(null, () => new(stage, artifact.Folder, Json.Read<T>(Inside(artifact.Copies!, manifest)))) is { } one)
            {
                found.Add(one);
            }
        }
        return found;
    }

    private Dictionary<string, IReadOnlyList<CurvePoint>> Curves(List<(string Stage, ArtifactRecord Artifact)> artifacts)
    {
        var curves = new Dictionary<string, IReadOnlyList<CurvePoint>>();
        foreach (var (stage, artifact) in artifacts.Where(entry => entry.Artifact is { Type: nameof(TrainedModel), Copies: not null }))
        {
            var file = Inside(artifact.Copies!, TrainedModel.CurveName);
            if (File.Exists(file))
            {
                curves[stage] = Try<IReadOnlyList<CurvePoint>>([], () => CurvePoint.Read(file));
            }
        }
        return curves;
    }

    private Dictionary<string, Picture> Augmentations(List<(string Stage, ArtifactRecord Artifact)> artifacts)
    {
        var pictures = new Dictionary<string, Picture>();
        foreach (var (stage, artifact) in artifacts.Where(entry => _pictures is not null && entry.Artifact is { Type: nameof(TrainedModel), Copies: not null }))
        {
            var file = Inside(artifact.Copies!, TrainedModel.AugmentationName);
            if (File.Exists(file) && Try<Picture?>(null, () => new Picture("image/png", File.ReadAllBytes(file))) is { } picture && _pictures!.Takes(picture))
            {
                pictures[stage] = picture;
            }
        }
        return pictures;
    }

    /// <summary>Of the sets that the run made or got, and of those that its bundles were trained on, where they still lie at their usual place.</summary>
    private Dictionary<string, ClassCounts> Counts(List<Recorded<DatasetManifest>> datasets, List<Recorded<BundleManifest>> bundles)
    {
        var counts = new Dictionary<string, ClassCounts>();
        var sets = datasets.Select(set => (set.Folder, set.Manifest.Sha256))
            .Concat(bundles.Select(bundle => (Folder: $"data/{bundle.Manifest.DatasetName}", Sha256: bundle.Manifest.DatasetSha256)));
        foreach (var (folder, sha256) in sets)
        {
            if (!counts.ContainsKey(sha256) && Try(null, () => ClassCounts.Read(Path.Combine(_root, folder), sha256)) is { } found)
            {
                counts[sha256] = found;
            }
        }
        return counts;
    }

    private IEnumerable<EvaluationData> Evaluations(List<Recorded<DatasetManifest>> datasets, IReadOnlyList<KeyValuePair<string, string>> options)
    {
        var sets = datasets.ConvertAll(set => new KnownSet(Path.GetFullPath(Path.Combine(_root, set.Folder)), Source(set)));
        foreach (var (stage, folder) in StageFolders(Evaluation.ManifestName))
        {
            if (Read(stage, stage, folder) is not { } first)
            {
                continue;
            }
            var split = ResolvedOptions.Text(options, $"stages.{stage}.with.split") == "train" ? Split.Train : Split.Test;
            yield return _pictures is { } pictures ? WithPictures(first, sets, Files(stage, "data"), split, pictures) : first;
            foreach (var other in first.Metrics.Comparison?.Skip(1) ?? [])
            {
                if (Read(stage, $"{stage}: {other.Name}", Path.Combine(folder, other.Folder)) is { } more)
                {
                    yield return more with { IsFirst = false };
                }
            }
        }

        // Of drawn images and of CIFAR's there are no files.
        ImageFiles? Source(Recorded<DatasetManifest> set) => set.Manifest.Source is "folder" or "archive" ? Files(set.Stage, "path") : null;

        // What an option of a stage names, to be read as the stage read it.
        ImageFiles? Files(string stage, string option) => ResolvedOptions.Text(options, $"stages.{stage}.with.{option}") is { } path
            ? new(Path.Combine(_root, path), ResolvedOptions.Text(options, $"stages.{stage}.with.name_encoding"))
            : null;

        EvaluationData? Read(string stage, string name, string folder) => Try<EvaluationData?>(null, () => new EvaluationData(
            stage, name, folder, Evaluation.Open(folder).Metrics,
            Try<ConfusionCounts?>(null, () => ConfusionCounts.Read(Path.Combine(folder, "confusion.csv"))),
            Try<Predictions?>(null, () => Predictions.Read(Path.Combine(folder, "predictions.csv")))));
    }

    private EvaluationData WithPictures(EvaluationData evaluation, List<KnownSet> sets, ImageFiles? source, Split split, Pictures pictures)
    {
        try
        {
            return evaluation with { Pictures = pictures.Load(evaluation.Metrics, [.. evaluation.Predictions?.Shown ?? []], sets, source, split) };
        }
        catch (Exception e) when (e is AirbenchException or IOException or UnauthorizedAccessException)
        {
            return evaluation with { Pictures = EvaluationPictures.None($"No pictures: {Relative(e.Message)}") };
        }
    }

    private IEnumerable<Recorded<BenchmarkReport>> Benchmarks()
    {
        foreach (var (stage, folder) in StageFolders(Benchmark.ManifestName))
        {
            if (Try<BenchmarkReport?>(null, () => BenchmarkReport.Read(folder)) is { } report)
            {
                yield return new(stage, Path.GetRelativePath(_root, folder).Replace('\\', '/'), report);
            }
        }
    }

    /// <summary>Folders of stages that keep their artifact in the run's folder, in the order of their names; the run's record need not exist.</summary>
    private IEnumerable<(string Stage, string Folder)> StageFolders(string manifest) => Directory.EnumerateDirectories(_folder)
        .Where(folder => File.Exists(Path.Combine(folder, manifest)))
        .Select(folder => (Path.GetFileName(folder), folder))
        .OrderBy(entry => entry.Item1, StringComparer.Ordinal);

    private static IEnumerable<T> InOrder<T>(RunRecord? record, IEnumerable<T> items, Func<T, string> stage)
    {
        var order = (record?.Stages ?? []).Index().ToDictionary(entry => entry.Item.Stage, entry => entry.Index);
        return items.OrderBy(item => order.GetValueOrDefault(stage(item), int.MaxValue));
    }

    private T Try<T>(T otherwise, Func<T> read)
    {
        try
        {
            return read();
        }
        catch (Exception e) when (e is AirbenchException or IOException or UnauthorizedAccessException)
        {
            _notes.Add(Relative(e.Message));
            return otherwise;
        }
    }

    /// <summary>A page goes to other people: paths in it begin at the root, not at somebody's home.</summary>
    private string Relative(string message) => message.Replace(_root + Path.DirectorySeparatorChar, "", StringComparison.Ordinal);

    private bool Exists(string name) => File.Exists(Inside(name));

    private string Inside(params ReadOnlySpan<string> names) => Path.Combine([_folder, .. names]);
}
