using System.Diagnostics;

namespace Airbench.Tests.Faults;

/// <summary>
/// Kills the runner, or the process of the stage under way, at a random moment, again and again: nothing is ever torn, the next run goes
/// through, and what it makes is what an undisturbed run makes.
/// </summary>
public sealed class KillTests
{
    private const int MostInARow = 5;
    private static readonly int Kills = LongForm.IsAskedFor ? 100 : 25;

    [Fact]
    public void After_a_kill_at_any_moment_nothing_is_torn_and_the_next_run_makes_what_an_undisturbed_one_makes()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "processes are found in /proc");
        using var place = new FaultPlace();
        var duration = Stopwatch.StartNew();
        Complete(place, seed: 0);
        var milliseconds = duration.Elapsed.TotalMilliseconds;

        var random = new Random(20261);
        var (runners, stages, late, looks, completed) = (0, 0, 0, 0, 0);
        var seed = 0;
        while (runners + stages < Kills)
        {
            for (var n = random.Next(1, MostInARow + 1); n > 0; n--)
            {
                // Mostly something new, so that a mixture of two results would show; else what the run before was at, which the records have in part.
                seed += random.Next(3) == 0 ? 0 : 1;
                switch (Kill(place, seed, milliseconds * random.NextDouble(), killStage: random.Next(2) == 0))
                {
                    case Victim.Runner:
                        runners++;
                        break;
                    case Victim.Stage:
                        stages++;
                        break;
                    default:
                        late++;
                        break;
                }
                place.Outputs();   // throws where one is torn
                looks++;
            }
            Complete(place, random.Next(4) == 0 ? random.Next(seed + 1) : seed);   // of an earlier one the cache may have results
            completed++;
        }
        FaultCounts.Add("runners killed", runners);
        FaultCounts.Add("stages killed", stages);
        FaultCounts.Add("runs that ended before the kill", late);
        FaultCounts.Add("looks at every artifact after a kill, none torn", looks);
        FaultCounts.Add("runs after kills, none wrong", completed);
        Assert.InRange(stages, 1, Kills);
        Assert.InRange(runners, 1, Kills);
    }

    private enum Victim
    {
        None,
        Runner,
        Stage,
    }

    private static Victim Kill(FaultPlace place, int seed, double afterMilliseconds, bool killStage)
    {
        using var runner = place.Start("--set", $"seed={seed}");
        // The pipes are emptied, or a runner that prints much would wait for a reader.
        var (output, errors) = (runner.StandardOutput.ReadToEndAsync(), runner.StandardError.ReadToEndAsync());
        Thread.Sleep(TimeSpan.FromMilliseconds(afterMilliseconds));
        var children = Children.Of(runner.Id);
        if (killStage && children.Count > 0)
        {
            using var kill = Process.Start("kill", ["-KILL", .. children.Select(id => $"{id}")]);
            kill.WaitForExit();
            runner.WaitForExit();
            // A stage that had just ended is beyond killing.
            if (kill.ExitCode != 0 || runner.ExitCode == 0)
            {
                return Victim.None;
            }
            Assert.Equal(1, runner.ExitCode);
            Assert.Contains("signal 9 (SIGKILL)", errors.Result, StringComparison.Ordinal);
            return Victim.Stage;
        }
        if (runner.HasExited)
        {
            return Victim.None;
        }
        runner.Kill();
        runner.WaitForExit();
        Children.WaitForEnd(children);
        _ = output.Result;
        return Victim.Runner;
    }

    private static void Complete(FaultPlace place, int seed)
    {
        var (code, output, errors) = place.Run("--set", $"seed={seed}");
        Assert.True(code == 0, $"{output}\n{errors}");
        Assert.Equal(FaultPlace.Expected(seed), place.Outputs());
        Assert.Empty(place.Leftovers());
    }
}
