namespace Airbench.Tests;

/// <summary>Progress that keeps its lines.</summary>
internal sealed class Lines : IProgress
{
    public List<string> Warnings { get; } = [];
    public List<string> Infos { get; } = [];
    public void Info(string line) => Infos.Add(line);
    public void Warn(string line) => Warnings.Add(line);
    public IProgressTask Start(string what, long total, string unit, long done = 0) => IProgress.Silent.Start(what, total, unit, done);
}
