using System.Buffers.Binary;

namespace Airbench.Data;

/// <summary>Checks the runs of a compressed BMP (RLE4, RLE8): the codec leaves black what they leave out, and cuts off what they have too much.</summary>
internal static class BmpRuns
{
    private const int FileHeaderBytes = 14;
    private const uint Rle8 = 1, Rle4 = 2;

    /// <summary>Nothing to check in a BMP without runs.</summary>
    /// <exception cref="DataException">Runs leave pixels out, go beyond the image or end too early.</exception>
    public static void Check(ReadOnlySpan<byte> file)
    {
        if (file.Length < FileHeaderBytes + 40 || BinaryPrimitives.ReadUInt32LittleEndian(file[FileHeaderBytes..]) < 40
            || BinaryPrimitives.ReadUInt32LittleEndian(file[30..]) is not (Rle8 or Rle4) and var compression)
        {
            return;
        }
        var width = BinaryPrimitives.ReadInt32LittleEndian(file[18..]);
        long height = BinaryPrimitives.ReadInt32LittleEndian(file[22..]);
        var bits = BinaryPrimitives.ReadUInt16LittleEndian(file[28..]);
        var data = file[(int)Math.Min(BinaryPrimitives.ReadUInt32LittleEndian(file[10..]), file.Length)..];
        var perByte = bits == 4 ? 2 : 1;
        var (x, y) = (0, 0L);
        while (y < height)
        {
            if (data.Length < 2)
            {
                if (y == height - 1 && x >= width)
                {
                    return;   // only the mark of the end is missing
                }
                throw EndsTooEarly();
            }
            var (count, value) = (data[0], data[1]);
            data = data[2..];
            if (count > 0)
            {
                x += count;
            }
            else if (value > 2)
            {
                var bytes = (value + perByte - 1) / perByte;
                if (data.Length < bytes)
                {
                    throw EndsTooEarly();
                }
                data = data[Math.Min(data.Length, bytes + (bytes & 1))..];
                x += value;
            }
            else if (value == 2 || x < width || (value == 1 && y < height - 1))
            {
                throw Damaged();   // a jump, or an end of the line or of the image before all pixels are there
            }
            else
            {
                (x, y) = (0, y + 1);
            }
            if (x >= width + perByte)   // a run of 4-bit pixels may fill its last byte
            {
                throw Damaged();
            }
        }
    }

    private static DataException EndsTooEarly() => new("is a BMP file that ends too early");

    private static DataException Damaged() => new("is a BMP file that is damaged: its runs leave pixels out or go beyond the image");
}
