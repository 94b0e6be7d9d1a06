// Image files to upright pixels as they are stored: no colour profile, no gamma, alpha dropped. Whole files only.
using System.Buffers.Binary;
using System.IO.Hashing;
using System.Text;
using System.Text.RegularExpressions;
using SkiaSharp;

/// <summary>What is wrong with a file; the message goes on after its name.</summary>
sealed class NotReadException(string message) : Exception(message);

static class Images
{
    const long MostPixels = 100_000_000;

    // How files begin, as text of one character a byte.
    static readonly Dictionary<string, string> Read = new()
    {
        ["JPEG"] = @"\xff\xd8\xff", ["PNG"] = @"\x89PNG\r\n\x1a\n", ["WebP"] = "RIFF.{4}WEBP", ["BMP"] = @"BM.{12}[\x0c-\x7c]\0\0\0", ["GIF"] = "GIF8[79]a",
        ["ICO"] = @"\0\0\x01\0",
    };
    static readonly Dictionary<string, string> NotRead = new()
    {
        ["AVIF"] = ".{4}ftyp(.{4}){0,16}?avi[fs]", ["HEIC"] = ".{4}ftyp(.{4}){0,16}?(hei|hev|mif1|msf1)", ["JPEG XL"] = @"\xff\x0a|\0\0\0\x0cJXL\ ",
        ["JPEG 2000"] = @"\xff\x4f\xff\x51|\0\0\0\x0cjP\ \ ", ["SVG"] = @"(\xef\xbb\xbf)?\s*(<svg|<\?xml.*<svg|<!.*<svg)", ["PDF"] = "%PDF", ["PSD"] = "8BPS",
        ["raw photo"] = @"II\*\0.{4}CR|IIR[OS]|IIU\0|MMOR|FOVb|FUJIFILM", ["TIFF"] = @"II[*+]\0|MM\0[*+]", ["MP4"] = ".{4}ftyp",
    };

    /// <summary>The image of a file's bytes.</summary>
    public static Picture Decode(byte[] file)
    {
        var format = FormatOf(file);
        try
        {
            return format switch
            {
                "JPEG" => DecodeJpeg(file),
                "PNG" => Upright(Codec(file, format), PngOrientation(file)),
                "GIF" => Upright(Codec(FirstFrame(file), format)),
                "ICO" => DecodeLargest(file),
                "BMP" => DecodeBmp(file),
                _ => Upright(Codec(file, format), WebPOrientation(file)),
            };
        }
        catch (Exception e) when (e is ArgumentOutOfRangeException or IndexOutOfRangeException)   // it read beyond the end
        {
            throw CutOff(format);
        }
    }

    static string FormatOf(byte[] file)
    {
        var head = Encoding.Latin1.GetString(file, 0, Math.Min(file.Length, 1024));
        string? Find(Dictionary<string, string> formats) => formats.FirstOrDefault(f => Regex.IsMatch(head, $"^(?:{f.Value})", RegexOptions.Singleline)).Key;
        return Find(NotRead) is { } other ? throw new NotReadException($"is {An(other)}, which is not read: convert it to JPEG or PNG")
            : Find(Read) ?? throw new NotReadException(file.Length == 0 ? "is empty"
                : $"is no image that is read (its first bytes are {Convert.ToHexString(file[..Math.Min(8, file.Length)])}; expected {string.Join(", ", Read.Keys)})");
    }

    static string An(string format) => $"{("AEIMOSX".Contains(format[0]) ? "an" : "a")} {format} file";

    static NotReadException CutOff(string format) => new($"is {An(format)} that ends too early");

    static NotReadException Damaged(string format, string why) => new($"is {An(format)} that cannot be decoded ({why})");

    static uint UInt32(byte[] bytes, int at) => BinaryPrimitives.ReadUInt32LittleEndian(bytes.AsSpan(at));

