using System.Globalization;

namespace Airbench.Report;

/// <summary>
/// A run in MLflow's file store, so that <c>mlflow ui</c> beside <c>mlruns</c> shows it: the pipeline is the experiment, options are
/// parameters, learning curves and results are metrics, the page and the resolved pipeline are artifacts.
/// </summary>
/// <remarks>
/// Layout: mlflow/store/tracking/file_store.py. <c>EXPERIMENT/meta.yaml</c>; <c>EXPERIMENT/RUN/meta.yaml</c>; below it a file for every
/// parameter and tag with its text, for every metric with lines of "milliseconds value step", and <c>artifacts</c>.
/// </remarks>
public static class MlflowStore
{
    /// <summary>Name of the folder beside <c>runs</c>.</summary>
    public const string FolderName = "mlruns";

    private const string MetaName = "meta.yaml";

    /// <summary>Longest text of a parameter that MLflow takes.</summary>
    private const int LongestParameter = 6000;

    /// <summary>Writes the run in <paramref name="folder"/> into the store at <paramref name="store"/>; the same run once more replaces itself.</summary>
    /// <returns>The folder of the run in the store.</returns>
    /// <exception cref="DataException">No run lies there.</exception>
    public static string Write(string folder, string store)
    {
        var run = RunReader.Read(folder);
        var experiment = Experiment(run, store);
        var id = Hash.OfText($"{run.Title} {Measurement.Start(run):O}")[..32];   // MLflow's ids are 32 hexadecimal digits
        var place = Path.Combine(experiment, id);
        using var build = AtomicFolder.Create(place);
        foreach (var name in (string[])["artifacts", "metrics", "params", "tags"])
        {
            Directory.CreateDirectory(build.File(name));   // MLflow expects them, empty or not
        }
        foreach (var file in ((string[])[RunPage.FileName, "pipeline.resolved.yaml", "timings.csv", RunRecord.FileName]).Where(file => File.Exists(Path.Combine(folder, file))))
        {
            File.Copy(Path.Combine(folder, file), build.File(Path.Combine("artifacts", file)));
        }
        foreach (var metric in Measurement.Of(run).GroupBy(number => $"{number.Group}/{number.Name}"))
        {
            Save(build, "metrics", metric.Key, string.Concat(metric.Select(number => string.Create(CultureInfo.InvariantCulture, $"{Milliseconds(number.Time)} {Text(number.Value)} {number.Step}\n"))));
        }
        foreach (var (key, value) in (run.ResolvedYaml is { } yaml ? ResolvedOptions.Of(yaml) : []).DistinctBy(option => option.Key))
        {
            var name = key.Replace("stages.", "", StringComparison.Ordinal).Replace(".with.", ".", StringComparison.Ordinal);
            Save(build, "params", name, value.Length > LongestParameter ? value[..LongestParameter] : value);
        }
        foreach (var (name, value) in Tags(run))
        {
            Save(build, "tags", name, value);
        }
        File.WriteAllText(build.File(MetaName), Yaml(
            ("artifact_uri", Quote(Uri(Path.Combine(place, "artifacts")))),
            ("end_time", Milliseconds(Measurement.End(run))),
            ("entry_point_name", "''"),
            ("experiment_id", Quote(Path.GetFileName(experiment))),
            ("lifecycle_stage", "active"),
            ("run_id", Quote(id)),
            ("run_name", Quote(run.Id)),
            ("run_uuid", Quote(id)),
            ("source_name", "''"),
            ("source_type", "4"),   // LOCAL
            ("source_version", "''"),
            ("start_time", Milliseconds(Measurement.Start(run))),
            ("status", run.Status switch { "ok" => "3", "failed" => "4", _ => "5" }),   // FINISHED, FAILED, KILLED
            ("tags", "[]"),
            ("user_id", "''")));
        return build.Commit();
    }

    /// <summary>The experiment of the pipeline's name, which may be one that MLflow made; a new one has an id made of the name.</summary>
    private static string Experiment(Run run, string store)
    {
        Directory.CreateDirectory(store);
        var name = $"name: {run.Pipeline}";
        var known = Directory.EnumerateDirectories(store).Order(StringComparer.Ordinal).FirstOrDefault(folder =>
            Path.Combine(folder, MetaName) is var meta && File.Exists(meta)
            && File.ReadLines(meta).Any(line => line.Replace("'", "", StringComparison.Ordinal).Replace("\"", "", StringComparison.Ordinal).TrimEnd() == name));
        if (known is not null)
        {
            return known;
        }
        var digits = Convert.ToUInt64(Hash.OfText(run.Pipeline)[..14], 16).ToString(CultureInfo.InvariantCulture);   // at most 17 digits; MLflow's have 18
        var folder = Path.Combine(store, digits);
        var time = Milliseconds(Measurement.Start(run));
        AtomicFolder.WriteFile(Path.Combine(folder, MetaName), Yaml(
            ("artifact_location", Quote(Uri(folder))), ("creation_time", time), ("experiment_id", Quote(digits)),
            ("last_update_time", time), ("lifecycle_stage", "active"), ("name", Quote(run.Pipeline))));
        return folder;
    }

    private static IEnumerable<(string Name, string Value)> Tags(Run run)
    {
        yield return ("mlflow.runName", run.Id);
        yield return ("mlflow.source.type", "LOCAL");
        yield return ("mlflow.source.name", "airbench");
        yield return ("airbench.status", run.Status);
        yield return ("airbench.synthetic", run.Synthetic ? "true" : "false");
        if (run.Record is { } record)
        {
            yield return ("airbench.version", record.ProductVersion);
            yield return ("airbench.command", record.Command);
            if (record.ProductVersion.Split('+') is [_, var commit])
            {
                yield return ("mlflow.source.git.commit", commit);
            }
        }
    }

    private static void Save(AtomicFolder build, string folder, string name, string text)
    {
        var file = build.File(Path.Combine(folder, name));
        Directory.CreateDirectory(Path.GetDirectoryName(file)!);
        File.WriteAllText(file, text);
    }

    private static string Yaml(params ReadOnlySpan<(string Key, string Value)> lines)
    {
        var text = "";
        foreach (var (key, value) in lines)
        {
            text += $"{key}: {value}\n";
        }
        return text;
    }

    private static string Quote(string text) => $"'{text.Replace("'", "''", StringComparison.Ordinal)}'";

    private static string Uri(string path) => new Uri(Path.GetFullPath(path)).AbsoluteUri;

    private static string Milliseconds(DateTime time) => ((long)(time - DateTime.UnixEpoch).TotalMilliseconds).ToString(CultureInfo.InvariantCulture);

    /// <summary>As Python's float reads it.</summary>
    private static string Text(double value) => double.IsNaN(value) ? "nan" : double.IsInfinity(value) ? (value > 0 ? "inf" : "-inf") : value.ToString("R", CultureInfo.InvariantCulture);
}
