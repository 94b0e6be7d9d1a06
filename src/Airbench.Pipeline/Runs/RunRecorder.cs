namespace Airbench.Pipeline;

/// <summary>Writes <c>run.json</c> and the copies beside it, from which reports are made.</summary>
public static class RunRecorder
{
    /// <summary>Files of each artifact that are worth a copy: manifests, tables and one small picture, never data or weights.</summary>
    private static readonly Dictionary<Type, string[]> Copied = new()
    {
        [typeof(Dataset)] = [Dataset.ManifestName],
        [typeof(TrainedModel)] = [TrainedModel.ManifestName, TrainedModel.CurveName, TrainedModel.ConfusionName, TrainedModel.AugmentationName],
        [typeof(OnnxBundle)] = [OnnxBundle.ManifestName],
    };

    /// <summary>Records a run that ended, however it did.</summary>
    /// <param name="pipeline">What ran.</param>
    /// <param name="root">Folder that holds data/, models/, exports/ and runs/.</param>
    /// <param name="report">How it ended.</param>
    /// <exception cref="IOException">The folder of the run cannot be written.</exception>
    public static void Write(PipelineDefinition pipeline, string root, RunReport report)
    {
        var record = new RunRecord
        {
            RunId = report.RunId,
            Pipeline = pipeline.Name,
            Command = pipeline.Command,
            Seed = pipeline.Seed,
            Device = pipeline.Device,
            Status = Name(report.Status),
            UsdPerHour = report.UsdPerHour,
            ProductVersion = Product.Version,
            Machine = BenchmarkMachine.Current(),
            Stages = [.. report.Stages.Select(stage => Record(pipeline, root, report.RunFolder, stage))],
        };
        AtomicFolder.WriteFile(Path.Combine(report.RunFolder, RunRecord.FileName), Json.Write(record));
    }

    private static RunStageRecord Record(PipelineDefinition pipeline, string root, string runFolder, StageReport report)
    {
        var stage = report.Stage;
        return new RunStageRecord
        {
            Stage = stage.Key,
            Uses = stage.Kind.Uses,
            Needs = stage.Needs,
            Status = Name(report.Status),
            Why = report.Why,
            Summary = report.Result?.Summary,
            Error = report.Error,
            Made = Made() is { } folder ? Keep(stage.Kind.Output, folder, stage.Key) : null,
            Given = [.. stage.Given.Select((given, i) => Keep(given.GetType(), given.Folder, FormattableString.Invariant($"{stage.Key}/given-{i + 1}")))],
        };

        // What is in the place of a stage that failed is of an earlier run, but for an evaluation that missed a gate, which has a place of its own.
        string? Made()
        {
            if (report.Result is { } result)
            {
                return result.Artifact.Folder;
            }

            var place = stage.Kind.OutputFolder(pipeline.Context(stage, root, runFolder), stage.Options);
            var own = Path.GetFullPath(place).StartsWith(Path.GetFullPath(runFolder) + Path.DirectorySeparatorChar, StringComparison.Ordinal);
            var ended = report.Status is not (RunStatus.Failed or RunStatus.Cancelled or RunStatus.NotRun or RunStatus.Skipped);
            return (ended || own) && Directory.Exists(place) ? place : null;
        }

        ArtifactRecord Keep(Type type, string folder, string name)
        {
            var place = Path.GetRelativePath(root, Path.GetFullPath(folder)).Replace('\\', '/');
            if (!Copied.TryGetValue(type, out var files))
            {
                return new ArtifactRecord(type.Name, place);
            }

            var copies = $"{RunRecord.CopiesName}/{name}";
            foreach (var file in files.Select(file => Path.Combine(folder, file)).Where(File.Exists))
            {
                AtomicFolder.WriteFile(Path.Combine(runFolder, copies, Path.GetFileName(file)), stream => Append(stream, file));
            }

            return new ArtifactRecord(type.Name, place, copies);
        }
    }

    private static void Append(Stream stream, string file)
    {
        using var source = File.OpenRead(file);
        source.CopyTo(stream);
    }

    private static string Name(RunStatus status) => status.ToString().ToLowerInvariant();
}
