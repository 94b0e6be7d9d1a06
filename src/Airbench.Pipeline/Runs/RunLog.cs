using System.Globalization;

namespace Airbench.Pipeline;

/// <summary>
/// <c>log.txt</c>: every line with its UTC time and kind, with the system as soon as it is said. Stages may write from several threads.
/// </summary>
internal sealed class RunLog(Stream stream, TimeProvider time) : IDisposable
{
    private readonly Lock _lock = new();
    private readonly StreamWriter _writer = new(stream) { AutoFlush = true, NewLine = "\n" };   // UTF-8 without a mark

    public void Write(string kind, string text)
    {
        var stamp = time.GetUtcNow().ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture);
        lock (_lock)
        {
            foreach (var line in text.ReplaceLineEndings("\n").Split('\n'))
            {
                _writer.WriteLine($"{stamp} {kind,-5} {Quote.OneLine(line)}");
            }
        }
    }

    public void Dispose() => _writer.Dispose();
}

/// <summary>Passes everything on and writes the lines to the run's log; progress counts are for eyes alone.</summary>
internal sealed class LoggedProgress(IProgress inner, RunLog log) : IProgress
{
    public void Info(string line)
    {
        log.Write("info", line);
        inner.Info(line);
    }

    public void Warn(string line)
    {
        log.Write("warn", line);
        inner.Warn(line);
    }

    public IProgressTask Start(string what, long total, string unit, long done = 0) => inner.Start(what, total, unit, done);
}

/// <summary>Says which stage it is, for stages that run side by side.</summary>
internal sealed class NamedProgress(IProgress inner, string stage) : IProgress
{
    public void Info(string line) => inner.Info(Named(line));

    public void Warn(string line) => inner.Warn(Named(line));

    public IProgressTask Start(string what, long total, string unit, long done = 0) => inner.Start(what == stage ? what : $"{stage}: {what}", total, unit, done);

    private string Named(string text) => $"{stage}: {text.ReplaceLineEndings($"\n{stage}: ")}";
}
