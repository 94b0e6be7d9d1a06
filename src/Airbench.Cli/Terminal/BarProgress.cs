using System.Collections.Concurrent;
using Spectre.Console;
using Spectre.Console.Rendering;

namespace Airbench.Cli;

/// <summary>Progress as bars on a terminal, one for each task under way; lines appear above them.</summary>
internal sealed class BarProgress(IAnsiConsole console, TimeProvider time) : IProgress
{
    /// <summary>Below so many columns the bar is short, so that numbers and time left stay on its line.</summary>
    private const int NarrowWidth = 100;

    private readonly Lock _lock = new();
    private Display? _display;

    public void Info(string line) => console.WriteLine(Quote.Lines(line));

    public void Warn(string line) => console.MarkupLineInterpolated($"[yellow]warning:[/] {Quote.Lines(line)}");

    public IProgressTask Start(string what, long total, string unit, long done = 0)
    {
        lock (_lock)
        {
            _display ??= new Display(console);   // a terminal has room for one; the tasks of stages that run side by side share it
            return _display.Add(this, what, total, new Count(new Rate(time, total, unit, done)) { Done = done });
        }
    }

    private void End(ProgressTask task)
    {
        lock (_lock)
        {
            if (_display!.Remove(task))
            {
                _display = null;
            }
        }
    }

    /// <summary>Spectre draws from a task of its own for as long as <see cref="_ended"/> is open.</summary>
    private sealed class Display
    {
        private readonly TaskCompletionSource _ended = new();
        private readonly Counts _counts = new();
        private readonly ProgressContext _context;
        private readonly Task _drawing;
        private int _open;

        public Display(IAnsiConsole console)
        {
            var started = new TaskCompletionSource<ProgressContext>();
            _drawing = console.Progress()
                .AutoClear(true)
                .HideCompleted(true)
                .Columns(new TaskDescriptionColumn(), new ProgressBarColumn { Width = console.Profile.Width < NarrowWidth ? 10 : 20 }, _counts)
                .StartAsync(async context =>
                {
                    started.SetResult(context);
                    await _ended.Task;
                });
            _context = started.Task.GetAwaiter().GetResult();
        }

        public IProgressTask Add(BarProgress owner, string what, long total, Count count)
        {
            // A task at its maximum counts as ended and is hidden: one that is done and still open is a hair below.
            var task = _context.AddTask(Markup.Escape(what), new ProgressTaskSettings { AutoStart = false, MaxValue = Math.Max(1, total) + 1e-6 });
            _counts.Of[task.Id] = count;
            task.Value = count.Done;
            task.StartTask();
            _open++;
            return new Bar(owner, task, count);
        }

        /// <summary>Whether it was the last, with which the display ends.</summary>
        public bool Remove(ProgressTask task)
        {
            task.StopTask();
            if (--_open > 0)
            {
                return false;
            }
            _ended.SetResult();
            _drawing.GetAwaiter().GetResult();
            return true;
        }
    }

    private sealed class Bar(BarProgress owner, ProgressTask task, Count count) : IProgressTask
    {
        private bool _ended;

        public void Report(long done, string? detail)
        {
            (count.Done, count.Detail) = (done, detail);
            task.Value = done;
        }

        public void Dispose()
        {
            if (!_ended)
            {
                _ended = true;
                owner.End(task);
            }
        }
    }

    /// <summary>How far a task is.</summary>
    private sealed class Count(Rate rate)
    {
        public long Done { get; set; }

        public string? Detail { get; set; }

        public override string ToString() => rate.Describe(Done, Detail);
    }

    private sealed class Counts : ProgressColumn
    {
        public ConcurrentDictionary<int, Count> Of { get; } = new();

        public override IRenderable Render(RenderOptions options, ProgressTask task, TimeSpan deltaTime) =>
            new Text(Of.TryGetValue(task.Id, out var count) ? count.ToString() : "");
    }
}
