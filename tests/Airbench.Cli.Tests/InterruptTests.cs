using System.Runtime.InteropServices;
using Airbench.Cli;

namespace Airbench.Tests;

/// <summary>What Ctrl-C and SIGTERM do to a verb, with a process that notes how it would end and goes on.</summary>
public sealed class InterruptTests
{
    private readonly List<string> _done = [];
    private TimeSpan _waited;

    /// <summary>As where a read or native code hangs: nothing here ends by being asked to.</summary>
    [Theory]
    [InlineData(PosixSignal.SIGINT, "predict", "a.png")]
    [InlineData(PosixSignal.SIGTERM, "predict", "a.png")]
    [InlineData(PosixSignal.SIGTERM, "verify", "x")]
    [InlineData(PosixSignal.SIGTERM, "init", "x")]
    [InlineData(PosixSignal.SIGTERM, "doctor")]
    [InlineData(PosixSignal.SIGTERM, "report")]
    [InlineData(PosixSignal.SIGTERM, "gc")]
    public void A_verb_without_stages_is_asked_to_end_then_exits_then_is_killed_within_two_seconds(PosixSignal signal, params string[] arguments)
    {
        using var interrupt = Of(arguments);
        var context = new PosixSignalContext(signal);
        interrupt.Stop(context);
        Assert.True(context.Cancel);   // else the system ends the process at once
        Assert.True(interrupt.Token.IsCancellationRequested);
        Assert.Equal(["wait", "exit 130", "wait", "kill"], _done);
        Assert.InRange(_waited, TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(2));
    }

    [Theory]
    [InlineData("run")]
    [InlineData("train", "--dataset", "x")]
    [InlineData("evaluate", "--data", "x")]
    [InlineData("benchmark", "model")]
    public void A_verb_with_stages_may_take_its_time_until_the_second_signal(params string[] arguments)
    {
        using var interrupt = Of(arguments);
        interrupt.Stop(new PosixSignalContext(PosixSignal.SIGINT));
        Assert.True(interrupt.Token.IsCancellationRequested);
        Assert.Empty(_done);
        interrupt.Stop(new PosixSignalContext(PosixSignal.SIGINT));
        Assert.Equal(["exit 130"], _done);
    }

    private Interrupt Of(string[] arguments) => new(
        CommandLine.Create().Parse(arguments).CommandResult.Command,
        new ProcessEnd(work => work(), Wait, code => _done.Add($"exit {code}"), () => _done.Add("kill")));

    private void Wait(TimeSpan time)
    {
        _done.Add("wait");
        _waited += time;
    }
}
