using System.Diagnostics;
using Airbench.FaultHost;
using Airbench.Pipeline;

namespace Airbench.Tests.Faults;

/// <summary>Two runs on one folder at once, and inputs that go away.</summary>
public sealed class CollisionTests : IDisposable
{
    private readonly FaultPlace _place = new();

    public void Dispose() => _place.Dispose();

    [Fact]
    public void Runs_that_start_at_once_go_one_after_the_other()
    {
        const int Pairs = 5;
        for (var n = 0; n < Pairs; n++)
        {
            var processes = Enumerable.Range(0, 2).Select(seed => _place.Start("--set", $"seed={seed}")).ToList();
            var ends = processes.ConvertAll(process => Task.Run(() => FaultPlace.End(process)));
            Assert.All(ends, end => Assert.True(end.Result.ExitCode == 0, end.Result.Output + end.Result.Errors));
            processes.ForEach(process => process.Dispose());

            // Whichever came last: all of it is its own.
            var outputs = _place.Outputs();
            outputs = outputs.Where(artifact => artifact.Key != "score").ToDictionary();
            Assert.Contains(outputs, Enumerable.Range(0, 2).Select(seed =>
                FaultPlace.Expected(seed).Where(artifact => artifact.Key != "score").ToDictionary()));
        }
        FaultCounts.Add("collisions of two runs", Pairs);
    }

    [Fact]
    public void The_one_that_waits_says_for_whom_and_goes_on_when_that_one_is_killed()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "processes are found in /proc");
        using var first = _place.Start("--set", "mix.with.fault=deaf");
        FaultPlace.ReadTo(first, "waiting");
        using var second = _place.Start("--set", "seed=1");
        var said = FaultPlace.ReadTo(second, "in use");

        Assert.Matches($@"in use by pid {first.Id} \(pipeline 'fast' since \d{{4}}-\d\d-\d\d \d\d:\d\d:\d\d UTC, `airbench run .*`\): waiting for it to finish", said);
        first.Kill();
        Assert.Equal(0, FaultPlace.End(second).ExitCode);
        Assert.Equal(FaultPlace.Expected(1), _place.Outputs());
        FaultCounts.Add("collisions of two runs", 1);
    }

    [Fact]
    public void With_no_wait_the_second_fails_by_the_name_of_the_first_and_touches_nothing()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "processes are found in /proc");
        Interrupts.SkipWhereImpossible();
        using var first = _place.Start("--set", "mix.with.fault=wait");
        FaultPlace.ReadTo(first, "waiting");
        var runs = Directory.GetDirectories(_place["runs", "fast"]);

        var (code, _, errors) = _place.Run("--no-wait");

        Assert.Equal(1, code);
        Assert.Contains($"in use by pid {first.Id} (pipeline 'fast' since ", errors, StringComparison.Ordinal);
        Assert.Equal(runs, Directory.GetDirectories(_place["runs", "fast"]));
        Process.Start("kill", ["-INT", $"{first.Id}"]).WaitForExit();
        Assert.Equal(130, FaultPlace.End(first).ExitCode);
        FaultCounts.Add("collisions of two runs", 1);
    }

    [Fact]
    public void A_killed_run_leaves_no_lock_behind()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "processes are found in /proc");
        using var first = _place.Start("--set", "mix.with.fault=deaf");
        FaultPlace.ReadTo(first, "waiting");
        first.Kill();

        Assert.Equal(0, _place.Run("--no-wait").ExitCode);   // while the stage of the first may still be ending
        Assert.DoesNotContain(Directory.GetFiles(_place[".airbench", "locks"]), path => path.EndsWith(".json", StringComparison.Ordinal));
    }

    [Fact]
    public void Runs_that_only_read_the_same_artifact_do_not_wait_for_each_other()
    {
        Assert.Equal(0, _place.Run().ExitCode);
        using var reader = _place.Start("--from", "fold", "--set", "fold.with.fault=wait");
        FaultPlace.ReadTo(reader, "waiting");

        // Of another name, it writes elsewhere, and reads nothing of the first.
        Assert.Equal(0, _place.Run("--no-wait", "--set", "name=other").ExitCode);
        var (code, _, errors) = _place.Run("--no-wait");
        Assert.Equal(1, code);
        Assert.Contains("in use by pid", errors, StringComparison.Ordinal);
        reader.Kill();
        FaultPlace.End(reader);
    }

    [Fact]
    public void An_input_that_is_deleted_in_mid_run_fails_the_stage_that_needs_it_and_the_next_run_makes_it_again()
    {
        var options = new RunOptions { Root = _place.Root, Executor = new DeletingExecutor("mix", _place["data"]) };
        var pipeline = PipelineFile.Load(_place.Pipeline, FastStages.All, ["seed=1"]);

        var report = PipelineRunner.Run(pipeline, options, IProgress.Silent, TimeProvider.System, CancellationToken.None);

        Assert.Equal([RunStatus.Ok, RunStatus.Failed, RunStatus.NotRun, RunStatus.NotRun], report.Stages.Select(stage => stage.Status));
        Assert.Contains(Path.Combine("data", "fast", Parts.ManifestName), report.Stages[1].Error!, StringComparison.Ordinal);
        Assert.Contains("does not exist", report.Stages[1].Error!, StringComparison.Ordinal);
        var (code, _, errors) = _place.Run("--set", "seed=1");
        Assert.True(code == 0, errors);
        Assert.Equal(FaultPlace.Expected(1), _place.Outputs());
        FaultCounts.Add("deleted inputs", 1);
    }

    /// <summary>Deletes a folder just before a stage starts.</summary>
    private sealed class DeletingExecutor(string before, string folder) : IStageExecutor
    {
        private readonly ProcessExecutor _inner = new(
            [Environment.GetEnvironmentVariable("DOTNET_HOST_PATH") ?? "dotnet", "exec", typeof(FastStages).Assembly.Location]);

        public StageOutcome Execute(PipelineStage stage, StageContext context, Action<string> output)
        {
            if (stage.Key == before)
            {
                Directory.Delete(folder, recursive: true);
            }
            return _inner.Execute(stage, context, output);
        }
    }
}
