using System.Collections.Concurrent;

namespace Airbench.Data;

/// <summary>Batches to be used again.</summary>
internal sealed class ChunkPool
{
    private readonly ConcurrentBag<ImageChunk> _free = [];

    /// <summary>An empty batch.</summary>
    public ImageChunk Take() => _free.TryTake(out var chunk) ? chunk : new ImageChunk([]);

    /// <summary>Takes a batch back.</summary>
    public void Return(ImageChunk chunk)
    {
        chunk.Clear();
        _free.Add(chunk);
    }
}

/// <summary>Makes batches on another thread while the caller uses those before.</summary>
internal static class Prefetch
{
    /// <summary>The batches of <paramref name="produce"/>; each is valid until the next is asked for.</summary>
    /// <param name="produce">Called once, on another thread; its errors are thrown here.</param>
    /// <param name="ahead">Most batches that wait.</param>
    /// <param name="cancel">Ends both sides.</param>
    public static IEnumerable<ImageChunk> Run(
        Func<ChunkPool, CancellationToken, IEnumerable<ImageChunk>> produce, int ahead, CancellationToken cancel)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        using var ready = new BlockingCollection<ImageChunk>(ahead);
        var pool = new ChunkPool();
        var producer = Task.Factory.StartNew(
            () =>
            {
                try
                {
                    foreach (var chunk in produce(pool, stop.Token))
                    {
                        ready.Add(chunk, stop.Token);
                    }
                }
                finally
                {
                    ready.CompleteAdding();
                }
            },
            CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        try
        {
            foreach (var chunk in ready.GetConsumingEnumerable(cancel))
            {
                yield return chunk;
                pool.Return(chunk);
            }
            producer.GetAwaiter().GetResult();
        }
        finally
        {
            stop.Cancel();
            Task.WaitAny([producer], CancellationToken.None);   // its files must be closed before the caller goes on; its error is thrown above
        }
    }
}
