namespace Airbench.Data;

/// <summary>The checksum of PNG, zip and gzip (CRC-32, polynomial 0xEDB88320), which the framework does not compare for .zip.</summary>
internal static class Crc32
{
    private static readonly uint[] Table = [.. Enumerable.Range(0, 256).Select(n => OfByte((uint)n))];

    /// <summary>The checksum of <paramref name="bytes"/> and, behind them, <paramref name="more"/>.</summary>
    public static uint Of(ReadOnlySpan<byte> bytes, ReadOnlySpan<byte> more = default) => ~Update(Update(uint.MaxValue, bytes), more);

    private static uint Update(uint crc, ReadOnlySpan<byte> bytes)
    {
        foreach (var value in bytes)
        {
            crc = Table[(crc ^ value) & 0xFF] ^ (crc >> 8);
        }
        return crc;
    }

    private static uint OfByte(uint n)
    {
        for (var bit = 0; bit < 8; bit++)
        {
            n = (n & 1) == 0 ? n >> 1 : 0xEDB88320 ^ (n >> 1);
        }
        return n;
    }
}
