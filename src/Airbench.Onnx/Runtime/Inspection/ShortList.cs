using System.Runtime.InteropServices;

namespace Airbench.Onnx;

/// <summary>The numbers of a tensor that is short: axes, shapes, pads, scales. Of a longer one nothing is kept.</summary>
internal ref struct ShortList
{
    /// <summary>Most numbers: a list with some for each dimension has no more.</summary>
    public const int Most = 4 * TensorCheck.MaxRank;

    private readonly List<double> _numbers = [];
    private bool _isLong;

    public ShortList()
    {
    }

    /// <summary>The tensor's raw data.</summary>
    public ReadOnlySpan<byte> Raw { get; set; }

    /// <summary>Takes up a field of integers.</summary>
    public void AddIntegers(ProtoReader field)
    {
        if (!Exceeds(field.CountVarints()))
        {
            List<long> integers = [];
            field.AddVarints(integers, Most);
            _numbers.AddRange(integers.Select(number => (double)number));
        }
    }

    /// <summary>Takes up a field of floats.</summary>
    public void AddFloats(ProtoReader field)
    {
        if (!Exceeds(field.CountFixed(4)))
        {
            field.AddFloats(_numbers, Most);
        }
    }

    /// <summary>The numbers of a tensor of this type and size; null where it is long or of a type that gives no sizes.</summary>
    public readonly IReadOnlyList<double>? Read(long type, Int128 elements)
    {
        if (_isLong || elements > Most)
        {
            return null;
        }
        return ElementTypes.Name(type) switch
        {
            "float" => Raw.IsEmpty ? _numbers : Cast<float>(value => value),
            "int32" => Raw.IsEmpty ? _numbers : Cast<int>(value => value),
            "int64" => Raw.IsEmpty ? _numbers : Cast<long>(value => value),
            _ => null,
        };
    }

    private readonly List<double> Cast<T>(Func<T, double> convert) where T : unmanaged => [.. MemoryMarshal.Cast<byte, T>(Raw).ToArray().Select(convert)];

    private bool Exceeds(int more) => _isLong |= _numbers.Count + more > Most;
}
