using System.Globalization;

namespace Airbench.Cli;

/// <summary>How far a task is, how fast, and how long it will take, from its start in this process.</summary>
/// <param name="time">Clock.</param>
/// <param name="total">When the task is done.</param>
/// <param name="unit">Of what.</param>
/// <param name="before">What was done before the start, and so is no measure of speed.</param>
internal sealed class Rate(TimeProvider time, long total, string unit, long before = 0)
{
    private const string Bytes = "bytes";

    private readonly long _start = time.GetTimestamp();
    private long _before = before;

    public TimeSpan Elapsed => time.GetElapsedTime(_start);

    /// <summary>"123/476 steps, 0.86/s, 6:20 left, loss 1.234"; bytes are shown as megabytes: "12.3/170.5 MB, 4.1 MB/s, 0:38 left".</summary>
    public string Describe(long done, string? detail)
    {
        var amount = unit == Bytes ? $"{Megabytes(done)}/{Megabytes(total)} MB" : string.Create(CultureInfo.InvariantCulture, $"{done:N0}/{total:N0} {unit}");
        return $"{amount}, {Speed(done)}{(detail is null ? "" : $", {detail}")}";
    }

    /// <summary>"6:20", or "1:06:20" from an hour on.</summary>
    public static string Clock(TimeSpan span) =>
        span.TotalHours >= 1
            ? string.Create(CultureInfo.InvariantCulture, $"{(int)span.TotalHours}:{span.Minutes:00}:{span.Seconds:00}")
            : string.Create(CultureInfo.InvariantCulture, $"{span.Minutes}:{span.Seconds:00}");

    private string Speed(long done)
    {
        _before = Math.Min(_before, done);   // a server may not go on with a download
        var seconds = Elapsed.TotalSeconds;
        if (done <= _before || seconds <= 0)
        {
            return "starting";
        }
        var rate = (done - _before) / seconds;
        var left = TimeSpan.FromSeconds(Math.Max(0, total - done) / rate);
        var shown = unit == Bytes ? $"{Megabytes(rate)} MB/s"
            : rate >= 100 ? $"{rate.ToString("N0", CultureInfo.InvariantCulture)}/s"
            : string.Create(CultureInfo.InvariantCulture, $"{rate:0.00}/s");
        return $"{shown}, {Clock(left)} left";
    }

    private static string Megabytes(double bytes) => (bytes / 1e6).ToString("#,0.0", CultureInfo.InvariantCulture);
}
