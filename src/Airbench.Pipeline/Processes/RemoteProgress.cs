namespace Airbench.Pipeline;

/// <summary>The near end of the events of a stage's process.</summary>
internal sealed class StageEventWriter(Stream stream) : IDisposable
{
    private readonly Lock _lock = new();
    private readonly StreamWriter _writer = new(stream) { AutoFlush = true, NewLine = "\n" };

    public void Write(StageEvent message)
    {
        var line = StageMessages.Write(message);
        lock (_lock)
        {
            _writer.WriteLine(line);
        }
    }

    public void Dispose() => _writer.Dispose();
}

/// <summary>Progress that is shown by another process.</summary>
internal sealed class RemoteProgress(StageEventWriter events) : IProgress
{
    private int _tasks;

    public void Info(string line) => events.Write(new LineEvent(line, IsWarning: false));

    public void Warn(string line) => events.Write(new LineEvent(line, IsWarning: true));

    public IProgressTask Start(string what, long total, string unit, long done = 0)
    {
        var task = new RemoteTask(events, Interlocked.Increment(ref _tasks));
        events.Write(new TaskStartEvent(task.Id, what, total, unit, done));
        return task;
    }

    /// <summary>Tells at most twenty counts a second, as many as an eye can use, and the last.</summary>
    private sealed class RemoteTask(StageEventWriter events, int id) : IProgressTask
    {
        private const long MillisecondsBetween = 50;

        private long _told = long.MinValue / 2;
        private TaskReportEvent? _untold;

        public int Id => id;

        public void Report(long done, string? detail)
        {
            var report = new TaskReportEvent(id, done, detail);
            var now = Environment.TickCount64;
            if (now - _told >= MillisecondsBetween)
            {
                (_told, _untold) = (now, null);
                events.Write(report);
            }
            else
            {
                _untold = report;
            }
        }

        public void Dispose()
        {
            if (_untold is { } last)
            {
                events.Write(last);
            }
            events.Write(new TaskEndEvent(id));
        }
    }
}

/// <summary>The far end: shows what the process of a stage tells.</summary>
internal sealed class RelayedProgress(IProgress progress) : IDisposable
{
    private readonly Dictionary<int, IProgressTask> _tasks = [];

    public void Show(StageEvent message)
    {
        switch (message)
        {
            case LineEvent line when line.IsWarning:
                progress.Warn(line.Text);
                break;
            case LineEvent line:
                progress.Info(line.Text);
                break;
            case TaskStartEvent start:
                _tasks.Add(start.Task, progress.Start(start.What, start.Total, start.Unit, start.Done));
                break;
            case TaskReportEvent report:
                _tasks[report.Task].Report(report.Done, report.Detail);
                break;
            case TaskEndEvent end when _tasks.Remove(end.Task, out var task):
                task.Dispose();
                break;
        }
    }

    /// <summary>Ends the tasks that a process which died left open.</summary>
    public void Dispose()
    {
        foreach (var task in _tasks.Values)
        {
            task.Dispose();
        }
    }
}
