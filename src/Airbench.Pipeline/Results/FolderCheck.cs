namespace Airbench.Pipeline;

/// <summary>Where stages write: below the root, and no two in the same place, where the second would replace what the first made.</summary>
internal static class FolderCheck
{
    /// <summary>Stands for a run's name before there is a run.</summary>
    public const string RunPlaceholder = "RUN";

    /// <summary>Whether <paramref name="folder"/>, relative to the root, is in the folder of a run.</summary>
    public static bool IsOfRun(string folder) => folder.Split(Path.DirectorySeparatorChar).Contains(RunPlaceholder);

    public static void Check(PipelineDefinition pipeline, Problems problems)
    {
        // Any root gives the same answer, so one that does not exist will do.
        var root = Path.GetFullPath(Path.Combine(Path.GetTempPath(), "root"));
        var runFolder = Path.Combine(root, "runs", pipeline.Name, RunPlaceholder);
        var taken = new List<(string Folder, string Key)>();
        foreach (var stage in pipeline.Stages)
        {
            string folder;
            try
            {
                folder = stage.Kind.OutputFolder(pipeline.Context(stage, root, runFolder), stage.Options);
            }
            catch (AirbenchException e)
            {
                problems.Add(stage.Position, $"stage '{stage.Key}': {Quote.OneLine(e.Message)}");
                continue;
            }
            if (folder.Contains('\0', StringComparison.Ordinal))
            {
                problems.Add(stage.Position, $"stage '{stage.Key}': found a folder name with a NUL character, which no file system accepts");
                continue;
            }
            folder = Path.GetFullPath(folder);
            if (folder != Path.GetFullPath(stage.Kind.OutputFolder(pipeline.Context(stage, root, runFolder), stage.OptionsAsWritten ?? stage.Options)))
            {
                problems.Add(stage.Position, $"stage '{stage.Key}': its folder would be named after the value of an environment variable, "
                    + "which would reveal it; set its name");
                continue;
            }
            var who = $"stage '{stage.Key}' would write to {Quote.Show(Path.GetRelativePath(root, folder))}";
            if (!Inside(folder, root))
            {
                problems.Add(stage.Position, $"{who}, outside of the working folder; expected a place inside");
            }

            foreach (var (other, key) in taken.Where(t => Inside(folder, t.Folder) || Inside(t.Folder, folder) || Same(t.Folder, folder)))
            {
                var place = Quote.Show(Path.GetRelativePath(root, other));
                problems.Add(stage.Position, $"{who}, where stage '{key}' writes as well ({place}); give one another name");
            }
            taken.Add((folder, stage.Key));
        }
    }

    /// <summary>Whether <paramref name="folder"/> is below <paramref name="parent"/>.</summary>
    public static bool Inside(string folder, string parent) =>
        folder.StartsWith(Path.TrimEndingDirectorySeparator(parent) + Path.DirectorySeparatorChar, StringComparison.OrdinalIgnoreCase);

    // Upper and lower case are one folder on Windows and macOS; a pipeline is to mean the same everywhere.
    private static bool Same(string a, string b) => string.Equals(a, b, StringComparison.OrdinalIgnoreCase);
}
