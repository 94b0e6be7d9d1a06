using System.Globalization;

namespace Airbench.Report;

/// <summary>Numbers as people read them: invariant, with units, and a dash for what is not known or not finite.</summary>
internal static class Format
{
    public const string None = "–";

    /// <summary>Shortest form for attributes: "12.5".</summary>
    public static string Plain(double value) => Math.Round(value, 2).ToString("0.##", CultureInfo.InvariantCulture);

    /// <summary>A share as "94.38%".</summary>
    public static string Percent(double? share, int decimals = 2) => share is { } value && double.IsFinite(value)
        ? (value * 100).ToString(decimals switch { 0 => "0", 1 => "0.0", _ => "0.00" }, CultureInfo.InvariantCulture) + "%"
        : None;

    /// <summary>A difference of shares as "+0.31 points".</summary>
    public static string Points(double share, bool unit = true) => double.IsFinite(share)
        ? (share * 100).ToString("+0.00;−0.00;0.00", CultureInfo.InvariantCulture) + (unit ? " points" : "")
        : None;

    /// <summary>Both ends of an interval of a share: "94.1% to 95.2%".</summary>
    public static string Range(double low, double high) => $"{Percent(low)} to {Percent(high)}";

    /// <summary>A count as "10,000".</summary>
    public static string Count(long value) => value.ToString("N0", CultureInfo.InvariantCulture);

    /// <summary>A number with so many decimals.</summary>
    public static string Number(double? value, string format) =>
        value is { } number && double.IsFinite(number) ? number.ToString(format, CultureInfo.InvariantCulture) : None;

    /// <summary>Seconds as "12.3 s", "4 min 05 s" or "2 h 07 min".</summary>
    public static string Seconds(double? seconds)
    {
        if (seconds is not { } value || !double.IsFinite(value))
        {
            return None;
        }
        if (value < 99.95)
        {
            return Number(value, value < 0.995 ? "0.00" : "0.0") + " s";
        }
        var whole = (long)Math.Round(value);
        return whole < 3600
            ? string.Create(CultureInfo.InvariantCulture, $"{whole / 60} min {whole % 60:00} s")
            : string.Create(CultureInfo.InvariantCulture, $"{whole / 3600} h {whole / 60 % 60:00} min");
    }

    /// <summary>Bytes as "7.9 MB" (10^6).</summary>
    public static string Bytes(long bytes) => bytes switch
    {
        < 1000 => $"{bytes} B",
        < 1_000_000 => Number(bytes / 1e3, "0.0") + " kB",
        < 1_000_000_000 => Number(bytes / 1e6, "0.0") + " MB",
        _ => Number(bytes / 1e9, "0.00") + " GB",
    };

    /// <summary>US dollars; four decimals below one, as a run of seconds costs less than a cent.</summary>
    public static string Dollars(double? usd) =>
        usd is { } value && double.IsFinite(value) ? "$" + value.ToString(value < 1 ? "0.0000" : "#,0.00", CultureInfo.InvariantCulture) : None;

    /// <summary>The first twelve digits of a hash.</summary>
    public static string Hash(string sha256) => sha256.Length > 12 ? sha256[..12] : sha256;
}
