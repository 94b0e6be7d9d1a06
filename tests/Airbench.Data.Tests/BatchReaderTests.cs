using Airbench.Data;

namespace Airbench.Tests;

public sealed class BatchReaderTests
{
    private const int Size = 4;
    private const int ImageBytes = 3 * Size * Size;

    [Theory]
    [InlineData(1)]
    [InlineData(7)]
    [InlineData(100)]
    [InlineData(5000)]
    public void Batches_keep_the_order_and_hold_the_pixels_of_readable_images_alone(int batchSize)
    {
        var first = 0;
        foreach (var batch in new BatchReader(new NumberedImages(1300), Size, Fit.Crop).Read(batchSize, Shard.Whole, default))
        {
            var expected = Enumerable.Range(first, Math.Min(batchSize, 1300 - first)).ToList();
            var readable = expected.Where(i => !NumberedImages.IsBroken(i)).ToList();
            Assert.Equal(expected, batch.Images.Select(image => image.Index));
            Assert.Equal(expected.Select(NumberedImages.IsBroken), batch.Images.Select(image => image.Error is not null));
            Assert.Equal(readable.Count, batch.ReadableCount);
            Assert.Equal(readable.SelectMany(NumberedImages.Pixels), batch.Pixels.ToArray());
            first += batchSize;
        }
        Assert.True(first >= 1300);
    }

    [Fact]
    public void A_shard_has_the_batches_of_the_whole_and_reads_no_others()
    {
        var whole = Indices(new NumberedImages(95), Shard.Whole);
        var second = new NumberedImages(95);

        Assert.Equal([whole[1], whole[4], whole[7]], Indices(second, new Shard(2, 3)));
        Assert.Equal([.. Enumerable.Range(10, 10), .. Enumerable.Range(40, 10), .. Enumerable.Range(70, 10)], second.BytesRead);

        static List<string> Indices(NumberedImages source, Shard shard) =>
            [.. new BatchReader(source, Size, Fit.Crop).Read(10, shard, default).Select(batch => string.Join(' ', batch.Images.Select(image => image.Index)))];
    }

    [Fact]
    public void Reading_is_at_most_one_buffer_ahead_and_ends_with_its_user()
    {
        var source = new NumberedImages(100_000);
        foreach (var _ in new BatchReader(source, Size, Fit.Crop).Read(512, Shard.Whole, default))
        {
            break;
        }
        Assert.InRange(source.BytesRead.Count, 512, 2 * 512);
        Assert.True(source.IsClosed);
    }

    [Fact]
    public void An_error_of_the_source_ends_the_work_after_the_batches_before()
    {
        var source = new NumberedImages(2000) { FailsAt = 1500 };
        var seen = 0;
        var error = Assert.Throws<DataException>(() =>
        {
            foreach (var batch in new BatchReader(source, Size, Fit.Crop).Read(512, Shard.Whole, default))
            {
                seen += batch.Images.Count;
            }
        });
        Assert.Equal(("changed", 1024), (error.Message, seen));
        Assert.True(source.IsClosed);
    }

    [Fact]
    public void Cancelling_ends_the_work_within_a_batch()
    {
        using var cancel = new CancellationTokenSource();
        var source = new NumberedImages(100_000) { Reading = index => { if (index == 100) { cancel.Cancel(); } } };
        Assert.ThrowsAny<OperationCanceledException>(() => new BatchReader(source, Size, Fit.Crop).Read(10_000, Shard.Whole, cancel.Token).Count());
        Assert.InRange(source.BytesRead.Count, 101, 9_000);
        Assert.True(source.IsClosed);
    }

    /// <summary>Images whose pixels are their number; every 11th is broken.</summary>
    private sealed class NumberedImages(int count) : IImageSource
    {
        public List<int> BytesRead { get; } = [];
        public bool IsClosed { get; private set; }
        public int FailsAt { get; init; } = -1;
        public Action<int> Reading { get; init; } = _ => { };

        public IReadOnlyList<string> Classes => [];
        public int Count => count;

        public static bool IsBroken(int index) => index % 11 == 3;

        public static byte[] Pixels(int index) => [.. Enumerable.Repeat((byte)index, ImageBytes)];

        public IEnumerable<SourceImage> Read(Func<int, bool> wanted)
        {
            var buffer = new byte[1];
            try
            {
                for (var i = 0; i < count; i++)
                {
                    if (i == FailsAt)
                    {
                        throw new DataException("changed");
                    }
                    if (wanted(i))
                    {
                        Reading(i);
                        BytesRead.Add(i);
                        buffer[0] = (byte)i;   // used again for the next
                        yield return new SourceImage { Index = i, Path = $"{i}", Split = Split.Test, Bytes = buffer };
                    }
                }
            }
            finally
            {
                IsClosed = true;
            }
        }

        public void Decode(SourceImage image, ImageDecoder decoder, int size, Span<byte> planarRgb)
        {
            planarRgb.Fill(image.Bytes.Span[0]);
            if (IsBroken(image.Index))
            {
                throw new DataException("is broken");
            }
        }
    }
}
