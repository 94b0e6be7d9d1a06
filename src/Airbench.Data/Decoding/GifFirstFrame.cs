namespace Airbench.Data;

/// <summary>Cuts a GIF down to its first frame, without transparency: the codec would otherwise give black where the stored colour shows through.</summary>
internal static class GifFirstFrame
{
    private const byte Extension = 0x21, GraphicControl = 0xF9, Image = 0x2C, Trailer = 0x3B;

    /// <summary>A GIF of the first frame alone.</summary>
    /// <exception cref="DataException">The file ends before that frame does, or holds none.</exception>
    public static byte[] Of(ReadOnlySpan<byte> file)
    {
        var flags = new List<int>();   // where frames are declared transparent
        var at = 13 + TableBytes(At(file, 10));
        while (true)
        {
            switch (At(file, at))
            {
                case Extension:
                    if (At(file, at + 1) == GraphicControl && At(file, at + 2) == 4)
                    {
                        flags.Add(at + 3);
                    }
                    at = EndOfBlocks(file, at + 2);
                    break;
                case Image:
                    at = EndOfBlocks(file, at + 11 + TableBytes(At(file, at + 9)));   // a descriptor, its colours, the size of the first code
                    byte[] frame = [.. file[..at], Trailer];
                    flags.ForEach(flag => frame[flag] &= 0xFE);
                    return frame;
                default:
                    throw new DataException("is a GIF file that holds no image");
            }
        }
    }

    /// <summary>Just behind a sequence of blocks, each behind its length; the last has length 0.</summary>
    private static int EndOfBlocks(ReadOnlySpan<byte> file, int at)
    {
        while (At(file, at) is var length and > 0)
        {
            at += 1 + length;
        }
        return at + 1;
    }

    private static int TableBytes(byte flags) => (flags & 0x80) == 0 ? 0 : 3 * (2 << (flags & 7));

    private static byte At(ReadOnlySpan<byte> file, int at) => at < file.Length ? file[at] : throw new DataException("is a GIF file that ends too early");
}
