using static Airbench.Data.FixedPoint;

namespace Airbench.Data;

/// <summary>How far inside a figure a point is; negative outside. All lengths in 1/256 pixel.</summary>
/// <param name="radius">The figure's size: the distance from its centre to its farthest point, or what the kind calls so.</param>
/// <param name="period">Distance between repetitions in a texture.</param>
/// <param name="x">The point, from the figure's centre, along its own axis.</param>
/// <param name="y">The point, across that axis.</param>
internal delegate int Depth(int radius, int period, int x, int y);

/// <summary>One class of the synthetic data set.</summary>
/// <param name="Name">Class name.</param>
/// <param name="UnitArea">Area that a figure of radius 1 covers, times 1000. It sets the radius, so that all classes cover alike.</param>
/// <param name="Depth">Its form.</param>
internal sealed record FigureKind(string Name, int UnitArea, Depth Depth)
{
    private static readonly (int X, int Y)[] TriangleNormals = [(0, 4096), (3547, -2048), (-3547, -2048)];
    private static readonly (int X, int Y)[] StarNormals = [(0, 4096), (3896, 1266), (2408, -3314), (-2408, -3314), (-3896, 1266)];

    /// <summary>
    /// The classes in label order: solid shapes, then textures inside a disc. None turns into another by rotation, stretching
    /// or mirroring.
    /// </summary>
    public static IReadOnlyList<FigureKind> All { get; } =
    [
        new("disc", 3142, (radius, _, x, y) => radius - Length(x, y)),
        new("ring", 2202, (radius, _, x, y) => (radius * 29 / 128) - Math.Abs(Length(x, y) - (radius * 99 / 128))),
        new("crescent", 1528, (radius, _, x, y) => Math.Min(radius - Length(x, y), Length(x - (radius / 2), y) - (radius * 205 / 256))),
        new("triangle", 1299, (radius, _, x, y) => Deepest(TriangleNormals, radius / 2, x, y, skip: 0)),
        new("square", 2000, (radius, _, x, y) => (radius * 181 / 256) - Math.Max(Math.Abs(x), Math.Abs(y))),
        new("cross", 2316, Cross),
        new("star", 1119, (radius, _, x, y) => Deepest(StarNormals, radius * 79 / 256, x, y, skip: 1)),
        new("stripes", 1571, (radius, period, x, y) => Math.Min(radius - Length(x, y), Wave(period, x))),
        new("checkerboard", 1571, (radius, period, x, y) => Math.Min(radius - Length(x, y), Checks(period, x, y))),
        new("dots", 1446, (radius, period, x, y) => Math.Min(radius - Length(x, y), Dots(period, x, y))),
    ];

    /// <summary>
    /// Depth below the sides of a regular polygon, leaving out the <paramref name="skip"/> sides that the point is farthest
    /// beyond: with five sides, 0 gives a pentagon and 1 the five-pointed star that their extensions form.
    /// </summary>
    private static int Deepest((int X, int Y)[] normals, int inradius, int x, int y, int skip)
    {
        var (least, second) = (int.MaxValue, int.MaxValue);
        foreach (var normal in normals)
        {
            var depth = inradius - Along(normal, x, y);
            (least, second) = depth < least ? (depth, least) : (least, Math.Min(second, depth));
        }
        return skip == 0 ? least : second;
    }

    private static int Cross(int radius, int period, int x, int y)
    {
        var (along, across) = (Math.Abs(x), Math.Abs(y));
        var halfWidth = radius * 90 / 256;
        return Math.Max(
            Math.Min(radius - along, halfWidth - across),
            Math.Min(radius - across, halfWidth - along));
    }

    /// <summary>Offset from the centre of the cell that holds <paramref name="x"/>, in cells of one period.</summary>
    private static int Cell(int period, int x) => (int)((uint)(x + (period * 64)) % (uint)period) - (period / 2);

    /// <summary>Bands half a period wide, half a period apart.</summary>
    private static int Wave(int period, int x) => (period / 4) - Math.Abs(Cell(period, x));

    private static int Dots(int period, int x, int y) => (period * 49 / 128) - Length(Cell(period, x), Cell(period, y));

    private static int Checks(int period, int x, int y)
    {
        var (a, b) = (Wave(period, x), Wave(period, y));
        var depth = Math.Min(Math.Abs(a), Math.Abs(b));
        return (a < 0) == (b < 0) ? depth : -depth;
    }
}
