namespace Airbench.Tests;

/// <summary>
/// Ends the test process, with the case that hangs, where one takes far longer than it may. The bound is thirty times what is promised, so
/// that a busy machine does not trip it; a loop without end does.
/// </summary>
internal sealed class Watchdog : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);
    private readonly Timer _timer;
    private string _case = "";

    public Watchdog() => _timer = new Timer(
        _ => Environment.FailFast($"still at it after {Patience.TotalSeconds} s: {_case[..Math.Min(_case.Length, 4000)]}"), null, Patience, Timeout.InfiniteTimeSpan);

    /// <summary>The next case begins.</summary>
    public void Watch(string text)
    {
        _case = text;
        _timer.Change(Patience, Timeout.InfiniteTimeSpan);
    }

    public void Dispose() => _timer.Dispose();
}
