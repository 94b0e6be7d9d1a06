namespace Airbench;

/// <summary><c>benchmark.csv</c>: a row a training run, or a row a provider and batch size.</summary>
internal static class BenchmarkTable
{
    public static void Write(string path, BenchmarkReport report)
    {
        if (report.Train is { } train)
        {
            Csv.Write(
                path,
                ["seed", "accuracy_plain", "accuracy_tta", "seconds", "train_seconds", "steps", "steps_per_second", "usd"],
                train.Runs.Select(run => (object?[])
                [
                    run.Seed, run.AccuracyPlain, run.AccuracyTta, run.Seconds, run.TrainSeconds, run.Steps, run.Steps / run.Seconds,
                    run.Seconds / 3600 * train.UsdPerHour,
                ]));
        }
        else
        {
            Csv.Write(
                path,
                ["device", "provider", "batch_size", "calls", "p50_ms", "p90_ms", "p99_ms", "images_per_second"],
                (report.Model?.Rows ?? []).Select(row => (object?[])
                [
                    row.Device, row.Provider, row.BatchSize, row.Calls, row.P50Ms, row.P90Ms, row.P99Ms, row.ImagesPerSecond,
                ]));
        }
    }
}
