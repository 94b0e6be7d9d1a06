namespace Airbench.Cli;

/// <summary>Progress as plain lines for pipes and logs: at most one every ten seconds a task.</summary>
internal sealed class PlainProgress(TextWriter output, TextWriter errors, TimeProvider time, bool quiet) : IProgress
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(10);

    public void Info(string line)
    {
        if (!quiet)
        {
            output.WriteLine(Quote.Lines(line));
        }
    }

    public void Warn(string line) => errors.WriteLine($"warning: {Quote.Lines(line)}");

    public IProgressTask Start(string what, long total, string unit, long done = 0) => new PlainTask(this, time, what, total, unit, done);

    private sealed class PlainTask(PlainProgress owner, TimeProvider time, string what, long total, string unit, long done) : IProgressTask
    {
        private readonly Rate _rate = new(time, total, unit, done);
        private TimeSpan _lastLine;

        public void Report(long done, string? detail)
        {
            var elapsed = _rate.Elapsed;
            if (elapsed - _lastLine >= Interval)
            {
                _lastLine = elapsed;
                owner.Info($"  {what} {_rate.Describe(done, detail)}");
            }
        }

        public void Dispose() { }
    }
}
