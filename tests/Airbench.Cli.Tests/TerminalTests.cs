using Airbench.Cli;
using Spectre.Console;

namespace Airbench.Tests;

/// <summary>What progress says, on a clock that the test turns.</summary>
public sealed class TerminalTests
{
    [Theory]
    [InlineData(476, "steps", 0, 10, null, "0/476 steps, starting")]
    [InlineData(476, "steps", 123, 143, "loss 1.234", "123/476 steps, 0.86/s, 6:50 left, loss 1.234")]
    [InlineData(60_000, "images", 20_000, 5, null, "20,000/60,000 images, 4,000/s, 0:10 left")]
    [InlineData(10_000, "images", 100, 100, null, "100/10,000 images, 1.00/s, 2:45:00 left")]
    [InlineData(170_498_071, "bytes", 12_345_678, 3, null, "12.3/170.5 MB, 4.1 MB/s, 0:38 left")]
    [InlineData(10, "calls", 12, 1, null, "12/10 calls, 12.00/s, 0:00 left")]
    public void A_task_says_how_far_how_fast_and_how_long(long total, string unit, long done, int seconds, string? detail, string expected)
    {
        var clock = new Clock();
        var rate = new Rate(clock, total, unit);
        clock.Seconds = seconds;
        Assert.Equal(expected, rate.Describe(done, detail));
    }

    /// <summary>300 of 476 steps were done before: 20 in 40 seconds are two seconds a step, whatever the first process needed.</summary>
    [Theory]
    [InlineData(300, 0, "300/476 steps, starting")]
    [InlineData(300, 5, "300/476 steps, starting")]
    [InlineData(320, 40, "320/476 steps, 0.50/s, 5:12 left")]
    public void A_task_that_goes_on_counts_for_its_speed_what_this_process_did(long done, int seconds, string expected)
    {
        var clock = new Clock();
        var rate = new Rate(clock, 476, "steps", before: 300);
        clock.Seconds = seconds;
        Assert.Equal(expected, rate.Describe(done, null));
    }

    [Fact]
    public void A_task_that_has_to_begin_again_has_a_speed_at_once()
    {
        var clock = new Clock();
        var rate = new Rate(clock, 10_000_000, "bytes", before: 6_000_000);
        rate.Describe(0, null);
        clock.Seconds = 2;
        Assert.Equal("2.0/10.0 MB, 1.0 MB/s, 0:08 left", rate.Describe(2_000_000, null));
    }

    [Fact]
    public void A_pipe_gets_a_plain_line_every_ten_seconds_and_warnings_apart()
    {
        var (output, errors, clock) = (new StringWriter { NewLine = "\n" }, new StringWriter { NewLine = "\n" }, new Clock());
        var progress = new PlainProgress(output, errors, clock, quiet: false);
        using (var task = progress.Start("train", 100, "steps"))
        {
            for (clock.Seconds = 1; clock.Seconds <= 25; clock.Seconds++)
            {
                task.Report(clock.Seconds * 4, "loss 1");
            }
        }
        using (var resumed = progress.Start("train", 100, "steps", done: 60))
        {
            clock.Seconds += 10;
            resumed.Report(70);
        }
        progress.Warn("two classes have one image");
        Assert.Equal("  train 40/100 steps, 4.00/s, 0:15 left, loss 1\n  train 80/100 steps, 4.00/s, 0:05 left, loss 1\n  train 70/100 steps, 1.00/s, 0:30 left\n", output.ToString());
        Assert.Equal("warning: two classes have one image\n", errors.ToString());
    }

    [Fact]
    public void On_eighty_columns_the_longest_line_keeps_its_time_left()
    {
        using var text = new StringWriter();
        var console = AnsiConsole.Create(new AnsiConsoleSettings
        {
            Ansi = AnsiSupport.Yes,
            ColorSystem = ColorSystemSupport.NoColors,
            Interactive = InteractionSupport.Yes,
            Out = new AnsiConsoleOutput(text),
        });
        console.Profile.Width = 80;
        var clock = new Clock();
        using (var task = new BarProgress(console, clock).Start("download cifar-10-binary.tar.gz", 170_498_071, "bytes"))
        {
            clock.Seconds = 30;
            task.Report(12_345_678);
            var before = text.GetStringBuilder().Length;
            SpinWait.SpinUntil(() => text.GetStringBuilder().Length > before + 1000, TimeSpan.FromMinutes(1));   // it draws on a thread of its own; a frame has 80 characters
        }
        Assert.Contains("MB/s, 6:24 left", text.ToString(), StringComparison.Ordinal);
        Assert.DoesNotContain("\u001b[3", text.ToString(), StringComparison.Ordinal);   // no colours without a colour system
    }

    private sealed class Clock : TimeProvider
    {
        public int Seconds { get; set; }

        public override long TimestampFrequency => 1;

        public override long GetTimestamp() => Seconds;
    }
}
