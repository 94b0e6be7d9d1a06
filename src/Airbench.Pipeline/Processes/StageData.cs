namespace Airbench.Pipeline;

/// <summary>What goes into a stage and what comes out of it, as data and back.</summary>
internal static class StageData
{
    public static StageRequest Of(PipelineStage stage, StageContext context) => new(
        Product.Version,
        stage.Kind.Uses,
        ResolvedYaml.Flow(GroupOf(stage.Kind), stage.Options),
        new(
            context.Name, context.DefaultName, context.Seed, context.Device, context.UsdPerHour, context.Root, context.RunFolder, context.StartsAnew,
            [.. context.Inputs.Select(input => new ArtifactData(input.GetType().Name, input.Folder))]));

    public static object ToOptions(IStage kind, string yaml)
    {
        var problems = new Problems();
        var node = YamlReader.ReadFlag(yaml, "options", problems);
        problems.ThrowIfAny();
        var plain = new EnvironmentReferences([], _ => null).Expand(node!);   // only what was escaped: values are in their places
        var options = new OptionBinder(problems).Bind(plain, GroupOf(kind), kind.Uses, fallback: null);
        problems.ThrowIfAny();
        return options!;
    }

    public static StageContext ToContext(ContextData data, IReadOnlyList<IStage> kinds, IProgress progress, CancellationToken cancel) => new()
    {
        Name = data.Name,
        DefaultName = data.DefaultName,
        Seed = data.Seed,
        Device = data.Device,
        UsdPerHour = data.UsdPerHour,
        Root = data.Root,
        RunFolder = data.RunFolder,
        StartsAnew = data.StartsAnew,
        Inputs = [.. data.Inputs.Select(input => kinds.First(kind => kind.Output.Name == input.Type).Open(input.Folder))],
        Progress = progress,
        Cancel = cancel,
    };

    public static ResultData Of(StageResult result) => new(
        result.Artifact.Folder, result.Summary, result.WorkSeconds, result.Items, result.Device, result.AccuracyPlain, result.AccuracyTta,
        result.Precision, result.Rates);

    /// <summary>The result again, its artifact opened from disk.</summary>
    public static StageResult ToResult(IStage kind, ResultData data) => new(kind.Open(data.Folder), data.Summary)
    {
        WorkSeconds = data.WorkSeconds,
        Items = data.Items,
        Device = data.Device,
        AccuracyPlain = data.AccuracyPlain,
        AccuracyTta = data.AccuracyTta,
        Precision = data.Precision,
        Rates = data.Rates,
    };

    private static GroupType GroupOf(IStage kind) => new(kind.OptionsType, OptionFields.Of(kind.OptionsType));
}
