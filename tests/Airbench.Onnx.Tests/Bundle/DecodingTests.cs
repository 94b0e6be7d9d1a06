using System.Formats.Tar;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Airbench.Data;
using SkiaSharp;

namespace Airbench.Tests;

/// <summary>
/// Clients against odd image files: a client makes the same bytes of a file as training does, within 1 of 255 and mostly to the bit, or refuses it as
/// training does.
/// The table is left in TestResults/decoding, a file for each client.
/// </summary>
public sealed class DecodingTests : IDisposable
{
    private const int Size = 24;
    private const int LargestDifference = 1;
    private const double SmallestShareOfEqual = 0.9;   // who rounds more than once differs in almost every picture
    private const int FlowerCount = 120;
    private static readonly Fit[] Fits = Enum.GetValues<Fit>();
    private static readonly string Tables = Path.Combine(AppContext.BaseDirectory, "TestResults", "decoding");
    private readonly Bundles _bundles = new();
    private readonly OnnxBundle _bundle;

    /// <summary>Files to compare on: those made here, or the odd ones and the photographs beside the repository.</summary>
    public enum Collection { Made, Shared }

    public DecodingTests() => _bundle = _bundles.Export();

    public void Dispose() => _bundles.Dispose();

    [Theory]
    [InlineData(Collection.Made)]
    [InlineData(Collection.Shared)]
    public void The_javascript_sample_sees_what_training_sees(Collection collection)
    {
        Programs.SkipWithoutNode("sharp");
        Directory.CreateSymbolicLink(_bundle.File("samples/javascript/node_modules"), Path.Combine(Programs.Clients, "node_modules"));
        Compare("javascript", collection, readsTiff: true, "node", Path.Combine(Programs.Clients, "decode_node.mjs"), _bundle.Folder);
    }

    [Theory]
    [InlineData(Collection.Made)]
    [InlineData(Collection.Shared)]
    public void The_page_in_chromium_sees_what_training_sees(Collection collection)
    {
        Chromium.SkipWithout("onnxruntime-web", "playwright-core");
        Compare("page", collection, readsTiff: false, "node", Path.Combine(Programs.Clients, "decode_web.mjs"), _bundle.Folder);
    }

    [Theory]
    [InlineData(Collection.Made)]
    [InlineData(Collection.Shared)]
    public void The_python_sample_sees_what_training_sees(Collection collection)
    {
        var python = Programs.Python("PIL, numpy");
        Assert.SkipWhen(python is null, "no python3 with pillow and numpy here (Debian: apt install python3-pil python3-numpy)");
        Compare("python", collection, readsTiff: true, python!, Path.Combine(Programs.Clients, "decode.py"), _bundle.Folder);
    }

    [Theory]
    [InlineData(Collection.Made)]
    [InlineData(Collection.Shared)]
    public void The_csharp_sample_sees_what_training_sees(Collection collection)
    {
        // The sample's own packages and modules, and another program on top of them. Always in one place, outside of the repository and its
        // settings, so that it is compiled once.
        var place = Convert.ToHexString(SHA256.HashData(Encoding.UTF8.GetBytes(AppContext.BaseDirectory)))[..16];
        var folder = Directory.CreateDirectory(Path.Combine(Path.GetTempPath(), $"airbench-client-{place}")).FullName;
        foreach (var module in (string[])["images.cs", "picture.cs"])
        {
            File.Copy(_bundle.File($"samples/csharp/{module}"), Path.Combine(folder, module), overwrite: true);
        }
        var directives = File.ReadLines(_bundle.File("samples/csharp/classify.cs")).Where(line => line.StartsWith('#'));
        var program = Path.Combine(folder, "decode.cs");
        File.WriteAllLines(program, [.. directives, .. File.ReadAllLines(Path.Combine(Programs.Clients, "decode.cs"))]);
        Compare("csharp", collection, readsTiff: false, "dotnet", "run", program, "--");
    }

