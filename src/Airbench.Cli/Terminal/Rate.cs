using System.Globalization;

namespace Airbench.Cli.Terminal;

/// <summary>Rate and time left of a task, from its start.</summary>
internal sealed class Rate(TimeProvider time, long total)
{
    private readonly long _start = time.GetTimestamp();

    public TimeSpan Elapsed => time.GetElapsedTime(_start);

    /// <summary>"0.86/s, 6:20 left".</summary>
    public string Describe(long done)
    {
        var seconds = Elapsed.TotalSeconds;
        if (done <= 0 || seconds <= 0)
        {
            return "starting";
        }
        var rate = done / seconds;
        var left = TimeSpan.FromSeconds(Math.Max(0, total - done) / rate);
        var shownRate = rate >= 100 ? $"{rate.ToString("N0", CultureInfo.InvariantCulture)}/s" : string.Create(CultureInfo.InvariantCulture, $"{rate:0.00}/s");
        return $"{shownRate}, {Clock(left)} left";
    }

    /// <summary>"6:20", or "1:06:20" from an hour on.</summary>
    public static string Clock(TimeSpan span) =>
        span.TotalHours >= 1
            ? string.Create(CultureInfo.InvariantCulture, $"{(int)span.TotalHours}:{span.Minutes:00}:{span.Seconds:00}")
            : string.Create(CultureInfo.InvariantCulture, $"{span.Minutes}:{span.Seconds:00}");
}
