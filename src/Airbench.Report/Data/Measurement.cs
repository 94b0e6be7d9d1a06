namespace Airbench.Report;

/// <summary>A number of a run as other tools keep it.</summary>
/// <param name="Group">Stage that measured it, and the training run where there are several: "train", "train/run-2".</param>
/// <param name="Name">What it is: "train_loss".</param>
/// <param name="Step">Optimizer step; 0 where the number stands at the end.</param>
/// <param name="Time">When, UTC.</param>
/// <param name="Value">The number; may be infinite or not a number.</param>
internal sealed record Measurement(string Group, string Name, long Step, DateTime Time, double Value)
{
    /// <summary>Learning curves, then what each evaluation and each stage came to.</summary>
    public static IEnumerable<Measurement> Of(Run run)
    {
        foreach (var (stage, curve) in run.Curves.OrderBy(curve => curve.Key, StringComparer.Ordinal))
        {
            var start = Start(run, stage);
            if (run.Times.All(time => time.Stage != stage))
            {
                continue;   // trained by an earlier run, which has it
            }
            var several = curve.Any(point => point.Run != curve[0].Run);
            foreach (var point in curve)
            {
                var group = several ? FormattableString.Invariant($"{stage}/run-{point.Run + 1}") : stage;
                var time = start.AddSeconds(point.Seconds is { } seconds && double.IsFinite(seconds) ? seconds : 0);
                foreach (var (name, value) in Values(point))
                {
                    yield return new Measurement(group, name, (long)point.Step, time, value);
                }
            }
        }
        foreach (var evaluation in run.Evaluations)
        {
            var (metrics, end) = (evaluation.Metrics, End(run, evaluation.Stage));
            var group = evaluation.Name.Replace(": ", "/", StringComparison.Ordinal);
            (string, double)[] values = [("accuracy", metrics.Accuracy), ("accuracy_plain", metrics.AccuracyPlain), ("nll", metrics.Nll), ("ece", metrics.Ece), ("images_per_second", metrics.ImagesPerSecond)];
            foreach (var (name, value) in values)
            {
                yield return new Measurement(group, name, 0, end, value);
            }
        }
        foreach (var time in run.Times)
        {
            yield return new Measurement(time.Stage, "wall_seconds", 0, End(run, time.Stage), time.WallSeconds);
        }
    }

    /// <summary>Start of a stage; of the run where the stage has none.</summary>
    public static DateTime Start(Run run, string? stage = null) =>
        run.Times.FirstOrDefault(time => time.Stage == stage && time.Started is not null)?.Started
        ?? run.Times.FirstOrDefault(time => time.Started is not null)?.Started ?? DateTime.UnixEpoch;

    /// <summary>End of the last attempt at a stage, or of the run.</summary>
    public static DateTime End(Run run, string? stage = null) => run.Times
        .Where(time => time.Started is not null && (stage is null || time.Stage == stage))
        .Select(time => time.Started!.Value.AddSeconds(time.WallSeconds)).DefaultIfEmpty(Start(run)).Max();

    private static IEnumerable<(string Name, double Value)> Values(CurvePoint point)
    {
        (string Name, double? Value)[] values =
        [
            ("train_loss", point.TrainLoss), ("train_accuracy", point.TrainAccuracy), ("validation_accuracy", point.ValidationAccuracy),
            ("validation_loss", point.ValidationLoss), ("held_out_accuracy", point.HeldOutAccuracy), ("held_out_loss", point.HeldOutLoss), ("lr", point.LearningRate),
        ];
        foreach (var (name, value) in values)
        {
            if (value is { } number)
            {
                yield return (name, number);
            }
        }
    }
}
