namespace Airbench.Data;

/// <summary>
/// Plane geometry in whole numbers: lengths in 1/256 pixel, unit vectors 4096 long. Floating point would leave the last bit
/// of a sine or of a fused multiply-add to the machine, and a bit is enough to change a pixel and with it the data set's hash.
/// </summary>
internal static class FixedPoint
{
    /// <summary>Length units in a pixel.</summary>
    public const int Pixel = 256;

    /// <summary>Length of a unit vector's integer form, as a shift.</summary>
    public const int UnitShift = 12;

    /// <summary>
    /// Whole part of a square root. The same everywhere although it passes through a double: IEEE 754 rounds sqrt correctly, and
    /// below 2^52 no rounding reaches the next integer.
    /// </summary>
    public static int Sqrt(long square) => (int)Math.Sqrt(square);

    /// <summary>Length of (x, y); the components stay below 2^31.</summary>
    public static int Length(int x, int y) => Sqrt(((long)x * x) + ((long)y * y));

    /// <summary>Length of (x, y) along <paramref name="unit"/>; the components stay below 2^18.</summary>
    public static int Along((int X, int Y) unit, int x, int y) => ((x * unit.X) + (y * unit.Y)) >> UnitShift;

    /// <summary>A direction, uniform over the circle: a point of a disc, pushed out to its rim.</summary>
    public static (int X, int Y) Direction(ref RandomStream random)
    {
        const int rim = 1 << UnitShift;
        while (true)
        {
            var (x, y) = (random.Between(-rim, rim), random.Between(-rim, rim));
            var length = Length(x, y);
            if (length is > rim / 4 and <= rim)   // too near the centre, the integer grid would favour some directions
            {
                return (x * rim / length, y * rim / length);
            }
        }
    }
}
