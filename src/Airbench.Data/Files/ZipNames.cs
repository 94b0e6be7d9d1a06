using System.Globalization;
using System.Text;
using System.Text.Unicode;

namespace Airbench.Data;

/// <summary>
/// How the names in a .zip are read that are not marked as UTF-8: as what the user says, otherwise as UTF-8 where they are valid UTF-8, as many
/// programs write them without the mark. What is neither is refused: a name that was guessed would become the name of a class.
/// </summary>
/// <param name="archive">The archive, for messages.</param>
/// <param name="said">Name of an encoding, or null.</param>
internal sealed class ZipNames(string archive, string? said) : Encoding
{
    /// <summary>What programs on systems of some countries write, to be offered where nothing is said.</summary>
    private static readonly string[] Common = ["cp437", "shift_jis", "gb18030"];

    private readonly Encoding? _said = said is null ? null : Find(said);

    /// <summary>Whether <paramref name="name"/> is the name of an encoding that is known here.</summary>
    public static bool IsKnown(string name) => Find(name) is not null;

    /// <inheritdoc/>
    public override int GetByteCount(char[] chars, int index, int count) => UTF8.GetByteCount(chars, index, count);

    /// <inheritdoc/>
    public override int GetBytes(char[] chars, int charIndex, int charCount, byte[] bytes, int byteIndex) =>
        UTF8.GetBytes(chars, charIndex, charCount, bytes, byteIndex);

    /// <inheritdoc/>
    public override int GetCharCount(byte[] bytes, int index, int count) => Read(bytes.AsSpan(index, count)).Length;

    /// <inheritdoc/>
    public override int GetChars(byte[] bytes, int byteIndex, int byteCount, char[] chars, int charIndex)
    {
        var text = Read(bytes.AsSpan(byteIndex, byteCount));
        text.CopyTo(chars.AsSpan(charIndex));
        return text.Length;
    }

    /// <inheritdoc/>
    public override string GetString(byte[] bytes, int index, int count) => Read(bytes.AsSpan(index, count));

    /// <inheritdoc/>
    public override int GetMaxByteCount(int charCount) => UTF8.GetMaxByteCount(charCount);

    /// <inheritdoc/>
    public override int GetMaxCharCount(int byteCount) => byteCount;

    private string Read(ReadOnlySpan<byte> name)
    {
        if (_said is null && Utf8.IsValid(name))
        {
            return UTF8.GetString(name);
        }
        if (_said is not null && Try(_said, name) is { } text)
        {
            return text;
        }
        var found = $"{archive}: an entry's name is neither marked as UTF-8 nor valid {said ?? "UTF-8"} (bytes {System.Convert.ToHexString(name[..Math.Min(24, name.Length)])})";
        var readings = new List<string>();
        foreach (var offer in Common)
        {
            if (offer != said && Try(Find(offer)!, name) is { } reading)
            {
                readings.Add($"as {offer} it reads '{reading}'");
            }
        }
        throw new DataException(
            $"{found}; say in which encoding it was written by name_encoding (--name-encoding): {string.Join(", ", readings)}. Or repack with UTF-8 names");
    }

    private static string? Try(Encoding encoding, ReadOnlySpan<byte> bytes)
    {
        try
        {
            return encoding.GetString(bytes);
        }
        catch (DecoderFallbackException)
        {
            return null;
        }
    }

    private static Encoding? Find(string name)
    {
        RegisterProvider(CodePagesEncodingProvider.Instance);
        var isNumber = int.TryParse(name.StartsWith("cp", StringComparison.OrdinalIgnoreCase) ? name[2..] : name, NumberStyles.None, CultureInfo.InvariantCulture, out var number);
        try
        {
            return isNumber
                ? GetEncoding(number, EncoderFallback.ExceptionFallback, DecoderFallback.ExceptionFallback)
                : GetEncoding(name, EncoderFallback.ExceptionFallback, DecoderFallback.ExceptionFallback);
        }
        catch (Exception e) when (e is ArgumentException or NotSupportedException)
        {
            return null;
        }
    }
}