    /// <summary>Compares what a program prints with what training's decoder makes of the same files.</summary>
    /// <param name="client">Its name, of the file with the table.</param>
    /// <param name="collection">The files.</param>
    /// <param name="readsTiff">Whether it reads TIFF; otherwise it has to refuse it by name.</param>
    /// <param name="program">What decodes; it takes the side of the result and the files.</param>
    /// <param name="arguments">In front of those.</param>
    private void Compare(string client, Collection collection, bool readsTiff, string program, params string[] arguments)
    {
        List<string> files = collection == Collection.Made ? Write(OddImages.All.Concat(OddTiffs.All).Concat(Textured())) : [.. Odd(), .. Flowers()];
        var (exitCode, output) = Programs.Run(program, [.. arguments, $"{Size}", .. files]);
        Assert.SkipWhen(output.Contains("error NU1", StringComparison.Ordinal), "the packages that the sample names cannot be restored here");
        Assert.True(exitCode == 0, output);
        var answers = output.Split('\n').Where(line => line.StartsWith('{')).Select(line => JsonSerializer.Deserialize<Answer>(line, JsonSerializerOptions.Web)!).ToList();
        Assert.Equal(files, answers.Select(answer => answer.File));

        var (all, equal) = (0, 0);
        var table = new List<string> { $"file\ttraining\tclient\t{string.Join('\t', Fits)}\tright" };
        var decoders = Array.ConvertAll(Fits, fit => new ImageDecoder { Fit = fit });
        foreach (var answer in answers)
        {
            var (expected, refusal) = (Array.ConvertAll(Fits, _ => new byte[3 * Size * Size]), "");
            try
            {
                foreach (var (decoder, pixels) in decoders.Zip(expected))
                {
                    decoder.Decode(File.ReadAllBytes(answer.File), Size, pixels);
                }
            }
            catch (DataException e)
            {
                (expected, refusal) = ([], e.Message);
            }
            var isTiff = !readsTiff && ImageFormats.Of(File.ReadAllBytes(answer.File)) == ImageFormats.Tiff;
            var found = answer.Pixels is { } base64 ? Convert.FromBase64String(base64).Chunk(3 * Size * Size).ToArray() : [];
            var differences = expected.Zip(found, (mine, theirs) => mine.Zip(theirs, (a, b) => Math.Abs(a - b)).Max()).ToList();
            (all, equal) = (all + differences.Count, equal + differences.Count(difference => difference == 0));
            var isRight = isTiff ? answer.Error?.Contains("is a TIFF file", StringComparison.Ordinal) == true
                : expected.Length == 0 ? answer.Error?.Contains("is ", StringComparison.Ordinal) == true
                : differences.Count == Fits.Length && differences.Max() <= LargestDifference;
            var columns = differences.Count == Fits.Length ? string.Join('\t', differences) : new string('\t', Fits.Length - 1);
            table.Add($"{Path.GetFileName(answer.File)}\t{(expected.Length == 0 ? refusal : "decoded")}\t{answer.Error ?? "decoded"}\t{columns}\t{(isRight ? "yes" : "NO")}");
        }
        Array.ForEach(decoders, decoder => decoder.Dispose());
        Directory.CreateDirectory(Tables);
        File.WriteAllLines(Path.Combine(Tables, $"{client}-{collection}.tsv"), table);
        var wrong = table.Where(line => line.EndsWith("\tNO", StringComparison.Ordinal)).ToList();
        Assert.True(wrong.Count == 0, string.Join('\n', wrong));
        Assert.True(equal >= SmallestShareOfEqual * all, $"{client}: {equal} of {all} pictures equal to the bit");
    }

    private static List<string> Odd()
    {
        var folder = SharedData.Folder("odd");
        Assert.SkipWhen(folder is null, "no ../shared/data/odd here");
        return [.. Directory.GetFiles(folder).Where(file => Path.GetFileName(file) != "manifest.tsv").Order(StringComparer.Ordinal)];
    }

    /// <summary>Photographs, the first of the archive.</summary>
    private List<string> Flowers()
    {
        var archive = Path.Combine(SharedData.Folder("odd")!, "..", "flowers.tar");
        Assert.SkipUnless(File.Exists(archive), "no ../shared/data/flowers.tar here");
        using var tar = new TarReader(File.OpenRead(archive));
        var photographs = new List<OddImage>();
        while (photographs.Count < FlowerCount && tar.GetNextEntry() is { } entry)
        {
            if (entry.DataStream is { } data && ImageFormats.HasImageExtension(entry.Name))
            {
                var bytes = new byte[entry.Length];
                data.ReadExactly(bytes);
                photographs.Add(new OddImage($"{photographs.Count:000}.jpg", bytes));
            }
        }
        Assert.Equal(FlowerCount, photographs.Count);
        return Write(photographs);
    }

