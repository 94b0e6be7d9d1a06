using System.Globalization;
using BitMiracle.LibTiff.Classic;
using Tiffs = BitMiracle.LibTiff.Classic;

namespace Airbench.Data;

/// <summary>The pixels of the first page of a TIFF, by LibTiff.NET.</summary>
internal static unsafe class TiffPixels
{
    static TiffPixels() => Tiff.SetErrorHandler(new Errors());   // its own writes to the console

    /// <summary>Decodes a page to width * height pixels as stored, each R, G, B and a byte without meaning.</summary>
    /// <param name="start">The file.</param>
    /// <param name="length">Its bytes.</param>
    /// <param name="header">Of the file; what it declares is allocated.</param>
    /// <exception cref="DataException">Damaged, or of a kind that is not read.</exception>
    public static int[] Decode(byte* start, int length, TiffHeader header)
    {
        using var source = new Source(start, length);
        try
        {
            using var tiff = Tiff.ClientOpen("", "r", source, source) ?? throw Failed(source.Error);
            KeepColours(tiff);
            if (!tiff.RGBAImageOK(out var reason))
            {
                throw new DataException($"is a TIFF file of a kind that is not read ({reason}): convert it to PNG");
            }
            var pixels = new int[header.Width * header.Height];
            var orientation = tiff.GetFieldDefaulted(TiffTag.ORIENTATION) is [var field, ..] ? (Tiffs.Orientation)field.ToInt() : Tiffs.Orientation.TOPLEFT;
            return tiff.ReadRGBAImageOriented(header.Width, header.Height, pixels, orientation, stopOnError: true) && source.Error is null
                ? pixels
                : throw Failed(source.Error);
        }
        catch (Exception e) when (e is not (DataException or OutOfMemoryException))
        {
            throw Failed(e.Message);   // on some damage the library runs into an index or a null
        }
    }

    /// <summary>Colours are multiplied by an alpha that is not in them already, unless it is taken for something else.</summary>
    private static void KeepColours(Tiff tiff)
    {
        if (tiff.GetField(TiffTag.EXTRASAMPLES) is [var count, ..] && count.ToInt() > 0)
        {
            var kinds = new short[count.ToInt()];   // all unspecified
            tiff.SetField(TiffTag.EXTRASAMPLES, kinds.Length, kinds);
        }
    }

    private static DataException Failed(string? why) => new($"is a TIFF file that cannot be decoded ({why ?? "no reason given"})");

    /// <summary>A file in memory, and the first error in it.</summary>
    private sealed class Source(byte* start, int length) : TiffStream, IDisposable
    {
        private byte* _start = start;
        private long _at;

        public string? Error { get; set; }

        public override int Read(object clientData, byte[] buffer, int offset, int count)
        {
            var read = (int)Math.Clamp(length - _at, 0, count);
            ObjectDisposedException.ThrowIf(_start is null, this);
            new ReadOnlySpan<byte>(_start + _at, read).CopyTo(buffer.AsSpan(offset));
            _at += read;
            return read;
        }

        public override long Seek(object clientData, long offset, SeekOrigin origin) =>
            _at = Math.Max(0, offset + origin switch { SeekOrigin.Current => _at, SeekOrigin.End => length, _ => 0 });

        public override long Size(object clientData) => length;

        public override void Write(object clientData, byte[] buffer, int offset, int count) => throw new NotSupportedException("only read");

        public override void Close(object clientData)
        {
        }

        public void Dispose() => _start = null;
    }

    /// <summary>Keeps the first error with the file that it is in. Warnings are about tags that pixels do not depend on.</summary>
    private sealed class Errors : TiffErrorHandler
    {
        public override void ErrorHandler(Tiff tif, string method, string format, params object[] args)
        {
        }

        public override void ErrorHandlerExt(Tiff tif, object clientData, string method, string format, params object[] args)
        {
            if (clientData is Source source)
            {
                source.Error ??= string.Format(CultureInfo.InvariantCulture, format, args);
            }
        }

        public override void WarningHandler(Tiff tif, string method, string format, params object[] args)
        {
        }

        public override void WarningHandlerExt(Tiff tif, object clientData, string method, string format, params object[] args)
        {
        }
    }
}
