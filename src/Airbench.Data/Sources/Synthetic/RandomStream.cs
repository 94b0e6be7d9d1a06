namespace Airbench.Data;

/// <summary>
/// SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014): 64-bit integer arithmetic
/// alone, so that a key gives the same numbers on every machine and with every version of .NET, which
/// <see cref="System.Random"/> does not promise.
/// </summary>
internal struct RandomStream
{
    private const ulong Increment = 0x9E3779B97F4A7C15;
    private ulong _state;

    /// <summary>A stream of its own for every triple of keys.</summary>
    public RandomStream(int first, int second, int third) =>
        _state = Mix(Mix(Mix((uint)first + Increment) + (uint)second + Increment) + (uint)third + Increment);

    /// <summary>64 random bits.</summary>
    public ulong Next() => Mix(_state += Increment);

    /// <summary>A whole number from <paramref name="low"/> to <paramref name="high"/>, both included; at most 2^31 values apart.</summary>
    public int Between(int low, int high) => low + (int)(((Next() >> 32) * (ulong)(high - low + 1)) >> 32);

    private static ulong Mix(ulong bits)
    {
        bits = (bits ^ (bits >> 30)) * 0xBF58476D1CE4E5B9;
        bits = (bits ^ (bits >> 27)) * 0x94D049BB133111EB;
        return bits ^ (bits >> 31);
    }
}
