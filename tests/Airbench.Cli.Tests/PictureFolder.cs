using SkiaSharp;

namespace Airbench.Tests;

/// <summary>Makes small image files: each class has a colour of its own, so that there is something to learn.</summary>
internal static class PictureFolder
{
    private static readonly SKColor[] Colours = [SKColors.Crimson, SKColors.SeaGreen, SKColors.RoyalBlue, SKColors.Goldenrod, SKColors.Purple];

    /// <summary>Writes one picture: a disc of the class's colour somewhere on a grey ground with noise.</summary>
    public static void Write(string path, int label, int width, int height, Random random)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        using var bitmap = new SKBitmap(new SKImageInfo(width, height, SKColorType.Rgba8888, SKAlphaType.Opaque));
        using (var canvas = new SKCanvas(bitmap))
        {
            canvas.Clear(new SKColor((byte)random.Next(90, 160), (byte)random.Next(90, 160), (byte)random.Next(90, 160)));
            using var paint = new SKPaint { Color = Colours[label % Colours.Length], IsAntialias = true };
            canvas.DrawCircle(width * random.Next(30, 70) / 100f, height * random.Next(30, 70) / 100f, Math.Min(width, height) * 0.35f, paint);
        }
        var format = path.EndsWith(".png", StringComparison.OrdinalIgnoreCase) ? SKEncodedImageFormat.Png : SKEncodedImageFormat.Jpeg;
        using var data = bitmap.Encode(format, 90);
        using var file = File.Create(path);
        data.SaveTo(file);
    }

    /// <summary>Cuts a file in the middle, so that it looks like an image and is none.</summary>
    public static void Break(string path)
    {
        var bytes = File.ReadAllBytes(path);
        File.WriteAllBytes(path, bytes[..(bytes.Length / 2)]);
    }
}
