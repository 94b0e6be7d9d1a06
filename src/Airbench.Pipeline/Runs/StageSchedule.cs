using System.Collections.Concurrent;

namespace Airbench.Pipeline;

/// <summary>Which stage starts when: each after those that it needs, up to so many side by side, and at most one on the device.</summary>
internal static class StageSchedule
{
    private const int MostJobs = 64;

    /// <summary>Whether <paramref name="jobs"/> is a number of stages that can run side by side, in words for the user where not.</summary>
    public static string? Problem(int jobs) => jobs is >= 1 and <= MostJobs ? null : $"found {jobs}; expected 1 to {MostJobs} stages side by side";

    /// <summary>Does <paramref name="work"/> for every row and returns when all is done.</summary>
    /// <param name="rows">In an order in which every stage comes after those that it needs; one job keeps to it.</param>
    /// <param name="jobs">Most stages side by side.</param>
    /// <param name="work">Called on this thread where <paramref name="jobs"/> is 1, else on a thread for each row.</param>
    /// <exception cref="Exception">What <paramref name="work"/> threw first: nothing starts after it, what is under way ends before it is thrown.</exception>
    public static void Run(IReadOnlyList<PlanRow> rows, int jobs, Action<PlanRow> work)
    {
        if (jobs == 1)
        {
            foreach (var row in rows)
            {
                work(row);
            }
            return;
        }
        var waiting = rows.ToList();
        var running = new List<PlanRow>();
        var ended = new HashSet<string>(StringComparer.Ordinal);
        using var ends = new BlockingCollection<(PlanRow Row, Exception? Error)>();
        Exception? error = null;
        while (waiting.Count > 0 || running.Count > 0)
        {
            while (error is null && Next() is { } next)
            {
                waiting.Remove(next);
                running.Add(next);
                new Thread(() => ends.Add((next, Try(next)))) { IsBackground = true, Name = next.Stage.Key }.Start();
            }
            if (running.Count == 0)
            {
                break;   // after an error
            }
            var (row, failure) = ends.Take();
            running.Remove(row);
            ended.Add(row.Stage.Key);
            error ??= failure;
        }
        if (error is not null)
        {
            System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(error);
        }

        Exception? Try(PlanRow row)
        {
            try
            {
                work(row);
                return null;
            }
#pragma warning disable CA1031 // thrown on the thread that waits
            catch (Exception e)
#pragma warning restore CA1031
            {
                return e;
            }
        }

        // The first in order that may start now. Whoever wants to be alone is not overtaken, or it might wait for ever.
        PlanRow? Next()
        {
            if (running.Count >= jobs || running.Any(row => UseOf(row) == DeviceUse.Alone))
            {
                return null;
            }
            foreach (var row in waiting.Where(row => row.Stage.Needs.All(ended.Contains)))
            {
                switch (UseOf(row))
                {
                    case DeviceUse.Alone:
                        return running.Count == 0 ? row : null;
                    case DeviceUse.Takes when running.Any(other => UseOf(other) == DeviceUse.Takes):
                        continue;
                    default:
                        return row;
                }
            }
            return null;
        }
    }

    private static DeviceUse UseOf(PlanRow row) =>
        row.Action is PlanAction.Skip or PlanAction.UseExisting ? DeviceUse.None : row.Stage.Kind.UseOf(row.Stage.Options);
}
