using System.Globalization;
using System.Text.RegularExpressions;
using Airbench.Pipeline;

namespace Airbench.Cli;

/// <summary>How much of earlier results is kept: "20GB", "500MB", "0".</summary>
internal static partial class CacheLimit
{
    /// <summary>Environment variable that says it for every run.</summary>
    public const string Variable = "AIRBENCH_CACHE_LIMIT";

    private const string Expected = "expected a number of bytes, or of KB, MB, GB or TB, for example 20GB; 0 keeps nothing";

    [GeneratedRegex(@"^([0-9]{1,15}(?:\.[0-9]{1,6})?) ?([KMGT]?)B?\z", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant)]
    private static partial Regex Size { get; }

    /// <summary>From <see cref="Variable"/>, or the default.</summary>
    /// <exception cref="ConfigurationException">It is no size.</exception>
    public static long FromEnvironment() =>
        Environment.GetEnvironmentVariable(Variable) is { Length: > 0 } text ? Parse(Variable, text) : ResultStore.DefaultLimit;

    /// <summary>Bytes that <paramref name="text"/> stands for; units are powers of 1000.</summary>
    /// <exception cref="ConfigurationException">It is no size; the message begins with <paramref name="where"/>.</exception>
    public static long Parse(string where, string text)
    {
        var match = Size.Match(text.Trim());
        if (!match.Success)
        {
            throw new ConfigurationException($"{where}: found '{text}'; {Expected}");
        }
        var power = match.Groups[2].Value.ToUpperInvariant() switch { "K" => 3, "M" => 6, "G" => 9, "T" => 12, _ => 0 };
        return (long)Math.Min(long.MaxValue / 2, double.Parse(match.Groups[1].Value, CultureInfo.InvariantCulture) * Math.Pow(10, power));
    }
}
