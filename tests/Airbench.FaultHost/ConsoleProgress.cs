namespace Airbench.FaultHost;

/// <summary>Every event as a line, counts included.</summary>
internal sealed class ConsoleProgress : IProgress
{
    public void Info(string line) => Console.WriteLine(line);

    public void Warn(string line) => Console.WriteLine($"warning: {line}");

    public IProgressTask Start(string what, long total, string unit, long done = 0)
    {
        Console.WriteLine($"task {what}: {total} {unit}");
        return new Task(what);
    }

    private sealed class Task(string what) : IProgressTask
    {
        public void Report(long done, string? detail) => Console.WriteLine($"task {what}: at {done} {detail}".TrimEnd());

        public void Dispose() => Console.WriteLine($"task {what}: ended");
    }
}
