namespace Airbench.Report;

/// <summary>A row of <c>curve.csv</c>: the state after an epoch of one training. What was not measured is null.</summary>
internal sealed record CurvePoint(
    int Run, double Epoch, double Step, double? LearningRate, double? TrainLoss, double? TrainAccuracy, double? ValidationAccuracy, double? Seconds)
{
    /// <summary>Mean cross-entropy of the test split, nats; null also in curves of earlier versions.</summary>
    public double? ValidationLoss { get; init; }

    /// <summary>Share of right answers on the images held out of a fine-tuning.</summary>
    public double? HeldOutAccuracy { get; init; }

    /// <summary>Mean loss of the images held out of a fine-tuning, nats.</summary>
    public double? HeldOutLoss { get; init; }

    public static IReadOnlyList<CurvePoint> Read(string path) =>
    [
        .. new Columns(path).Rows()
            .Where(row => row.Number("epoch") is { } epoch && double.IsFinite(epoch))
            .Select(row => new CurvePoint(
                (int)Math.Clamp(row.Number("run") ?? 0, 0, int.MaxValue), row.Number("epoch")!.Value, row.Number("step") ?? 0, row.Number("lr"),
                row.Number("train_loss"), row.Number("train_accuracy"), row.Number("validation_accuracy"), row.Number("seconds"))
            {
                ValidationLoss = row.Number("validation_loss"),
                HeldOutAccuracy = row.Number("held_out_accuracy"),
                HeldOutLoss = row.Number("held_out_loss"),
            }),
    ];
}
