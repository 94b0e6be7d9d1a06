namespace Airbench.Onnx;

/// <summary>Reads the declaration of an input or output.</summary>
internal static class ValueReader
{
    private const int MaxRank = 32;

    private const int MaxDepth = 8;

    /// <summary>A ValueInfoProto. What is no tensor has its kind as its type, such as "sequence of maps", and no shape.</summary>
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
                (type, shape) = ReadType(value.Message(), depth: 0);
            }
        }
        return new TensorSignature(name, type, shape);
    }

    /// <summary>A TypeProto.</summary>
    private static (string Type, List<long> Shape) ReadType(ReadOnlySpan<byte> bytes, int depth)
    {
        if (depth > MaxDepth)
        {
            throw new FormatException($"types are nested deeper than {MaxDepth} levels");
        }
        var (type, shape) = ("no tensor", new List<long>());
        var kind = new ProtoReader(bytes);
        while (kind.Next())
        {
            (type, shape) = kind.Field switch
            {
                1 => ReadTensor(kind.Message()),
                4 => ($"sequence of {ReadElement(kind.Message(), depth)}", []),
                5 => ("map", []),
                9 => ($"optional {ReadElement(kind.Message(), depth)}", []),
                _ => (type, shape),
            };
        }
        return (type, shape);
    }

    /// <summary>What a sequence or an optional value holds: its element's type is field 1.</summary>
    private static string ReadElement(ReadOnlySpan<byte> bytes, int depth)
    {
        var type = "no tensor";
        var holder = new ProtoReader(bytes);
        while (holder.Next())
        {
            type = holder.Field == 1 ? ReadType(holder.Message(), depth + 1).Type : type;
        }
        return type;
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
