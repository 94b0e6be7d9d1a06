using System.Text;
using Airbench.Pipeline;

namespace Airbench.Tests;

/// <summary>What the process of a stage tells is what is shown.</summary>
public sealed class RelayedProgressTests
{
    [Fact]
    public void A_task_that_goes_on_arrives_with_what_was_done_before()
    {
        var stream = new MemoryStream();
        using (var events = new StageEventWriter(stream))
        {
            var remote = new RemoteProgress(events);
            remote.Info("resuming");
            using var task = remote.Start("train", 42, "steps", done: 29);
            task.Report(30);
        }

        var shown = new ProgressLines();
        using var relay = new RelayedProgress(new NamedProgress(shown, "second"));
        foreach (var line in Encoding.UTF8.GetString(stream.ToArray()).Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            relay.Show(StageMessages.ReadEvent(line));
        }

        Assert.Equal(["info second: resuming", "start second: train 42 steps from 29", "at 30", "end"], shown.Lines);
    }
}
