using System.Text.RegularExpressions;

namespace Airbench.Pipeline;

/// <summary>Names of pipelines, stages and artifacts: each is also a folder name on every system.</summary>
public static partial class Names
{
    /// <summary>Regular expression of a name, for the schema.</summary>
    public const string Pattern = "^[a-z0-9][a-z0-9_.-]{0,63}$";

    /// <summary>What a name has to be.</summary>
    public const string Expected = "1 to 64 of a-z, 0-9, '_', '-' and '.', starting with a letter or digit";

    // Not Pattern itself: in .NET "$" also matches before a line break at the end.
    [GeneratedRegex(@"^[a-z0-9][a-z0-9_.-]{0,63}\z", RegexOptions.CultureInvariant)]
    private static partial Regex Allowed { get; }

    /// <summary>Why <paramref name="name"/> cannot be used, as "found; expected", or null where it can.</summary>
    public static string? Problem(string name) =>
        Allowed.IsMatch(name) ? FileName.Problem(name) : $"found {Quote.Show(name)}; expected {Expected}";
}
