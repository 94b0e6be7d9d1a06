using System.Globalization;
using Airbench.Pipeline;

namespace Airbench.Tests;

/// <summary>Somebody sets the clock while a pipeline runs.</summary>
public sealed class ClockTests : IDisposable
{
    private readonly TemporaryFolder _root = new();

    public void Dispose() => _root.Dispose();

    [Theory]
    [InlineData(-3600)]
    [InlineData(86_400)]
    public void A_clock_that_jumps_changes_no_duration_and_no_result(int jump)
    {
        var clock = new JumpingClock();
        var kinds = new FakeKinds
        {
            During = context =>
            {
                clock.Pass(1.5);
                clock.Jump(context.Name == "train" ? jump : 0);
            },
        };

        var report = Run(kinds, clock);

        Assert.Equal(RunStatus.Ok, report.Status);
        Assert.All(report.Stages, stage => Assert.Equal(1.5, stage.WallSeconds));
        var started = File.ReadAllLines(Path.Combine(report.RunFolder, "timings.csv")).Skip(1)
            .Select(row => DateTimeOffset.Parse(row.Split(',')[5], CultureInfo.InvariantCulture)).ToList();
        Assert.Equal(1.5 + jump, (started[2] - started[1]).TotalSeconds);   // what the clock showed, and nothing else is made of it
    }

    [Fact]
    public void A_run_at_a_time_that_there_was_already_gets_a_folder_of_its_own()
    {
        var clock = new JumpingClock();
        var first = Run(new FakeKinds { During = _ => clock.Pass(10) }, clock);
        clock.Jump(-40);
        var second = Run(new FakeKinds(), clock);
        clock.Jump(-3600);
        var third = Run(new FakeKinds(), clock);

        Assert.Equal(["20260102-030405", "20260102-030405-2", "20260102-020405"], new[] { first, second, third }.Select(report => report.RunId));
        Assert.All([first, second, third], report => Assert.Equal(RunStatus.Ok, report.Status));
    }

    private RunReport Run(FakeKinds kinds, TimeProvider clock) => PipelineRunner.Run(
        PipelineFile.Parse(Given.Yaml, "pipeline.yaml", kinds.All, []), new RunOptions { Root = _root.Path, KeepRecord = false },
        IProgress.Silent, clock, CancellationToken.None);

    /// <summary>A clock on the wall that can be set, and a counter of seconds that cannot.</summary>
    private sealed class JumpingClock : TimeProvider
    {
        private DateTimeOffset _wall = new(2026, 1, 2, 3, 4, 5, TimeSpan.Zero);
        private long _ticks;

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public void Pass(double seconds)
        {
            _ticks += TimeSpan.FromSeconds(seconds).Ticks;
            Jump(seconds);
        }

        public void Jump(double seconds) => _wall += TimeSpan.FromSeconds(seconds);

        public override DateTimeOffset GetUtcNow() => _wall;

        public override long GetTimestamp() => _ticks;
    }
}
