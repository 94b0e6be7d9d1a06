using Airbench.Pipeline;
using CsCheck;

namespace Airbench.Tests;

/// <summary>Stages side by side: whatever the graph, the rules hold at every moment.</summary>
public sealed class ScheduleTests
{
    private sealed record Options;

    private static readonly Gen<IReadOnlyList<PlanRow>> Rows =
        from stages in Gen.Select(Gen.Int[0, 2], Gen.Int[0, int.MaxValue]).List[1, 12]
        select (IReadOnlyList<PlanRow>)[.. stages.Select((stage, i) => Row(
            $"s{i}", (DeviceUse)stage.Item1, [.. Enumerable.Range(0, i).Where(j => ((stage.Item2 >> j) & 5) == 5).Select(j => $"s{j}")]))];

    [Fact]
    public void Every_stage_runs_once_after_its_needs_and_the_device_has_one_at_a_time() => Gen.Select(Rows, Gen.Int[1, 5]).ForEachCase((rows, jobs) =>
    {
        var running = new List<PlanRow>();
        var ended = new List<string>();
        var broken = new List<string>();
        StageSchedule.Run(rows, jobs, row =>
        {
            lock (running)
            {
                running.Add(row);
                var uses = running.ConvertAll(r => r.Stage.Kind.UseOf(r.Stage.Options));
                if (running.Count > jobs || uses.Count(use => use == DeviceUse.Takes) > 1 || (uses.Contains(DeviceUse.Alone) && running.Count > 1))
                {
                    broken.Add($"{string.Join(" ", running.Select(r => r.Stage.Key))} together");
                }

                broken.AddRange(row.Stage.Needs.Except(ended).Select(need => $"{row.Stage.Key} before {need}"));
            }
            Thread.Yield();
            lock (running)
            {
                running.Remove(row);
                ended.Add(row.Stage.Key);
            }
        });
        Assert.Empty(broken);
        Assert.Equal(rows.Select(row => row.Stage.Key).Order(), ended.Order());
    }, cases: 300);

    [Fact]
    public void Stages_that_need_nothing_of_each_other_really_run_side_by_side()
    {
        using var meeting = new Barrier(2);
        StageSchedule.Run([Row("a", DeviceUse.None), Row("b", DeviceUse.Takes)], jobs: 2, _ =>
            Assert.True(meeting.SignalAndWait(TimeSpan.FromMinutes(1)), "one waited for the other to end"));
    }

    [Fact]
    public void One_job_keeps_the_order_and_the_thread()
    {
        var ran = new List<(string, int)>();
        StageSchedule.Run([Row("a", DeviceUse.None), Row("b", DeviceUse.None)], jobs: 1, row => ran.Add((row.Stage.Key, Environment.CurrentManagedThreadId)));

        Assert.Equal([("a", Environment.CurrentManagedThreadId), ("b", Environment.CurrentManagedThreadId)], ran);
    }

    [Fact]
    public void After_an_error_of_the_run_itself_nothing_starts_and_what_is_under_way_ends()
    {
        using var started = new ManualResetEventSlim();
        var ended = 0;
        var error = Assert.Throws<IOException>(() => StageSchedule.Run([Row("a", DeviceUse.None), Row("b", DeviceUse.None), Row("c", DeviceUse.None)], jobs: 2, row =>
        {
            switch (row.Stage.Key)
            {
                case "a":
                    started.Wait();
                    throw new IOException("the log is full");
                case "b":
                    started.Set();
                    Thread.Sleep(20);
                    Interlocked.Increment(ref ended);
                    break;
                default:
                    Assert.Fail("c started");
                    break;
            }
        }));

        Assert.Equal(("the log is full", 1), (error.Message, ended));
    }

    [Fact]
    public void Reports_are_in_the_order_of_the_plan_and_say_what_one_job_says()
    {
        using var root = new TemporaryFolder();
        const string More = "\n  more: { uses: prepare, with: { name: more } }\n  other: { uses: train, needs: [more] }";
        var (one, four) = (Run(root, 1, Given.Yaml), Run(root, 4, Given.Yaml));

        Assert.Equal(one.Stages.Select(stage => (stage.Stage.Key, stage.Status)), four.Stages.Select(stage => (stage.Stage.Key, stage.Status)));
        var wide = Run(root, 4, Given.Yaml + More);
        Assert.Equal(["prepare", "train", "export", "evaluate", "more", "other"], wide.Stages.Select(stage => stage.Stage.Key));
        Assert.Equal(RunStatus.Ok, wide.Status);
        Assert.Equal(
            wide.Stages.Select(stage => stage.Stage.Key).Order(),
            File.ReadAllLines(Path.Combine(wide.RunFolder, "timings.csv")).Skip(1).Select(row => row.Split(',')[2]).Order());
    }

    [Theory]
    [InlineData(0)]
    [InlineData(-1)]
    [InlineData(1000)]
    public void A_number_of_jobs_that_makes_no_sense_is_refused(int jobs)
    {
        using var root = new TemporaryFolder();
        var error = Assert.Throws<ConfigurationException>(() => Run(root, jobs, Given.Yaml));

        Assert.Equal($"--jobs: found {jobs}; expected 1 to 64 stages side by side", error.Message);
        Assert.Empty(Directory.GetFileSystemEntries(root.Path));
    }

    private static RunReport Run(TemporaryFolder root, int jobs, string text) => PipelineRunner.Run(
        PipelineFile.Parse(text, "pipeline.yaml", new FakeKinds().All, []), new RunOptions { Root = root.Path, Jobs = jobs, KeepRecord = false },
        IProgress.Silent, new FakeTime(), CancellationToken.None);

    private static PlanRow Row(string key, DeviceUse use, params string[] needs) => new(
        new PipelineStage
        {
            Key = key,
            Needs = needs,
            Options = new Options(),
            Position = SourcePosition.Flag(key),
            Kind = new FakeStage<Options, Pictures>(key)
            {
                Device = _ => use,
                Folder = (_, _) => "",
                Opener = folder => new Pictures(folder),
                Work = (_, _) => throw new InvalidOperationException("only scheduled"),
            },
        },
        key, PlanAction.Run, "");
}
