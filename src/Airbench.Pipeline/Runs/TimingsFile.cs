using System.Globalization;
using CsvHelper;

namespace Airbench.Pipeline;

/// <summary><c>timings.csv</c>: one row per stage and attempt, on disk when the stage ends, failures and cancellations included.</summary>
internal sealed class TimingsFile : IDisposable
{
    public const string Name = "timings.csv";

    private static readonly string[] Columns =
    [
        "run_id", "pipeline", "stage", "uses", "status", "started_utc", "wall_seconds", "work_seconds",
        "items", "items_per_second", "device", "peak_rss_mb", "usd", "error",
        "precision", "bf16_gflops", "fp32_gflops",
    ];

    private readonly Lock _lock = new();
    private readonly FileStream _stream;
    private readonly CsvWriter _csv;

    public TimingsFile(string path)
    {
        _stream = new FileStream(path, FileMode.CreateNew, FileAccess.Write, FileShare.Read);
        _csv = CsvWriter.Create(_stream, Csv.Options);
        Row(Columns);
    }

    /// <summary>Adds the row of a stage that ended.</summary>
    public void Append(string runId, string pipeline, StageReport report, DateTimeOffset started)
    {
        var result = report.Status == RunStatus.Cached ? null : report.Result;   // what an earlier run worked is in its own file

        // The rate is of the work where the stage measured it, else of the whole stage.
        var seconds = result?.WorkSeconds ?? report.WallSeconds;
        var rate = result?.Items is { } items && seconds > 0 ? items / seconds : (double?)null;
        Row(
        [
            runId,
            pipeline,
            report.Stage.Key,
            report.Stage.Kind.Uses,
            report.Status.ToString().ToLowerInvariant(),
            started.ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture),
            Number<double>(report.WallSeconds, "F3"),
            Number(result?.WorkSeconds, "F3"),
            Number(result?.Items, "D"),
            Number(rate, "F1"),
            result?.Device,
            Number(report.PeakMegabytes, "D"),
            Number(report.Usd, "F6"),
            report.Error is { } error ? Quote.OneLine(error) : null,   // a row stays a line
            result?.Precision,
            Number(result?.Rates?.Bf16Gflops, "F1"),
            Number(result?.Rates?.Fp32Gflops, "F1"),
        ]);
    }

    public void Dispose() => _csv.Dispose();   // with its stream

    private void Row(string?[] fields)
    {
        lock (_lock)
        {
            _csv.WriteRecord(fields);
            _csv.Flush();
            _stream.Flush(flushToDisk: true);
        }
    }

    private static string? Number<T>(T? value, string format) where T : struct, IFormattable =>
        value?.ToString(format, CultureInfo.InvariantCulture);
}
