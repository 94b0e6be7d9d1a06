namespace Airbench;

/// <summary>Numbers for red, green and blue.</summary>
internal static class Channels
{
    /// <summary>What is wrong with their number.</summary>
    public static IEnumerable<string> Problems(string member, IReadOnlyList<double> values) =>
        values.Count == 3 ? [] : [FormattableString.Invariant($"{member}: {values.Count} numbers; expected 3, for red, green and blue")];
}