    /// <summary>RGBA as stored, and the orientation that the codec knows.</summary>
    static (int Width, int Height, byte[] Rgba, int Orientation) Codec(byte[] file, string format)
    {
        using var data = SKData.CreateCopy(file);
        using var codec = SKCodec.Create(data) ?? throw Damaged(format, "its header is damaged or cut off");
        var (width, height) = (codec.Info.Width, codec.Info.Height);
        if ((long)width * height is < 1 or > MostPixels)
        {
            throw new NotReadException($"is {width} x {height} pixels; at most {MostPixels / 1_000_000} megapixels are decoded");
        }
        // No colour space: values as they are stored. Unpremultiplied: dropping alpha then leaves the stored colour.
        var info = new SKImageInfo(width, height, SKColorType.Rgba8888, SKAlphaType.Unpremul);
        var rgba = new byte[info.BytesSize64];
        unsafe
        {
            fixed (byte* start = rgba)
            {
                var result = codec.GetPixels(info, (nint)start, info.RowBytes, SKCodecOptions.Default);
                return result switch
                {
                    SKCodecResult.Success => (width, height, rgba, (int)codec.EncodedOrigin),
                    SKCodecResult.IncompleteInput => throw CutOff(format),
                    _ => throw Damaged(format, result.ToString()),
                };
            }
        }
    }

    static Picture Upright((int Width, int Height, byte[] Rgba, int Orientation) image, int? orientation = null)
    {
        var turn = orientation ?? image.Orientation;
        var (isTransposed, right, down) = (turn is >= 5 and <= 8, turn is 2 or 3 or 7 or 8, turn is 3 or 4 or 6 or 7);
        var (width, height) = isTransposed ? (image.Height, image.Width) : (image.Width, image.Height);
        var pixels = new byte[3L * width * height];
        for (var y = 0; y < image.Height; y++)
        {
            for (var x = 0; x < image.Width; x++)
            {
                var (u, v) = (right ? image.Width - 1 - x : x, down ? image.Height - 1 - y : y);
                var to = 3L * (isTransposed ? ((long)u * width) + v : ((long)v * width) + u);
                Array.Copy(image.Rgba, 4L * (((long)y * image.Width) + x), pixels, to, 3);
            }
        }
        return new Picture(width, height, pixels);
    }

    /// <summary>
    /// Of a JPEG that lacks its last marker all scans have to be there, and whether the last is whole shows when it is decoded with one end and with
    /// another: what follows a whole picture changes none of it.
    /// </summary>
    static Picture DecodeJpeg(byte[] file)
    {
        if (HasEnd(file))
        {
            return Upright(Codec(file, "JPEG"));
        }
        var data = file.AsSpan().TrimEnd((byte)0xFF);   // half of a marker
        var image = Codec([.. data, 0xFF, 0xD9], "JPEG");
        var other = Codec([.. data, .. Enumerable.Repeat((byte)0xB6, 64), 0xFF, 0xD9], "JPEG");
        return image.Rgba.AsSpan().SequenceEqual(other.Rgba) ? Upright(image) : throw CutOff("JPEG");
    }

    /// <summary>Whether the last marker is there; throws where the kind of JPEG is not read, or more than that marker is missing.</summary>
    static bool HasEnd(byte[] file)
    {
        var missing = new Dictionary<byte, int[]>();   // bits still to come of each component's 64 coefficients
        var (isProgressive, at) = (false, 2);
        while (at < file.Length && Array.IndexOf(file, (byte)0xFF, at) is var found and >= 0 && found + 1 < file.Length)
        {
            at = found + 1;
            var marker = file[at];
            if (marker == 0xD9)
            {
                return true;
            }
            if (marker == 0xFF)
            {
                continue;   // a fill byte
            }
            at++;
            if (marker is <= 0x01 or (>= 0xD0 and <= 0xD8))
            {
                continue;   // coded data, or a marker without a segment
            }
            var length = BinaryPrimitives.ReadUInt16BigEndian(file.AsSpan(at));
            var segment = file.AsSpan(at, length)[Math.Min(2, (int)length)..];
            at += length;
            switch (marker)
            {
                case 0xC3 or (>= 0xC5 and <= 0xC7) or 0xCB or (>= 0xCD and <= 0xCF) or 0xF7:
                    throw Damaged("JPEG", "lossless or hierarchical, which is not read");
                case >= 0xC0 and <= 0xC2 or 0xC9 or 0xCA:
                    isProgressive = marker is 0xC2 or 0xCA;
                    missing.Clear();
                    for (var i = 6; i < segment.Length; i += 3)
                    {
                        missing[segment[i]] = [.. Enumerable.Repeat(-1, 64)];
                    }
                    if (segment[0] != 8)
                    {
                        throw Damaged("JPEG", $"{segment[0]} bits a sample, of which only 8 are read");
                    }
                    break;
                case 0xDA:   // a scan
                    var behind = 1 + (2 * segment[0]);
                    var (first, last, left) = isProgressive ? (segment[behind], Math.Min((int)segment[behind + 1], 63), segment[behind + 2] & 15) : (0, 63, 0);
                    for (var i = 1; i < behind; i += 2)
                    {
                        if (missing.TryGetValue(segment[i], out var bits) && first <= last)
                        {
                            bits.AsSpan(first..(last + 1)).Fill(left);
                        }
                    }
                    break;
            }
        }
        return missing.Count > 0 && missing.Values.All(bits => bits.All(left => left == 0)) ? false : throw CutOff("JPEG");
    }

