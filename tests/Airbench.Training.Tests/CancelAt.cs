namespace Airbench.Tests;

/// <summary>Progress that asks to stop after so many steps.</summary>
internal sealed class CancelAt(int step, CancellationTokenSource source) : IProgress, IProgressTask
{
    public long Steps { get; private set; }
    public void Info(string line) { }
    public void Warn(string line) { }
    public IProgressTask Start(string what, long total, string unit, long done = 0) => this;
    public void Report(long done, string? detail)
    {
        Steps = done;
        if (done == step)
        {
            source.Cancel();
        }
    }
    public void Dispose() { }
}
