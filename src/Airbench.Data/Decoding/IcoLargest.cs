using System.Buffers.Binary;

namespace Airbench.Data;

/// <summary>Finds the largest image of an ICO. The codec would take a smaller one where that is cut off.</summary>
internal static class IcoLargest
{
    private const int HeaderBytes = 6, EntryBytes = 16;

    /// <summary>The image with most pixels, of these the one with most colours: a PNG, or an ICO that holds nothing else.</summary>
    /// <exception cref="DataException">It lies beyond the end of the file, or there is none.</exception>
    public static byte[] Of(ReadOnlySpan<byte> file)
    {
        var count = file.Length < HeaderBytes ? 0 : BinaryPrimitives.ReadUInt16LittleEndian(file[4..]);
        if (count == 0 || file.Length < HeaderBytes + (count * EntryBytes))
        {
            throw new DataException(count == 0 ? "is an ICO file that holds no image" : "is an ICO file that ends too early");
        }
        var (largest, most) = (-1, (Pixels: 0L, Bits: 0));
        for (var i = 0; i < count; i++)
        {
            var size = SizeOf(file, Entry(file, i));
            if (largest < 0 || size.CompareTo(most) > 0)
            {
                (largest, most) = (i, size);
            }
        }
        var entry = Entry(file, largest);
        var (length, offset) = (BinaryPrimitives.ReadUInt32LittleEndian(entry[8..]), BinaryPrimitives.ReadUInt32LittleEndian(entry[12..]));
        if ((long)offset + length > file.Length)
        {
            throw new DataException("is an ICO file that ends too early: its largest image is not all there");
        }
        var image = file.Slice((int)offset, (int)length);
        if (ImageFormats.Of(image) == ImageFormats.Png)
        {
            return image.ToArray();
        }
        var alone = new byte[HeaderBytes + EntryBytes + image.Length];
        alone[2] = alone[4] = 1;   // an icon; one image
        entry.CopyTo(alone.AsSpan(HeaderBytes));
        BinaryPrimitives.WriteInt32LittleEndian(alone.AsSpan(HeaderBytes + 12), HeaderBytes + EntryBytes);
        image.CopyTo(alone.AsSpan(HeaderBytes + EntryBytes));
        return alone;
    }

    private static ReadOnlySpan<byte> Entry(ReadOnlySpan<byte> file, int index) => file.Slice(HeaderBytes + (index * EntryBytes), EntryBytes);

    /// <summary>From the image itself where its header can be read: the directory has one byte for a side, in which 0 means 256.</summary>
    private static (long Pixels, int Bits) SizeOf(ReadOnlySpan<byte> file, ReadOnlySpan<byte> entry)
    {
        var offset = BinaryPrimitives.ReadUInt32LittleEndian(entry[12..]);
        var image = offset < file.Length ? file[(int)offset..] : default;
        if (ImageFormats.Of(image) == ImageFormats.Png && image.Length >= 26)
        {
            var samples = image[25] switch { 2 => 3, 4 => 2, 6 => 4, _ => 1 };
            return ((long)BinaryPrimitives.ReadUInt32BigEndian(image[16..]) * BinaryPrimitives.ReadUInt32BigEndian(image[20..]), image[24] * samples);
        }
        var bits = image.Length >= 16 ? BinaryPrimitives.ReadUInt16LittleEndian(image[14..]) : BinaryPrimitives.ReadUInt16LittleEndian(entry[6..]);
        return ((long)Side(entry[0]) * Side(entry[1]), bits);
    }

    private static int Side(byte side) => side == 0 ? 256 : side;
}
