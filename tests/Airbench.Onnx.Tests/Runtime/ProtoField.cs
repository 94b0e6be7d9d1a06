using Google.Protobuf;

namespace Airbench.Tests;

/// <summary>Fields of protocol buffers, byte by byte, for files that the generated classes do not write.</summary>
internal static class ProtoField
{
    /// <summary>A length-delimited field.</summary>
    public static byte[] Of(int number, byte[] content)
    {
        using var stream = new MemoryStream();
        using (var output = new CodedOutputStream(stream, leaveOpen: true))
        {
            output.WriteTag(number, WireFormat.WireType.LengthDelimited);
            output.WriteBytes(ByteString.CopyFrom(content));
        }
        return stream.ToArray();
    }
}