    /// <summary>The orientation in the chunk eXIf, which the codec does not know; throws where a checksum that the codec passes over is wrong.</summary>
    static int PngOrientation(byte[] file)
    {
        var orientation = 1;
        for (var at = 8; at + 12 <= file.Length;)
        {
            var length = (int)Math.Min(BinaryPrimitives.ReadUInt32BigEndian(file.AsSpan(at)), int.MaxValue - 12);
            var name = Encoding.Latin1.GetString(file, at + 4, 4);
            if (length > file.Length - at - 12 || name == "IEND")
            {
                break;   // what is cut off is for the codec to say
            }
            var sum = BinaryPrimitives.ReadUInt32BigEndian(file.AsSpan(at + 8 + length));
            if ((name[0] & 0x20) == 0 && Crc32.HashToUInt32(file.AsSpan(at + 4, 4 + length)) != sum)
            {
                throw Damaged("PNG", $"wrong checksum of {name}");
            }
            if (name == "eXIf")
            {
                orientation = Orientation(file.AsSpan(at + 8, length));
            }
            at += 12 + length;
        }
        return orientation;
    }

    /// <summary>The orientation in the chunk EXIF, which the codec does not always know; throws where the file is shorter than it says.</summary>
    static int WebPOrientation(byte[] file)
    {
        if (UInt32(file, 4) + 8L > file.Length)
        {
            throw CutOff("WebP");
        }
        for (var at = 12L; at + 8 <= file.Length; at += 8 + UInt32(file, (int)at + 4) + (UInt32(file, (int)at + 4) & 1))
        {
            if (file.AsSpan((int)at).StartsWith("EXIF"u8))
            {
                return Orientation(file.AsSpan((int)at + 8)[..(int)Math.Min(UInt32(file, (int)at + 4), file.Length - at - 8)]);
            }
        }
        return 1;
    }

    static int Orientation(ReadOnlySpan<byte> exif)
    {
        exif = exif.StartsWith("Exif\0\0"u8) ? exif[6..] : exif;
        if (exif.Length < 8)
        {
            return 1;
        }
        var isLittle = exif[0] == 'I';
        int Short(ReadOnlySpan<byte> at) => isLittle ? BinaryPrimitives.ReadUInt16LittleEndian(at) : BinaryPrimitives.ReadUInt16BigEndian(at);
        var start = isLittle ? BinaryPrimitives.ReadInt32LittleEndian(exif[4..]) : BinaryPrimitives.ReadInt32BigEndian(exif[4..]);
        if (start < 8 || start + 2 > exif.Length)
        {
            return 1;
        }
        var count = Short(exif[start..]);
        for (var at = start + 2; at + 12 <= exif.Length && at < start + 2 + (12 * count); at += 12)
        {
            if (Short(exif[at..]) == 0x0112)
            {
                return Short(exif[(at + 8)..]);
            }
        }
        return 1;
    }

