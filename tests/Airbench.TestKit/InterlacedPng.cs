using static Airbench.Tests.TestImages;

namespace Airbench.Tests;

/// <summary>Writes PNG files in the seven passes of Adam7.</summary>
internal static class InterlacedPng
{
    private static readonly (int X, int Y, int StepX, int StepY)[] Passes =
        [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)];

    /// <summary>A file; both sides have at least 5 pixels, so that no pass is empty.</summary>
    public static byte[] Write(PngColour colour, byte bits, int width, int height, Func<int, int, int[]> pixel, params (string, byte[])[] extra)
    {
        var rows = Passes.SelectMany(pass => OddImages.Rows(
            (width - pass.X + pass.StepX - 1) / pass.StepX, (height - pass.Y + pass.StepY - 1) / pass.StepY, bits,
            (x, y) => pixel(pass.X + (x * pass.StepX), pass.Y + (y * pass.StepY))));
        return Png(colour, bits, width, height, [.. rows], interlaced: true, extra);
    }
}
