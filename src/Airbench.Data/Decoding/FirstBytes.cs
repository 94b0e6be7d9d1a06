using System.Buffers.Binary;
using System.Text;
using static Airbench.Data.ImageFormats;

namespace Airbench.Data;

/// <summary>Tells the formats of image files apart by the bytes that they begin with.</summary>
internal static class FirstBytes
{
    /// <summary>The format, or null where <paramref name="head"/> begins none that is known.</summary>
    public static ImageFormat? Format(ReadOnlySpan<byte> head) => head switch
    {
        [0xFF, 0xD8, 0xFF, ..] => Jpeg,
        [0x89, (byte)'P', (byte)'N', (byte)'G', 0x0D, 0x0A, 0x1A, 0x0A, ..] => ImageFormats.Png,   // Png alone is the writer of such files
        [0x8A, (byte)'M', (byte)'N', (byte)'G', ..] or [0x8B, (byte)'J', (byte)'N', (byte)'G', ..] => Mng,
        [0x00, 0x00, 0x01, 0x00, ..] => Ico,
        [0x00, 0x00, 0x02, 0x00, ..] => Cursor,
        [0xFF, 0x4F, 0xFF, 0x51, ..] => Jpeg2000,
        [0xFF, 0x0A, ..] => JpegXl,
        [0x00, 0x00, 0x00, 0x0C, (byte)'j', (byte)'P', (byte)' ', (byte)' ', ..] => Jpeg2000,
        [0x00, 0x00, 0x00, 0x0C, (byte)'J', (byte)'X', (byte)'L', (byte)' ', ..] => JpegXl,
        [_, _, _, _, (byte)'f', (byte)'t', (byte)'y', (byte)'p', ..] => Boxes(head),
        [(byte)'I', (byte)'I', 0xBC, ..] => JpegXr,
        [(byte)'I', (byte)'I', 42, 0, _, _, _, _, (byte)'C', (byte)'R', ..] => Raw,   // Canon's CR2 is a TIFF with a mark
        [(byte)'I', (byte)'I', 42 or 43, 0, ..] or [(byte)'M', (byte)'M', 0, 42 or 43, ..] => Tiff,
        [(byte)'I', (byte)'I', (byte)'R', (byte)'O' or (byte)'S', ..] or [(byte)'I', (byte)'I', (byte)'U', 0, ..]
            or [(byte)'M', (byte)'M', (byte)'O', (byte)'R', ..] or [(byte)'F', (byte)'O', (byte)'V', (byte)'b', ..] => Raw,
        [(byte)'I', (byte)'I', 0x1A, 0, 0, 0, (byte)'H', (byte)'E', (byte)'A', (byte)'P', ..] => Raw,
        [0x76, 0x2F, 0x31, 0x01, ..] => OpenExr,
        [(byte)'P', >= (byte)'1' and <= (byte)'7', (byte)' ' or (byte)'\n' or (byte)'\r' or (byte)'\t', ..] => Netpbm,
        [(byte)'B', (byte)'P', (byte)'G', 0xFB, ..] => Bpg,
        [0xD7, 0xCD, 0xC6, 0x9A, ..] => Wmf,
        _ when IsBmp(head) => Bmp,
        _ when IsSvg(head) => Svg,
        _ => ByText(head),
    };

    private static ImageFormat? ByText(ReadOnlySpan<byte> head) =>
        head.StartsWith("GIF87a"u8) || head.StartsWith("GIF89a"u8) ? Gif
        : head.StartsWith("RIFF"u8) && At(head, 8, "WEBP"u8) ? WebP
        : head.StartsWith("RIFF"u8) && At(head, 8, "ACON"u8) ? Cursor
        : head.StartsWith("%PDF"u8) ? Pdf
        : head.StartsWith("%!PS"u8) ? PostScript
        : head.StartsWith("8BPS"u8) ? Photoshop
        : head.StartsWith("gimp xcf"u8) ? Gimp
        : head.StartsWith("FUJIFILMCCD-RAW"u8) ? Raw
        : head.StartsWith("icns"u8) ? Icns
        : head.StartsWith("#?RADIANCE"u8) || head.StartsWith("#?RGBE"u8) ? Radiance
        : head.StartsWith("qoif"u8) ? Qoi
        : head.StartsWith("DDS "u8) ? Dds
        : head.StartsWith("SIMPLE  ="u8) ? Fits
        : head.StartsWith("AT&TFORM"u8) ? DjVu
        : At(head, 40, " EMF"u8) ? Wmf
        : At(head, 128, "DICM"u8) ? Dicom
        : null;

    /// <summary>"BM" alone may begin a text; behind the file header is the size of the next one, which has 12 to 124 bytes.</summary>
    private static bool IsBmp(ReadOnlySpan<byte> head) =>
        head.StartsWith("BM"u8) && head.Length >= 18 && BinaryPrimitives.ReadUInt32LittleEndian(head[14..]) is >= 12 and <= 124;

    /// <summary>XML whose first bytes hold the element svg.</summary>
    private static bool IsSvg(ReadOnlySpan<byte> head)
    {
        var text = head.StartsWith(Encoding.UTF8.Preamble) ? head[3..] : head;
        text = text.TrimStart(" \t\r\n"u8);
        return text.StartsWith("<svg"u8)
            || ((text.StartsWith("<?xml"u8) || text.StartsWith("<!"u8)) && text.IndexOf("<svg"u8) >= 0);
    }

    /// <summary>Files of boxes (ISO/IEC 14496-12): the brands of the first box tell HEIC, AVIF and Canon's CR3 from videos.</summary>
    private static ImageFormat Boxes(ReadOnlySpan<byte> head)
    {
        var brands = head[8..Math.Clamp((int)Math.Min(BinaryPrimitives.ReadUInt32BigEndian(head), (uint)head.Length), 8, head.Length)];
        var isHeic = false;
        for (var i = 0; i + 4 <= brands.Length; i += 4)   // the second is a version, which is like no brand
        {
            var brand = brands.Slice(i, 4);
            if (brand.SequenceEqual("avif"u8) || brand.SequenceEqual("avis"u8))
            {
                return Avif;
            }
            if (brand.SequenceEqual("crx "u8))
            {
                return Raw;
            }
            isHeic |= brand.StartsWith("hei"u8) || brand.StartsWith("hev"u8) || brand.SequenceEqual("mif1"u8) || brand.SequenceEqual("msf1"u8);
        }
        return isHeic ? Heic : Mp4;
    }

    private static bool At(ReadOnlySpan<byte> head, int offset, ReadOnlySpan<byte> bytes) =>
        head.Length >= offset + bytes.Length && head.Slice(offset, bytes.Length).SequenceEqual(bytes);
}