    /// <summary>A GIF of the first frame alone, without transparency: the codec would put nothing in the place of the colour that is stored.</summary>
    static byte[] FirstFrame(byte[] file)
    {
        static int Table(byte flags) => (flags & 0x80) == 0 ? 0 : 3 * (2 << (flags & 7));
        int EndOfBlocks(int start)
        {
            while (file[start] > 0)
            {
                start += file[start] + 1;
            }
            return start + 1;
        }
        var transparent = new List<int>();
        for (var at = 13 + Table(file[10]); ;)
        {
            if (file[at] == 0x21)   // an extension
            {
                if (file[at + 1] == 0xF9 && file[at + 2] == 4)
                {
                    transparent.Add(at + 3);
                }
                at = EndOfBlocks(at + 2);
                continue;
            }
            if (file[at] != 0x2C)
            {
                throw Damaged("GIF", "it holds no image");
            }
            byte[] frame = [.. file[..EndOfBlocks(at + 11 + Table(file[at + 9]))], 0x3B];
            transparent.ForEach(flag => frame[flag] &= 0xFE);
            return frame;
        }
    }

    /// <summary>The largest image of an icon, of equals the one with most bits: the codec would take a smaller one where that is cut off.</summary>
    static Picture DecodeLargest(byte[] file)
    {
        var count = BinaryPrimitives.ReadUInt16LittleEndian(file.AsSpan(4));
        if (count == 0)
        {
            throw Damaged("ICO", "it holds no image");
        }
        var entries = Enumerable.Range(0, count).Select(i => file.AsMemory(6 + (16 * i), 16)).ToArray();
        var largest = entries.MaxBy(entry =>
        {
            var start = BinaryPrimitives.ReadUInt32LittleEndian(entry.Span[12..]);
            var image = start < file.Length ? file.AsSpan((int)start) : default;
            return image.Length >= 26 && image[0] == 0x89
                ? (BinaryPrimitives.ReadUInt32BigEndian(image[16..]) * (long)BinaryPrimitives.ReadUInt32BigEndian(image[20..]),
                    image[24] * (image[25] switch { 2 => 3, 4 => 2, 6 => 4, _ => 1 }))
                : ((entry.Span[0] == 0 ? 256L : entry.Span[0]) * (entry.Span[1] == 0 ? 256 : entry.Span[1]), image.Length > 15 ? image[14] : 0);
        });
        var best = file.AsSpan(
            (int)BinaryPrimitives.ReadUInt32LittleEndian(largest.Span[12..]), (int)BinaryPrimitives.ReadUInt32LittleEndian(largest.Span[8..])).ToArray();
        if (best is [0x89, ..])
        {
            return Upright(Codec(best, "PNG"), PngOrientation(best));
        }
        byte[] alone = [0, 0, 1, 0, 1, 0, .. largest.Span[..12], 22, 0, 0, 0, .. best];
        return Upright(Codec(alone, "ICO"));
    }

    /// <summary>The codec makes up what the runs of a compressed BMP leave out, and cuts off what they have too much.</summary>
    static Picture DecodeBmp(byte[] file)
    {
        var (width, height) = ((int)UInt32(file, 18), (int)UInt32(file, 22));
        var perByte = file[14] < 40 ? 0 : UInt32(file, 30) switch { 1 => 1, 2 => 2, _ => 0 };   // pixels, of RLE8 and RLE4
        for (var (x, y, at) = (0, 0, (int)UInt32(file, 10)); perByte > 0 && y < height;)
        {
            if (at + 2 > file.Length && y == height - 1 && x >= width)
            {
                break;   // only the mark of the end is missing
            }
            var (count, value) = (file[at], file[at + 1]);
            at += 2;
            if (count > 0)
            {
                x += count;
            }
            else if (value > 2)
            {
                var used = (value + perByte - 1) / perByte;
                (x, at) = (x + value, at + used + (used & 1));
            }
            else if (value == 2 || x < width || (value == 1 && y < height - 1))
            {
                throw Damaged("BMP", "its runs leave pixels out");
            }
            else
            {
                (x, y) = (0, y + 1);
            }
            if (x >= width + perByte)
            {
                throw Damaged("BMP", "its runs go beyond the image");
            }
        }
        return Upright(Codec(file, "BMP"));
    }
}
