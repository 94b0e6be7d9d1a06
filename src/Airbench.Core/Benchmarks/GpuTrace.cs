using System.ComponentModel.DataAnnotations;

namespace Airbench;

/// <summary>A training as NVIDIA's profiler interface saw it: what the GPU did, and how long it had nothing to do.</summary>
public sealed record GpuTrace
{
    private const int Slices = 100;

    /// <summary>Seconds from the first piece of work to the end of the last.</summary>
    [Range(0, double.MaxValue)]
    public required double Seconds { get; init; }

    /// <summary>Of them, seconds with at least one piece of work; what overlaps counts once.</summary>
    [Range(0, double.MaxValue)]
    public required double BusySeconds { get; init; }

    /// <summary>
    /// Share of the time (0 to 1) in which the GPU is idle while it trains: the median over hundredths of <see cref="Seconds"/>, so that
    /// the start and the evaluation do not count.
    /// </summary>
    [Range(0.0, 1.0)]
    public required double SteadyIdleShare { get; init; }

    /// <summary>Pieces of work: kernels, copies and fills.</summary>
    [Range(0, int.MaxValue)]
    public required int Count { get; init; }

    /// <summary>Their time by name, the longest together first.</summary>
    public required IReadOnlyList<KernelTime> Kernels { get; init; }

    /// <summary>Sums up pieces of work.</summary>
    /// <param name="work">At least one, in any order.</param>
    public static GpuTrace Of(IReadOnlyCollection<GpuWork> work)
    {
        ArgumentOutOfRangeException.ThrowIfZero(work.Count);
        var (begin, end) = (work.Min(piece => piece.Begin), work.Max(piece => piece.End));
        var length = Math.Max(1, end - begin);
        var busy = new long[Slices];
        var until = begin;
        foreach (var piece in work.OrderBy(piece => piece.Begin))
        {
            Add(busy, Math.Max(until, piece.Begin) - begin, piece.End - begin, length);
            until = Math.Max(until, piece.End);
        }
        return new GpuTrace
        {
            Seconds = length / 1e9,
            BusySeconds = busy.Sum() / 1e9,
            SteadyIdleShare = Summary.Percentile([.. busy.Select((time, slice) => IdleShare(time, slice, length)).Order()], 0.5),
            Count = work.Count,
            Kernels =
            [
                .. work.GroupBy(piece => piece.Name, StringComparer.Ordinal)
                    .Select(group => new KernelTime(group.Key, group.Count(), group.Sum(piece => piece.End - piece.Begin) / 1e9))
                    .OrderByDescending(kernel => kernel.Seconds).ThenBy(kernel => kernel.Name, StringComparer.Ordinal),
            ],
        };
    }

    private static long Edge(int slice, long length) => (long)((Int128)length * slice / Slices);

    private static double IdleShare(long busy, int slice, long length) => 1 - ((double)busy / Math.Max(1, Edge(slice + 1, length) - Edge(slice, length)));

    private static void Add(long[] busy, long begin, long end, long length)
    {
        for (var slice = 0; slice < Slices; slice++)
        {
            busy[slice] += Math.Max(0, Math.Min(end, Edge(slice + 1, length)) - Math.Max(begin, Edge(slice, length)));
        }
    }
}

/// <summary>A piece of work of a GPU.</summary>
/// <param name="Name">The kernel's, or what it is.</param>
/// <param name="Begin">Nanoseconds of the GPU's clock.</param>
/// <param name="End">Likewise, at least <paramref name="Begin"/>.</param>
public readonly record struct GpuWork(string Name, long Begin, long End);

/// <summary>All launches of a kernel.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Count">Launches.</param>
/// <param name="Seconds">Their time together.</param>
public sealed record KernelTime(string Name, [property: Range(1, int.MaxValue)] int Count, [property: Range(0, double.MaxValue)] double Seconds);
