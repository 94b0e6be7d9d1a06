namespace Airbench.Tests;

public class GpuTraceTests
{
    [Fact]
    public void What_overlaps_counts_once_and_kernels_are_summed_by_name()
    {
        // 0 to 1000 ns: busy for 0-400, 300-500 (100 more), 900-1000; one lies inside of another.
        var trace = GpuTrace.Of([new("b", 900, 1000), new("a", 0, 400), new("b", 300, 500), new("copy", 320, 350)]);

        Assert.Equal(1000e-9, trace.Seconds, 12);
        Assert.Equal(600e-9, trace.BusySeconds, 12);
        Assert.Equal(4, trace.Count);
        Assert.Equal([new("a", 1, 400e-9), new("b", 2, 300e-9), new("copy", 1, 30e-9)], trace.Kernels);
    }

    [Fact]
    public void The_idle_share_of_the_middle_does_not_see_a_long_pause_at_the_end()
    {
        // Steps of 100 ns, of which 95 are work, over 600 us; then nothing until a last piece at 1 ms.
        var steps = Enumerable.Range(0, 6000).Select(step => new GpuWork("step", 100 * step, (100 * step) + 95));

        var trace = GpuTrace.Of([.. steps, new("end", 999_990, 1_000_000)]);

        Assert.Equal(0.05, trace.SteadyIdleShare, 6);
        Assert.Equal(570_010e-9, trace.BusySeconds, 12);
    }

    [Fact]
    public void Busy_time_equals_the_count_of_covered_nanoseconds()
    {
        var random = new Random(3);
        for (var trial = 0; trial < 200; trial++)
        {
            GpuWork[] work = [.. Enumerable.Range(0, random.Next(1, 30)).Select(_ => random.Next(5000) is var begin ? new GpuWork("k", begin, begin + random.Next(400)) : default)];
            var covered = new HashSet<long>(work.SelectMany(piece => Enumerable.Range(0, (int)(piece.End - piece.Begin)).Select(offset => piece.Begin + offset)));

            Assert.Equal(covered.Count, GpuTrace.Of(work).BusySeconds * 1e9, 3);
        }
    }
}
