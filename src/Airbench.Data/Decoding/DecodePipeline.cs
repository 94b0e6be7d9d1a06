using System.Buffers.Binary;
using System.Collections.Concurrent;
using System.Runtime.ExceptionServices;
using System.Security.Cryptography;

namespace Airbench.Data;

/// <summary>
/// Reads a source on one thread while the batch before is decoded on all. Batches, and images within, come out in the
/// source's order whatever the threads do.
/// </summary>
internal sealed class DecodePipeline(IImageSource source, int imageSize)
{
    private readonly ConcurrentBag<Worker> _workers = [];
    private readonly Lock _largeImages = new();

    /// <summary>Statistics of the training images of all batches read so far.</summary>
    public ChannelStatistics TrainStatistics()
    {
        var total = new ChannelStatistics();
        foreach (var worker in _workers)
        {
            total.Add(worker.Train);
        }
        return total;
    }

    /// <summary>Decoded batches; each is valid until the next is asked for.</summary>
    public IEnumerable<SourceBatch> Run(CancellationToken cancel)
    {
        var options = new ParallelOptions { CancellationToken = cancel };
        using var images = source.Read().GetEnumerator();
        var (current, next) = (new SourceBatch(imageSize), new SourceBatch(imageSize));
        var reading = Task.Run(() => next.Fill(images), CancellationToken.None);
        try
        {
            while (reading.GetAwaiter().GetResult())
            {
                (current, next) = (next, current);
                var target = next;
                reading = Task.Run(() => target.Fill(images), CancellationToken.None);
                Decode(current, options);
                yield return current;
                cancel.ThrowIfCancellationRequested();
            }
        }
        finally
        {
            // The source must not be closed under its reader, whose own error, if any, has been thrown above.
            Task.WaitAny([reading], CancellationToken.None);
            foreach (var worker in _workers)
            {
                worker.Decoder.Dispose();
            }
        }
    }

    private void Decode(SourceBatch batch, ParallelOptions options)
    {
        try
        {
            Parallel.For(0, batch.Images.Count, options, TakeWorker, (i, _, worker) => Decode(batch, i, worker), _workers.Add);
        }
        catch (AggregateException e)
        {
            ExceptionDispatchInfo.Throw(e.InnerExceptions[0]);   // such as a missing native library: every thread says the same
        }
    }

    private Worker TakeWorker() =>
        _workers.TryTake(out var worker) ? worker : new Worker(new ImageDecoder(_largeImages), new ChannelStatistics());

    private Worker Decode(SourceBatch batch, int i, Worker worker)
    {
        var image = batch.Images[i];
        if (image.Error is null)
        {
            var pixels = batch.Pixels(i);
            try
            {
                source.Decode(image, worker.Decoder, imageSize, pixels);
                Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
                SHA256.HashData(pixels, hash);
                image.PixelHash = BinaryPrimitives.ReadUInt128BigEndian(hash);
                if (image.Split == Split.Train)
                {
                    worker.Train.Add(pixels);
                }
            }
            catch (DataException e)
            {
                image.Error = e.Message;
            }
        }
        return worker;
    }

    private sealed record Worker(ImageDecoder Decoder, ChannelStatistics Train);
}
