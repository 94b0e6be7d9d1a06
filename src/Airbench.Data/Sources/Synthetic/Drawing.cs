using static Airbench.Data.FixedPoint;

namespace Airbench.Data;

/// <summary>An RGB colour, 0 to 255 each.</summary>
internal readonly record struct Colour(int Red, int Green, int Blue)
{
    private const int Darkest = 24, Brightest = 231;   // room for shade and noise before they are clipped

    /// <summary>Uniform over the colour cube.</summary>
    public static Colour Draw(ref RandomStream random) =>
        new(random.Between(Darkest, Brightest), random.Between(Darkest, Brightest), random.Between(Darkest, Brightest));

    /// <summary>Sum of the channels' differences.</summary>
    public int Distance(Colour other) => Math.Abs(Red - other.Red) + Math.Abs(Green - other.Green) + Math.Abs(Blue - other.Blue);

    /// <summary><paramref name="over"/> painted on <paramref name="under"/>, opaque to <paramref name="coverage"/> / 256.</summary>
    public static Colour Blend(Colour under, Colour over, int coverage) => new(
        under.Red + ((over.Red - under.Red) * coverage / 256),
        under.Green + ((over.Green - under.Green) * coverage / 256),
        under.Blue + ((over.Blue - under.Blue) * coverage / 256));
}

/// <summary>One figure at its place.</summary>
internal readonly struct Figure
{
    private const int LeastStretch = 188, MostStretch = 350;   // 0.73 to 1.37, in 1/256

    private readonly Depth _depth;
    private readonly int _radius, _period, _centreX, _centreY, _stretch, _squeeze;
    private readonly (int X, int Y) _axis;

    public Figure(FigureKind kind, ref RandomStream random, int smallestArea, int largestArea, int largestShift)
    {
        _depth = kind.Depth;
        long area = random.Between(smallestArea, largestArea);              // 1/256 pixel; a length is in 1/256 pixel too, hence
        _radius = Sqrt(area * Pixel * 1000 / kind.UnitArea);                // area * 256 is the square of one
        _period = random.Between(4 * Pixel, 6 * Pixel);
        _centreX = random.Between(-largestShift, largestShift);
        _centreY = random.Between(-largestShift, largestShift);
        _axis = Direction(ref random);
        _stretch = random.Between(LeastStretch, MostStretch);
        _squeeze = 256 * 256 / _stretch;                                     // keeps the area
    }

    /// <summary>How far inside the figure a point of the image is, in about 1/256 pixel.</summary>
    public int Depth(int x, int y)
    {
        (x, y) = (x - _centreX, y - _centreY);
        var along = Along(_axis, x, y) * _stretch / 256;
        var across = Along((-_axis.Y, _axis.X), x, y) * _squeeze / 256;
        return _depth(_radius, _period, along, across);
    }
}

/// <summary>A short straight line with round ends, in a colour of its own.</summary>
internal readonly struct Stroke
{
    private readonly int _startX, _startY, _length, _halfWidth;
    private readonly (int X, int Y) _direction;

    public Stroke(ref RandomStream random)
    {
        _startX = random.Between(-16 * Pixel, 16 * Pixel);
        _startY = random.Between(-16 * Pixel, 16 * Pixel);
        _direction = FixedPoint.Direction(ref random);
        _length = random.Between(4 * Pixel, 16 * Pixel);
        _halfWidth = random.Between(Pixel / 2, Pixel);
        Colour = Colour.Draw(ref random);
    }

    public Colour Colour { get; }

    /// <summary>How far inside the stroke a point of the image is, in 1/256 pixel; beyond a pixel outside, any such value.</summary>
    public int Depth(int x, int y)
    {
        (x, y) = (x - _startX, y - _startY);
        if (Math.Abs(Along((-_direction.Y, _direction.X), x, y)) > 2 * Pixel)
        {
            return -Pixel;   // most points are far from the line: spare them the square root
        }
        var along = Math.Clamp(Along(_direction, x, y), 0, _length);
        return _halfWidth - Length(x - (along * _direction.X >> UnitShift), y - (along * _direction.Y >> UnitShift));
    }
}
