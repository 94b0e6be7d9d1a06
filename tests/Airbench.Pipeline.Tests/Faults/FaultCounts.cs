using System.Collections.Concurrent;
using System.Globalization;

namespace Airbench.Tests.Faults;

/// <summary>What the fault tests did, for the end of the tests and for docs/results.md: TestResults/faults.txt beside the test program.</summary>
internal static class FaultCounts
{
    private static readonly ConcurrentDictionary<string, int> Counts = new(StringComparer.Ordinal);
    private static readonly Lock Writing = new();

    public static void Add(string what, int count)
    {
        Counts.AddOrUpdate(what, count, (_, before) => before + count);
        lock (Writing)
        {
            var folder = Directory.CreateDirectory(Path.Combine(AppContext.BaseDirectory, "TestResults")).FullName;
            File.WriteAllLines(
                Path.Combine(folder, "faults.txt"),
                Counts.OrderBy(entry => entry.Key, StringComparer.Ordinal)
                    .Select(entry => string.Create(CultureInfo.InvariantCulture, $"{entry.Value,6} {entry.Key}")));
        }
        TestContext.Current.TestOutputHelper?.WriteLine($"{what}: {count}");
    }
}
