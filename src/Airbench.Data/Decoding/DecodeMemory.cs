namespace Airbench.Data;

/// <summary>
/// Bounds the memory that large images take in the decoders that share it: one waits until there is room for what it needs, in the order of asking.
/// An image that needs more than the bound is decoded while no other large one is.
/// </summary>
/// <param name="bytes">The bound.</param>
public sealed class DecodeMemory(long bytes)
{
    private const long LeastBytes = 512L << 20, BytesPerCore = 128L << 20;
    private readonly Lock _turns = new();
    private readonly object _room = new();
    private long _used;

    /// <summary>Room for one 24-megapixel image a core, and for five in any case.</summary>
    public static DecodeMemory ForThisMachine() => new(Math.Max(LeastBytes, BytesPerCore * Environment.ProcessorCount));

    /// <summary>Waits until there is room for <paramref name="needed"/> bytes; disposing of the result gives it back.</summary>
    internal Room Take(long needed)
    {
        lock (_turns)   // one waits at a time, so that small needs do not overtake a large one for ever
        {
            lock (_room)
            {
                while (_used > 0 && _used + needed > bytes)
                {
                    Monitor.Wait(_room);
                }
                _used += needed;
            }
        }
        return new Room(this, needed);
    }

    private void Return(long taken)
    {
        lock (_room)
        {
            _used -= taken;
            Monitor.Pulse(_room);
        }
    }

    /// <summary>Memory that is taken; the default is none.</summary>
    internal readonly struct Room(DecodeMemory? memory, long taken) : IDisposable
    {
        /// <inheritdoc/>
        public void Dispose() => memory?.Return(taken);
    }
}
