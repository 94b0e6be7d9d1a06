using CsCheck;

namespace Airbench.Tests;

/// <summary>Property tests over the same random cases on every run: CsCheck's own sampling takes new ones each time, and a test must not come and go.</summary>
internal static class FixedCases
{
    private const int DefaultCases = 100;

    /// <summary>The first <paramref name="count"/> cases of a generator.</summary>
    public static IEnumerable<T> Cases<T>(this Gen<T> generator, int count)
    {
        var random = new PCG(stream: 1, seed: 20260101);
        for (var i = 0; i < count; i++)
        {
            yield return generator.Generate(random, null!, out _);
        }
    }

    /// <summary>Checks a property; a failure says which case it was.</summary>
    public static void ForEachCase<T>(this Gen<T> generator, Action<T> property, int cases = DefaultCases)
    {
        foreach (var (number, value) in generator.Cases(cases).Index())
        {
            try
            {
                property(value);
            }
            catch (Exception e)
            {
                throw new InvalidOperationException($"the property fails for case {number}: {Check.Print(value)}", e);
            }
        }
    }

    public static void ForEachCase<T1, T2>(this Gen<(T1, T2)> generator, Action<T1, T2> property, int cases = DefaultCases) =>
        generator.ForEachCase(t => property(t.Item1, t.Item2), cases);

    public static void ForEachCase<T1, T2, T3>(this Gen<(T1, T2, T3)> generator, Action<T1, T2, T3> property, int cases = DefaultCases) =>
        generator.ForEachCase(t => property(t.Item1, t.Item2, t.Item3), cases);

    public static void ForEachCase<T1, T2, T3, T4>(
        this Gen<(T1, T2, T3, T4)> generator, Action<T1, T2, T3, T4> property, int cases = DefaultCases) =>
        generator.ForEachCase(t => property(t.Item1, t.Item2, t.Item3, t.Item4), cases);

    public static void ForEachCase<T1, T2, T3, T4, T5>(
        this Gen<(T1, T2, T3, T4, T5)> generator, Action<T1, T2, T3, T4, T5> property, int cases = DefaultCases) =>
        generator.ForEachCase(t => property(t.Item1, t.Item2, t.Item3, t.Item4, t.Item5), cases);
}
