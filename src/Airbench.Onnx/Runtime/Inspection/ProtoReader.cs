using System.Buffers.Binary;
using System.Text;

namespace Airbench.Onnx;

/// <summary>
/// The fields of one protocol-buffers message, read in place. Nothing is copied or allocated by the reader, and nothing that a
/// message declares is believed before its bytes were seen.
/// </summary>
/// <remarks>Format: https://protobuf.dev/programming-guides/encoding/.</remarks>
internal ref struct ProtoReader(ReadOnlySpan<byte> message)
{
    private readonly ReadOnlySpan<byte> _message = message;
    private int _at;

    /// <summary>Number of the field that <see cref="Next"/> found.</summary>
    public int Field { get; private set; }

    /// <summary>Its wire type.</summary>
    public ProtoType Type { get; private set; }

    /// <summary>Its value where <see cref="Type"/> is <see cref="ProtoType.Varint"/>.</summary>
    public long Varint { get; private set; }

    /// <summary>Its bytes, for any other type.</summary>
    public ReadOnlySpan<byte> Bytes { get; private set; }

    /// <summary>Its bytes as UTF-8 text.</summary>
    public readonly string Text => Encoding.UTF8.GetString(Bytes);

    /// <summary>Goes on to the next field; false at the end.</summary>
    /// <exception cref="FormatException">The bytes are no message.</exception>
    public bool Next()
    {
        if (_at == _message.Length)
        {
            return false;
        }
        var tag = ReadVarint();
        if (tag is < 8 or > uint.MaxValue)
        {
            throw new FormatException("a field has no number");
        }
        (Field, Type) = ((int)(tag >> 3), (ProtoType)(tag & 7));
        switch (Type)
        {
            case ProtoType.Varint:
                Varint = (long)ReadVarint();
                break;
            case ProtoType.Fixed64:
                Take(8);
                break;
            case ProtoType.Fixed32:
                Take(4);
                break;
            case ProtoType.Bytes:
                Take(ReadVarint());
                break;
            default:
                throw new FormatException($"a field has the wire type {(int)Type}, whose length is unknown");
        }
        return true;
    }

    /// <summary>Numbers in a repeated integer field, whether packed or alone.</summary>
    public readonly int CountVarints()
    {
        if (Type == ProtoType.Varint)
        {
            return 1;
        }
        var count = 0;
        foreach (var part in Bytes)
        {
            count += part < 128 ? 1 : 0;   // the last byte of each
        }
        return Bytes.IsEmpty || Bytes[^1] < 128 ? count : throw new FormatException("a packed number is cut off");
    }

    /// <summary>Adds the numbers of a repeated integer field, whether packed or alone.</summary>
    public readonly void AddVarints(List<long> numbers, int most)
    {
        if (Type == ProtoType.Varint)
        {
            numbers.Add(Varint);
        }
        else
        {
            var packed = new ProtoReader(Bytes);
            while (packed._at < packed._message.Length && numbers.Count <= most)
            {
                numbers.Add((long)packed.ReadVarint());
            }
        }
        if (numbers.Count > most)
        {
            throw new FormatException($"a list has more than {most} numbers");
        }
    }

    /// <summary>Adds the numbers of a repeated float field, whether packed or alone.</summary>
    public readonly void AddFloats(List<double> numbers, int most)
    {
        var count = CountFixed(4);
        if (numbers.Count + count > most)
        {
            throw new FormatException($"a list has more than {most} numbers");
        }
        for (var i = 0; i < count; i++)
        {
            numbers.Add(BinaryPrimitives.ReadSingleLittleEndian(Bytes[(4 * i)..]));
        }
    }

    /// <summary>Values of a repeated field of <paramref name="size"/> bytes each, whether packed or alone.</summary>
    public readonly int CountFixed(int size) => Bytes.Length % size == 0 ? Bytes.Length / size : throw new FormatException("a packed number is cut off");

    /// <summary>The bytes, if the field has them.</summary>
    public readonly ReadOnlySpan<byte> Message() =>
        Type == ProtoType.Bytes ? Bytes : throw new FormatException($"field {Field} is a number; expected a message or text");

    private void Take(ulong length)
    {
        if (length > (ulong)(_message.Length - _at))
        {
            throw new FormatException($"a field of {length:N0} bytes begins where only {_message.Length - _at:N0} are left");
        }
        Bytes = _message.Slice(_at, (int)length);
        _at += (int)length;
    }

    private ulong ReadVarint()
    {
        var value = 0UL;
        for (var shift = 0; shift < 70; shift += 7)
        {
            if (_at == _message.Length)
            {
                throw new FormatException("a number is cut off");
            }
            var part = _message[_at++];
            value |= (ulong)(part & 127) << shift;
            if (part < 128)
            {
                return value;
            }
        }
        throw new FormatException("a number is longer than 10 bytes");
    }
}

/// <summary>Wire types of protocol buffers.</summary>
internal enum ProtoType
{
    /// <summary>An integer.</summary>
    Varint = 0,

    /// <summary>8 bytes.</summary>
    Fixed64 = 1,

    /// <summary>A length and as many bytes: text, bytes, a message, packed numbers.</summary>
    Bytes = 2,

    /// <summary>4 bytes.</summary>
    Fixed32 = 5,
}
