using Airbench.Data;

namespace Airbench.Tests;

public sealed class ImageDecoderMemoryTests
{
    [Fact]
    public void Two_that_fit_together_are_in_memory_at_the_same_time()
    {
        var memory = new DecodeMemory(200);
        using var first = memory.Take(100);
        using var second = memory.Take(100);   // would wait for ever if it had to
    }

    [Fact]
    public async Task One_that_does_not_fit_waits_for_the_others_to_end()
    {
        var memory = new DecodeMemory(200);
        var first = memory.Take(150);
        var second = Task.Run(() => memory.Take(100), TestContext.Current.CancellationToken);
        Assert.False(second.IsCompleted);
        first.Dispose();
        (await second).Dispose();
    }

    [Fact]
    public void One_that_needs_more_than_the_bound_runs_alone()
    {
        var memory = new DecodeMemory(200);
        memory.Take(1000).Dispose();
        using var room = memory.Take(200);
    }

    [Fact]
    public void What_is_in_memory_stays_within_the_bound()
    {
        var memory = new DecodeMemory(1000);
        var (used, most) = (0L, 0L);
        var gate = new Lock();
        Parallel.For(0, 500, new ParallelOptions { MaxDegreeOfParallelism = 8 }, i =>
        {
            var needed = 100 + (i * 37 % 700);
            using var room = memory.Take(needed);
            lock (gate)
            {
                used += needed;
                most = Math.Max(most, used);
            }
            Thread.Yield();
            lock (gate)
            {
                used -= needed;
            }
        });
        Assert.InRange(most, 1, 1000);
    }

    [Fact]
    public void Large_images_on_two_threads_give_what_they_give_alone()
    {
        var file = TestImages.Png(TestImages.PngColour.Grey, 1, 5000, 4000, [.. Enumerable.Range(0, 4000).Select(y => Row(y))]);
        var alone = Decode(file, new DecodeMemory(1));
        var memory = new DecodeMemory(1L << 40);
        var together = new byte[2][];
        Parallel.For(0, 2, i => together[i] = Decode(file, memory));
        Assert.All(together, pixels => Assert.Equal(alone, pixels));

        static byte[] Row(int y)
        {
            var row = new byte[625];
            row.AsSpan().Fill((byte)(y / 500 % 2 == 0 ? 0xF0 : 0x0F));
            return row;
        }
    }

    private static byte[] Decode(byte[] file, DecodeMemory memory)
    {
        using var decoder = new ImageDecoder(memory);
        var pixels = new byte[3 * 32 * 32];
        decoder.Decode(file, 32, pixels);
        return pixels;
    }
}
