namespace Airbench;

/// <summary>Where long work says what it does. The command line draws bars or prints plain lines; tests pass <see cref="Silent"/>.</summary>
public interface IProgress
{
    /// <summary>A line worth keeping: shown and written to the run's log.</summary>
    void Info(string line);

    /// <summary>A line that the user should act on.</summary>
    void Warn(string line);

    /// <summary>Starts a task of <paramref name="total"/> <paramref name="unit"/> (for example 60000 "images"); disposing ends it.</summary>
    /// <param name="what">What is done, in a word or two.</param>
    /// <param name="total">When it is done.</param>
    /// <param name="unit">Of what.</param>
    /// <param name="done">What an earlier process has done of it: no work of this one, so it says nothing of how fast this one is.</param>
    IProgressTask Start(string what, long total, string unit, long done = 0);

    /// <summary>Drops everything.</summary>
    static IProgress Silent { get; } = new SilentProgress();

    private sealed class SilentProgress : IProgress, IProgressTask
    {
        public void Info(string line) { }
        public void Warn(string line) { }
        public IProgressTask Start(string what, long total, string unit, long done = 0) => this;
        public void Report(long done, string? detail) { }
        public void Dispose() { }
    }
}

/// <summary>One task under way.</summary>
public interface IProgressTask : IDisposable
{
    /// <summary><paramref name="done"/> of the total so far, and a short detail such as "loss 1.234". Cheap enough for every batch.</summary>
    void Report(long done, string? detail = null);
}
