namespace Airbench.Tests.Faults;

/// <summary>Processes that a process started, by /proc.</summary>
internal static class Children
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    public static IReadOnlyList<int> Of(int parent) =>
        [.. Directory.EnumerateDirectories("/proc").Select(Path.GetFileName).Where(name => int.TryParse(name, out _)).Select(name => int.Parse(name!, null))
            .Where(id => ParentOf(id) == parent)];

    /// <summary>Waits until none of them lives; a zombie that nobody has buried is dead enough.</summary>
    public static void WaitForEnd(IEnumerable<int> processes)
    {
        var deadline = Environment.TickCount64 + (long)Patience.TotalMilliseconds;
        foreach (var id in processes)
        {
            while (ParentOf(id) is not null)
            {
                Assert.True(Environment.TickCount64 < deadline, $"process {id} still lives");
                Thread.Sleep(1);
            }
        }
    }

    /// <summary>Null where it does not live.</summary>
    private static int? ParentOf(int id)
    {
        try
        {
            var stat = File.ReadAllText($"/proc/{id}/stat");   // "123 (name) S 1 ...": state and parent behind the name
            var fields = stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
            return fields[0] is "Z" or "X" ? null : int.Parse(fields[1], null);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }
}
