namespace Airbench.Tests;

/// <summary>Keeps what was said.</summary>
internal sealed class RecordedProgress : IProgress
{
    public List<string> Infos { get; } = [];
    public List<string> Warnings { get; } = [];
    public List<RecordedTask> Tasks { get; } = [];

    public void Info(string line) => Infos.Add(line);
    public void Warn(string line) => Warnings.Add(line);

    public IProgressTask Start(string what, long total, string unit, long done = 0)
    {
        Tasks.Add(new RecordedTask(what, total, unit, done));
        return Tasks[^1];
    }

    internal sealed record RecordedTask(string What, long Total, string Unit, long Done) : IProgressTask
    {
        public long First { get; private set; } = -1;
        public long Last { get; private set; }
        public bool Ended { get; private set; }

        public void Report(long done, string? detail)
        {
            First = First < 0 ? done : First;
            Last = done;
        }

        public void Dispose() => Ended = true;
    }
}
