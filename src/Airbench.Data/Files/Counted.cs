using System.Globalization;

namespace Airbench.Data;

/// <summary>Numbers with their nouns.</summary>
internal static class Counted
{
    /// <summary>"1 image", "1,200 images".</summary>
    public static string Of(long count, string noun) => string.Create(CultureInfo.InvariantCulture, $"{count:N0} {noun}{(count == 1 ? "" : "s")}");

    /// <summary>"1 image is", "1,200 images are".</summary>
    public static string Are(long count, string noun) => $"{Of(count, noun)} {(count == 1 ? "is" : "are")}";
}
