#!/usr/bin/env dotnet
#:package Microsoft.ML.OnnxRuntime@1.31.1
#:package SkiaSharp@4.154.0
#:package SkiaSharp.NativeAssets.Linux.NoDependencies@4.154.0
#:package System.IO.Hashing@10.0.15
#:include images.cs
#:include picture.cs
#:property ManagePackageVersionsCentrally=false
#:property RestorePackagesWithLockFile=false
#:property PublishAot=false
#:property AllowUnsafeBlocks=true
// Classifies images: dotnet run classify.cs -- [MODEL.onnx] IMAGE...   (JPEG, PNG, WebP, BMP, GIF or ICO; .NET SDK 10.0.300 or newer)
using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text.Json;
using Microsoft.ML.OnnxRuntime;

var model = args is [var first, ..] && first.EndsWith(".onnx", StringComparison.Ordinal) ? first : null;   // another file of the bundle
var bundle = Path.Combine(Path.GetDirectoryName(SourceFile())!, "..", "..");
using var metadata = JsonDocument.Parse(File.ReadAllText(Path.Combine(bundle, "metadata.json")));
var classes = metadata.RootElement.GetProperty("classes").EnumerateArray().Select(c => c.GetString()!).ToArray();
var size = metadata.RootElement.GetProperty("image_size").GetInt32();
var fit = metadata.RootElement.GetProperty("fit").GetString()!;
var input = metadata.RootElement.GetProperty("signature").GetProperty("inputs")[0];
var steps = metadata.RootElement.GetProperty("preprocessing_steps");
var (isBytes, isPlanar) = (input.GetProperty("type").GetString() == "uint8", steps.GetProperty("layout").GetString() == "nchw");
var isResizedInside = steps.GetProperty("resized_inside").GetBoolean();
using var session = new InferenceSession(Path.Combine(bundle, model ?? "model.onnx"));
using var run = new RunOptions();
var exitCode = 0;

foreach (var path in args.Skip(model is null ? 0 : 1))
{
    OrtValue images;
    try
    {
        images = ToInput(Images.Decode(File.ReadAllBytes(path)));
    }
    catch (Exception e) when (e is NotReadException or IOException or UnauthorizedAccessException)
    {
        Console.Error.WriteLine($"{path}: {e.Message}");
        exitCode = 1;
        continue;
    }
    using var results = session.Run(run, [input.GetProperty("name").GetString()!], [images], ["probabilities"]);
    images.Dispose();
    var probabilities = results[0].GetTensorDataAsSpan<float>().ToArray();
    Console.WriteLine(path);
    foreach (var (k, p) in probabilities.Index().OrderByDescending(x => x.Item).Take(3))
    {
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"  {p:0.0000}  {classes[k]}"));
    }
}

return exitCode;

// RGB as the model takes it: resized where it does not do so itself; the model normalizes.
OrtValue ToInput(Picture picture)
{
    var (width, height, pixels) = isResizedInside ? picture : picture.Fit(size, fit);
    var values = pixels;
    if (isPlanar)
    {
        var area = width * height;
        values = [.. Enumerable.Range(0, 3 * area).Select(i => pixels[(i % area * 3) + (i / area)])];
    }
    long[] shape = isPlanar ? [1, 3, height, width] : [1, height, width, 3];
    return isBytes
        ? OrtValue.CreateTensorValueFromMemory(values, shape)
        : OrtValue.CreateTensorValueFromMemory(Array.ConvertAll(values, v => v / 255f), shape);
}

static string SourceFile([CallerFilePath] string path = "") => path;
