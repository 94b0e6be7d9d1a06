using Airbench.Pipeline;

namespace Airbench.Tests;

/// <summary>A stage put together from functions, for tests that each need another one.</summary>
internal sealed class FakeStage<TOptions, TArtifact>(string uses) : Stage<TOptions, TArtifact>
    where TOptions : class, new()
    where TArtifact : Artifact
{
    public string About { get; init; } = "A stage of a test.";
    public IReadOnlyList<Type> Takes { get; init; } = [];
    public IReadOnlyList<Type> MayTake { get; init; } = [];
    public string? NeverStands { get; init; }
    public required Func<StageContext, TOptions, string> Folder { get; init; }
    public required Func<string, TArtifact> Opener { get; init; }
    public required Func<StageContext, TOptions, StageResult> Work { get; init; }
    public Func<TOptions, IEnumerable<string>> Checker { get; init; } = _ => [];
    public Func<TOptions, IReadOnlyList<Type>> Demands { get; init; } = _ => [];
    public Func<TOptions, DeviceUse> Device { get; init; } = _ => DeviceUse.Takes;
    public Func<StageContext, TOptions, Fingerprint>? Decides { get; init; }
    public Func<TArtifact, string?> Change { get; init; } = _ => null;

    public override string Uses => uses;
    public override string Description => About;
    public override IReadOnlyList<Type> Inputs => Takes;
    public override IReadOnlyList<Type> OptionalInputs => MayTake;
    public override string? AlwaysRuns => NeverStands;
    public override StageResult Run(StageContext context, TOptions options) => Work(context, options);
    public override IEnumerable<string> Check(TOptions options) => Checker(options);
    public override IReadOnlyList<Type> InputsFor(TOptions options) => Demands(options);
    public override string OutputFolder(StageContext context, TOptions options) => Folder(context, options);
    public override TArtifact Open(string folder) => Opener(folder);
    public override DeviceUse UseOf(TOptions options) => Device(options);
    public override Fingerprint Fingerprint(StageContext context, TOptions options) => Decides?.Invoke(context, options) ?? base.Fingerprint(context, options);
    public override string? ChangedChoice(StageContext context, TOptions options, TArtifact earlier) => Change(earlier);
}
