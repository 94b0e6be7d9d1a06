using System.Runtime.ExceptionServices;

namespace Airbench.Data;

/// <summary>
/// Reads and decodes a source on all cores while the batches before are used. Batches, and images within, come in the source's order
/// whatever the threads do.
/// </summary>
/// <remarks>
/// There are two buffers: the batches of one are used while the other is filled. Every thread takes the next image from the source, one thread
/// at a time, and decodes it. In memory are the two buffers, of one batch or <see cref="BufferBytes"/>, and one encoded file a thread.
/// </remarks>
/// <param name="source">The images.</param>
/// <param name="imageSize">Height and width S of the pixels.</param>
/// <param name="fit">How images that are not square become so.</param>
public sealed class BatchReader(IImageSource source, int imageSize, Fit fit)
{
    /// <summary>Small batches share a buffer, so that there is work for all threads.</summary>
    private const int BufferImages = 512;

    private const int BufferBytes = 16 << 20;

    /// <summary>A larger file, bytes, is decoded before the next is read: its thread keeps no copy of it.</summary>
    private const int LargeFile = 16 << 20;

    private readonly int _imageBytes = 3 * imageSize * imageSize;
    private readonly Lock _reading = new();

    /// <summary>All images, in batches as large as are good for the reader.</summary>
    /// <inheritdoc cref="Read(int, Shard, CancellationToken)"/>
    public IEnumerable<DecodedBatch> Read(CancellationToken cancel) => Read(ImagesOfBuffer, Shard.Whole, cancel);

    /// <summary>
    /// The batches of <paramref name="shard"/>. Batch b holds the images from b * <paramref name="batchSize"/>; each is valid until the next
    /// is asked for.
    /// </summary>
    /// <param name="batchSize">Images of a batch, broken ones included.</param>
    /// <param name="shard">Which batches; of the others no bytes are read.</param>
    /// <param name="cancel">Ends the work within a batch.</param>
    /// <exception cref="DataException">The source changed, or an archive breaks a bound.</exception>
    /// <exception cref="InvalidFileException">A damaged archive.</exception>
    public IEnumerable<DecodedBatch> Read(int batchSize, Shard shard, CancellationToken cancel)
    {
        // As many whole batches as a buffer holds, and no more than there are images.
        var capacity = Math.Clamp(source.Count, 1, Math.Max(1, ImagesOfBuffer / batchSize) * batchSize);
        var (current, next) = (new BatchBuffer(capacity, _imageBytes), new BatchBuffer(capacity, _imageBytes));
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        using var images = source.Read(index => shard.Owns(index / batchSize)).GetEnumerator();
        var memory = DecodeMemory.ForThisMachine();
        var workers = Array.ConvertAll(new DecodeWorker[Environment.ProcessorCount], _ => new DecodeWorker(memory, fit));
        Task Start(BatchBuffer buffer) => Task.Run(() => Fill(buffer, images, workers, stop.Token), CancellationToken.None);

        var filling = Start(next);
        try
        {
            while (true)
            {
                filling.GetAwaiter().GetResult();
                if (next.Count == 0)
                {
                    yield break;
                }
                (current, next) = (next, current);
                filling = Start(next);
                foreach (var batch in current.Batches(batchSize))
                {
                    yield return batch;
                    cancel.ThrowIfCancellationRequested();
                }
            }
        }
        finally
        {
            stop.Cancel();
            Task.WaitAny([filling], CancellationToken.None);   // the source must not be closed under its readers; their error is thrown above
            Array.ForEach(workers, worker => worker.Dispose());
        }
    }

    private int ImagesOfBuffer => Math.Clamp(BufferBytes / _imageBytes, 1, BufferImages);

    /// <summary>Reads and decodes until the buffer is full or the source ends.</summary>
    private void Fill(BatchBuffer buffer, IEnumerator<SourceImage> images, DecodeWorker[] workers, CancellationToken cancel)
    {
        buffer.Clear();
        try
        {
            Parallel.ForEach(workers, new ParallelOptions { CancellationToken = cancel }, (worker, state) =>
            {
                while (!state.ShouldExitCurrentIteration && Next(buffer, images, worker))
                {
                }
            });
        }
        catch (AggregateException e)
        {
            ExceptionDispatchInfo.Throw(e.InnerExceptions[0]);   // such as a missing native library: every thread says the same
        }
    }

    /// <summary>Reads and decodes one image; false where there is none left or no room.</summary>
    private bool Next(BatchBuffer buffer, IEnumerator<SourceImage> images, DecodeWorker worker)
    {
        SourceImage image;
        Memory<byte> pixels;
        lock (_reading)
        {
            if (buffer.IsFull || !images.MoveNext())
            {
                return false;
            }
            image = images.Current;
            pixels = buffer.Add(image);
            if (image.Bytes.Length > LargeFile)
            {
                Decode(image, worker.Decoder, pixels.Span);
                return true;
            }
            worker.Keep(image);
        }
        Decode(image, worker.Decoder, pixels.Span);
        return true;
    }

    private void Decode(SourceImage image, ImageDecoder decoder, Span<byte> pixels)
    {
        if (image.Error is null)
        {
            try
            {
                source.Decode(image, decoder, imageSize, pixels);
            }
            catch (DataException e)
            {
                image.Error = e.Message;
            }
        }
        image.Bytes = default;
    }
}
