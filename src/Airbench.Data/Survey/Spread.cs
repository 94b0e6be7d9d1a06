namespace Airbench.Data;

/// <summary>Least, middle and greatest of some numbers.</summary>
public sealed record Spread(int Min, int Median, int Max)
{
    /// <summary>Of at least one number; of an even count, the lower of the two in the middle.</summary>
    public static Spread Of(IEnumerable<int> numbers)
    {
        var sorted = numbers.Order().ToArray();
        return new(sorted[0], sorted[(sorted.Length - 1) / 2], sorted[^1]);
    }
}
