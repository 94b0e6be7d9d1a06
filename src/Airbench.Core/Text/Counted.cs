using System.Globalization;

namespace Airbench;

/// <summary>Numbers with their nouns.</summary>
public static class Counted
{
    /// <summary>"1 image", "1,200 images".</summary>
    public static string Of(long count, string noun) => string.Create(CultureInfo.InvariantCulture, $"{count:N0} {Plural(count, noun)}");

    /// <summary>"1 of 1 image is", "1 of 200 images is", "2 of 200 images are".</summary>
    public static string Are(long part, long count, string noun) =>
        string.Create(CultureInfo.InvariantCulture, $"{part:N0} of {Of(count, noun)} {(part == 1 ? "is" : "are")}");

    private static string Plural(long count, string noun) => count == 1 ? noun : noun.EndsWith('s') || noun.EndsWith("ch", StringComparison.Ordinal) ? $"{noun}es" : $"{noun}s";
}
