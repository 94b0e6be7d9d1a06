using System.Globalization;
using Spectre.Console;
using Spectre.Console.Rendering;

namespace Airbench.Cli.Terminal;

/// <summary>Progress as a bar on a terminal; lines appear above it.</summary>
internal sealed class BarProgress(IAnsiConsole console, TimeProvider time) : IProgress
{
    public void Info(string line) => console.WriteLine(line);

    public void Warn(string line) => console.MarkupLineInterpolated($"[yellow]warning:[/] {line}");

    public IProgressTask Start(string what, long total, string unit) => new Bar(console, time, what, total, unit);

    /// <summary>Spectre draws from a task of its own for as long as <see cref="_ended"/> is open.</summary>
    private sealed class Bar : IProgressTask
    {
        private readonly TaskCompletionSource _ended = new();
        private readonly Task _display;
        private readonly ProgressTask _task;
        private readonly Counter _counter;

        public Bar(IAnsiConsole console, TimeProvider time, string what, long total, string unit)
        {
            _counter = new Counter(new Rate(time, total), total, unit);
            var started = new TaskCompletionSource<ProgressTask>();
            _display = console.Progress()
                .AutoClear(true)
                .HideCompleted(false)
                .Columns(new TaskDescriptionColumn(), new ProgressBarColumn { Width = 20 }, _counter)
                .StartAsync(async context =>
                {
                    started.SetResult(context.AddTask(what, maxValue: Math.Max(1, total)));
                    await _ended.Task;
                });
            _task = started.Task.GetAwaiter().GetResult();
        }

        public void Report(long done, string? detail)
        {
            (_counter.Done, _counter.Detail) = (done, detail);
            _task.Value = done;
        }

        public void Dispose()
        {
            _ended.TrySetResult();
            _display.GetAwaiter().GetResult();
        }
    }

    /// <summary>"123/476 steps, 0.86/s, 6:20 left, loss 1.234".</summary>
    private sealed class Counter(Rate rate, long total, string unit) : ProgressColumn
    {
        public long Done { get; set; }

        public string? Detail { get; set; }

        public override IRenderable Render(RenderOptions options, ProgressTask task, TimeSpan deltaTime) => new Text(
            string.Create(CultureInfo.InvariantCulture, $"{Done:N0}/{total:N0} {unit}, {rate.Describe(Done)}{(Detail is null ? "" : $", {Detail}")}"));
    }
}
