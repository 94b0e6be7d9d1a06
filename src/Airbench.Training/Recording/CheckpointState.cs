using System.ComponentModel.DataAnnotations;

namespace Airbench.Training;

/// <summary>The numbers of a checkpoint, <c>checkpoint.json</c>; its tensors are stored beside it.</summary>
/// <param name="Key">Hash of everything that decides the weights: only a training with the same one may go on from here.</param>
/// <param name="Run">Index of the run under way.</param>
/// <param name="Step">Steps done.</param>
/// <param name="Seconds">Seconds done, by the <c>airbench</c> protocol.</param>
/// <param name="Meter">What the epoch under way has measured.</param>
/// <param name="Curve">Rows of <c>curve.csv</c> so far.</param>
/// <param name="Results">Runs done.</param>
internal sealed record CheckpointState(
    string Key, [property: Range(0, int.MaxValue)] int Run, [property: Range(0, int.MaxValue)] int Step, [property: Range(0, double.MaxValue)] double Seconds,
    EpochMeter.Readings Meter, IReadOnlyList<CurvePoint> Curve, IReadOnlyList<RunResult> Results)
{
    /// <summary>SHA-256 of the tensors' file; null in a checkpoint of an earlier version.</summary>
    public string? TensorsSha256 { get; init; }

    /// <summary>SHA-256 of all the rest; null in a checkpoint of an earlier version.</summary>
    public string? Sha256 { get; init; }

    /// <summary>Whether nothing was changed since <see cref="Sealed"/>.</summary>
    public bool IsSealed() => Sha256 == Sum();

    /// <summary>The same with its checksums.</summary>
    /// <param name="tensorsFile">Holds the tensors.</param>
    public CheckpointState Sealed(string tensorsFile)
    {
        var whole = this with { TensorsSha256 = Hash.OfFile(tensorsFile) };
        return whole with { Sha256 = whole.Sum() };
    }

    /// <summary>Why no training by <paramref name="plan"/> can have left this; null where one can.</summary>
    /// <param name="plan">Steps and epochs of a run.</param>
    /// <param name="seed">Of the first run.</param>
    public string? Problem(TrainingPlan plan, int seed)
    {
        var epochs = (plan.TotalSteps + plan.StepsPerEpoch - 1) / plan.StepsPerEpoch;
        return Step >= plan.TotalSteps ? FormattableString.Invariant($"step: {Step}; expected less than the {plan.TotalSteps} steps of a run")
            : Results.Count != Run ? FormattableString.Invariant($"results: {Results.Count}; expected {Run}, one for each run before this one")
            : Results.Index().Any(result => result.Item.Steps != plan.TotalSteps || result.Item.Seed != seed + result.Index) ? "results: of other seeds or steps than the runs have"
            : Curve.Count != ((long)Run * epochs) + (Step / plan.StepsPerEpoch) ? FormattableString.Invariant($"curve: {Curve.Count} rows; expected one for each epoch that ended")
            : Meter.Losses.Count != Step % plan.StepsPerEpoch ? FormattableString.Invariant($"meter.losses: {Meter.Losses.Count}; expected one for each step of the epoch")
            : Meter.Correct > Meter.Examples ? FormattableString.Invariant($"meter.correct: {Meter.Correct}; expected at most the {Meter.Examples} examples")
            : null;
    }

    private string Sum() => Hash.OfText(Json.Write(this with { Sha256 = null }));
}