    private List<string> Write(IEnumerable<OddImage> images)
    {
        var folder = Directory.CreateDirectory(_bundles.File("odd")).FullName;
        return [.. images.Select(image =>
        {
            var path = Path.Combine(folder, image.Name);
            File.WriteAllBytes(path, image.File);
            return path;
        })];
    }

    /// <summary>JPEG files with fine detail, in which every way to spread chroma over the pixels shows.</summary>
    private static IEnumerable<OddImage> Textured()
    {
        static double Ycc(int c, int x, int y) => 128 + (100 * Math.Sin((x * (0.31 + (0.17 * c))) + (y * (0.23 - (0.11 * c)))));
        static double Ink(int c, int x, int y) => c == 3 ? 255 - (2 * y) : Ycc(c, x, y);
        (int, int)[] one = [(1, 1), (1, 1), (1, 1)];
        var writer = new JpegWriter(45, 37);
        foreach (var (name, across, down) in ((string, int, int)[])[("444", 1, 1), ("422", 2, 1), ("440", 1, 2), ("420", 2, 2), ("411", 4, 1), ("410", 4, 2)])
        {
            yield return new($"texture-{name}.jpg", (writer with { Sampling = [(across, down), .. one[1..]] }).Write(Ycc));
            yield return new($"texture-{name}-progressive.jpg", (writer with { Sampling = [(across, down), .. one[1..]], IsProgressive = true }).Write(Ycc));
        }
        yield return new("texture-restarts.jpg", (writer with { Restart = 3 }).Write(Ycc));
        yield return new("texture-separate.jpg", (writer with { Sampling = [(2, 2), (1, 1), (1, 1)], IsSeparate = true }).Write(Ycc));
        yield return new("texture-rgb.jpg", (writer with { Adobe = 0 }).Write(Ycc));
        yield return new("texture-grey.jpg", (writer with { Sampling = [(1, 1)] }).Write(Ycc));
        foreach (var (name, adobe) in ((string, byte?)[])[("cmyk", 0), ("ycck", 2), ("cmyk-plain", null)])
        {
            yield return new($"texture-{name}.jpg", (writer with { Sampling = [(1, 1), (1, 1), (1, 1), (1, 1)], Adobe = adobe }).Write(Ink));
        }
        yield return new("texture-ycck-420.jpg", (writer with { Sampling = [(2, 2), (1, 1), (1, 1), (2, 2)], Adobe = 2 }).Write(Ink));

        // Cut at every place that is near the end, where the picture may be whole by a bit.
        foreach (var isProgressive in (bool[])[false, true])
        {
            var whole = (writer with { Sampling = [(2, 2), (1, 1), (1, 1)], IsProgressive = isProgressive }).Write(Ycc);
            foreach (var cut in (int[])[1, 2, 3, 4, 8, 40, 400, whole.Length / 2, whole.Length * 9 / 10])
            {
                yield return new($"texture-{(isProgressive ? "progressive" : "baseline")}-less-{cut}.jpg", whole[..^cut]);
            }
            yield return new($"texture-{(isProgressive ? "progressive" : "baseline")}-cut-and-ended.jpg", [.. whole[..(whole.Length * 2 / 3)], 0xFF, 0xD9]);
        }
        yield return new("photo.webp", Encoded(SKEncodedImageFormat.Webp, 60, 150, 110));
        yield return new("photo.jpg", Encoded(SKEncodedImageFormat.Jpeg, 60, 150, 110));
        yield return new("photo-reduced.jpg", Encoded(SKEncodedImageFormat.Jpeg, 80, 450, 300));   // training decodes it at n/8 of its size
    }

    private static byte[] Encoded(SKEncodedImageFormat format, int quality, int width, int height)
    {
        using var bitmap = new SKBitmap(new SKImageInfo(width, height, SKColorType.Rgba8888, SKAlphaType.Opaque));
        for (var i = 0; i < width * height; i++)
        {
            var (x, y) = (i % width, i / width);
            bitmap.SetPixel(x, y, new SKColor((byte)(x + y), (byte)(128 + (100 * Math.Sin(x * y * 0.003))), (byte)((x * 7) ^ (y * 3))));
        }
        using var data = bitmap.Encode(format, quality);
        return data.ToArray();
    }

    private sealed record Answer(string File, string? Pixels, string? Error);
}
