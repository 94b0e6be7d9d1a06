namespace Airbench.Onnx;

/// <summary>Reads the declaration of an input or output.</summary>
internal static class ValueReader
{
    private const int MaxRank = 32;

    /// <summary>A ValueInfoProto. What is no tensor has the type "no tensor" and no shape.</summary>
    public static TensorSignature Read(ReadOnlySpan<byte> bytes)
    {
        var (name, type) = ("", "no tensor");
        List<long> shape = [];
        var value = new ProtoReader(bytes);
        while (value.Next())
        {
            if (value.Field == 1)
            {
                name = value.Text;
            }
            else if (value.Field == 2)
            {
                var kind = new ProtoReader(value.Message());
                while (kind.Next())
                {
                    if (kind.Field == 1)
                    {
                        (type, shape) = ReadTensor(kind.Message());
                    }
                }
            }
        }
        return new TensorSignature(name, type, shape);
    }

    private static (string Type, List<long> Shape) ReadTensor(ReadOnlySpan<byte> bytes)
    {
        var type = "undefined";
        List<long> shape = [];
        var tensor = new ProtoReader(bytes);
        while (tensor.Next())
        {
            if (tensor.Field == 1)
            {
                type = ElementTypes.Name(tensor.Varint);
            }
            else if (tensor.Field == 2)
            {
                var dims = new ProtoReader(tensor.Message());
                while (dims.Next())
                {
                    if (dims.Field == 1)
                    {
                        shape.Add(ReadDimension(dims.Message()));
                    }
                    if (shape.Count > MaxRank)
                    {
                        throw new FormatException($"a value has more than {MaxRank} dimensions");
                    }
                }
            }
        }
        return (type, shape);
    }

    /// <summary>The extent; -1 where it is open.</summary>
    private static long ReadDimension(ReadOnlySpan<byte> bytes)
    {
        var extent = -1L;
        var dimension = new ProtoReader(bytes);
        while (dimension.Next())
        {
            extent = dimension.Field switch { 1 => dimension.Varint, 2 => -1, _ => extent };
        }
        return extent;
    }
}
