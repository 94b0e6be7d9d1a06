#:package Microsoft.ML.OnnxRuntime@1.31.1
#:package SkiaSharp@4.154.0
#:package SkiaSharp.NativeAssets.Linux.NoDependencies@4.154.0
#:property ManagePackageVersionsCentrally=false
#:property RestorePackagesWithLockFile=false
#:property PublishAot=false
#:property AllowUnsafeBlocks=true
// Classifies images: dotnet run classify.cs -- [MODEL.onnx] IMAGE...   (.NET 10; JPEG or PNG; EXIF rotation is not applied: pass upright images)
using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text.Json;
using Microsoft.ML.OnnxRuntime;
using SkiaSharp;

var model = args is [var first, ..] && first.EndsWith(".onnx", StringComparison.Ordinal) ? first : null;   // another file of the bundle
var bundle = Path.Combine(Path.GetDirectoryName(SourceFile())!, "..", "..");
using var metadata = JsonDocument.Parse(File.ReadAllText(Path.Combine(bundle, "metadata.json")));
var classes = metadata.RootElement.GetProperty("classes").EnumerateArray().Select(c => c.GetString()!).ToArray();
var size = metadata.RootElement.GetProperty("image_size").GetInt32();
var input = metadata.RootElement.GetProperty("signature").GetProperty("inputs")[0];
var steps = metadata.RootElement.GetProperty("preprocessing_steps");
var (isBytes, isPlanar) = (input.GetProperty("type").GetString() == "uint8", steps.GetProperty("layout").GetString() == "nchw");
var isResizedInside = steps.GetProperty("resized_inside").GetBoolean();
using var session = new InferenceSession(Path.Combine(bundle, model ?? "model.onnx"));
using var run = new RunOptions();

foreach (var path in args.Skip(model is null ? 0 : 1))
{
    using var images = Load(path);
    using var results = session.Run(run, [input.GetProperty("name").GetString()!], [images], ["probabilities"]);
    var probabilities = results[0].GetTensorDataAsSpan<float>().ToArray();
    Console.WriteLine(path);
    foreach (var (k, p) in probabilities.Index().OrderByDescending(x => x.Item).Take(3))
    {
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"  {p:0.0000}  {classes[k]}"));
    }
}

// RGB as the model takes it: resized and cropped where it does not do so itself; the model normalizes.
OrtValue Load(string path)
{
    using var codec = SKCodec.Create(path) ?? throw new InvalidDataException($"{path}: not an image");
    using var bitmap = SKBitmap.Decode(codec, new SKImageInfo(codec.Info.Width, codec.Info.Height, SKColorType.Rgba8888, SKAlphaType.Unpremul));
    var (width, height, pixels) = (bitmap.Width, bitmap.Height, bitmap.Bytes);
    var shortSide = isResizedInside ? size : Math.Min(width, height);   // a factor of 1 leaves everything as it is
    var (w, h) = isResizedInside ? (width, height) : (size, size);
    var (columns, rows) = (Taps(width, size * width / shortSide, w), Taps(height, size * height / shortSide, h));
    var values = new byte[3 * h * w];
    for (var i = 0; i < values.Length; i++)
    {
        var (c, row, column) = isPlanar ? (i / (h * w), rows[i / w % h], columns[i % w]) : (i % 3, rows[i / 3 / w], columns[i / 3 % w]);
        var sum = 0.5;
        foreach (var (y, weightY) in row)
        {
            foreach (var (x, weightX) in column)
            {
                sum += weightX * weightY * pixels[(4 * ((y * width) + x)) + c];
            }
        }
        values[i] = (byte)Math.Clamp((int)sum, 0, 255);
    }
    long[] shape = isPlanar ? [1, 3, h, w] : [1, h, w, 3];
    return isBytes
        ? OrtValue.CreateTensorValueFromMemory(values, shape)
        : OrtValue.CreateTensorValueFromMemory(Array.ConvertAll(values, v => v / 255f), shape);
}

// The triangle filter, widened where it reduces, as in training: source pixels and their weights for each pixel of the centre.
(int At, double Weight)[][] Taps(int length, int scaled, int size) => [.. Enumerable.Range((int)Math.Round((scaled - size) / 2.0), size).Select(i =>
{
    var step = (double)length / scaled;
    var (centre, support) = ((i + 0.5) * step, Math.Max(step, 1));
    var taps = Enumerable.Range(0, length).Select(x => (x, Math.Max(0, 1 - (Math.Abs(x + 0.5 - centre) / support)))).Where(t => t.Item2 > 0).ToArray();
    return taps.Select(t => (t.x, t.Item2 / taps.Sum(u => u.Item2))).ToArray();
})];

static string SourceFile([CallerFilePath] string path = "") => path;
