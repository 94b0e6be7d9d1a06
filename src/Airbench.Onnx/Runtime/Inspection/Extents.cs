namespace Airbench.Onnx;

/// <summary>
/// Arithmetic of extents that cannot overflow. Every extent is the least that it may be: an open one counts as 1. So what is computed from them
/// is the least that a model needs.
/// </summary>
internal static class Extents
{
    /// <summary>Where a product or sum stays: far beyond what any machine computes.</summary>
    public const long Most = 1L << 60;

    /// <summary>Elements.</summary>
    public static long Elements(IEnumerable<long> extents)
    {
        var product = 1L;
        foreach (var extent in extents)
        {
            product = Times(product, extent);
        }
        return product;
    }

    /// <summary>A product.</summary>
    public static long Times(long a, long b) => (long)Int128.Min((Int128)a * b, Most);

    /// <summary>A number of a file as an extent.</summary>
    public static long AtLeastOne(double value) => value >= Most ? Most : value >= 1 ? (long)value : 1;

    /// <summary>So many ones.</summary>
    public static long[] Ones(int rank) => [.. Enumerable.Repeat(1L, rank)];

    /// <summary>What shapes become together, as NumPy has it; null where one is unknown.</summary>
    public static long[]? Broadcast(params IEnumerable<long[]?> shapes)
    {
        long[] result = [];
        foreach (var shape in shapes)
        {
            if (shape is null)
            {
                return null;
            }
            var (longer, shorter) = shape.Length > result.Length ? (shape, result) : (result, shape);
            result = [.. longer.Select((extent, i) => Math.Max(extent, i < longer.Length - shorter.Length ? 1 : shorter[i - longer.Length + shorter.Length]))];
        }
        return result;
    }

    /// <summary>An axis that may count from the end, as an index; -1 where it is none.</summary>
    public static int Axis(double axis, int rank) => axis >= -rank && axis < rank ? (int)axis + (axis < 0 ? rank : 0) : -1;

    /// <summary>Extents along an axis that windows of <paramref name="kernel"/> give: convolutions and pools.</summary>
    public static long Windows(long extent, long kernel, long stride, long dilation, Int128 pads, string autoPad)
    {
        stride = Math.Clamp(stride, 1, Most);
        if (autoPad.StartsWith("SAME", StringComparison.Ordinal))
        {
            return AtLeastOne((double)((extent + (Int128)stride - 1) / stride));
        }
        var room = extent + (autoPad == "VALID" ? 0 : pads) - ((Int128)dilation * (kernel - 1)) - 1;
        return room < 0 ? 1 : AtLeastOne((double)(room / stride) + 1);
    }
}
