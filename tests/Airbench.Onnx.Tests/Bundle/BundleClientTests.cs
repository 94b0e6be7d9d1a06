using System.Globalization;
using Airbench.Data;
using Airbench.Onnx;
using CsCheck;
using Microsoft.ML;
using Microsoft.ML.Data;
using SkiaSharp;

namespace Airbench.Tests;

/// <summary>A bundle as it lies, in other people's stacks and in its own samples: each has to give the answers of test_data_set_0.</summary>
public sealed class BundleClientTests : IDisposable
{
    private readonly Bundles _bundles = new();
    private readonly OnnxBundle _bundle;

    public BundleClientTests() => _bundle = _bundles.Export();

    public void Dispose() => _bundles.Dispose();

    [Fact]
    public void Onnxruntime_node_gives_the_test_data_and_fails_where_they_are_others()
    {
        Programs.SkipWithoutNode("onnxruntime-node");
        var (exitCode, output) = RunClient("check_node.mjs");
        Assert.True(exitCode == 0, output);
        Assert.Contains($"{Bundles.ReferenceCount} images", output, StringComparison.Ordinal);

        ChangeAnAnswer();
        (exitCode, output) = RunClient("check_node.mjs");
        Assert.True(exitCode == 1, output);
        Assert.Contains("probabilities: value", output, StringComparison.Ordinal);
    }

    [Fact]
    public void The_page_in_chromium_shows_the_test_data_and_the_check_fails_where_they_are_others()
    {
        Chromium.SkipWithout("onnxruntime-web", "onnxruntime-node", "playwright-core");
        var screenshots = Path.Combine(AppContext.BaseDirectory, "TestResults", "web");
        var (exitCode, output) = RunClient("check_web.mjs", screenshots);
        Assert.True(exitCode == 0, output);
        Assert.Equal(
            ["dark.png", "empty.png", "failing.png", "light.png", "phone-dark.png", "phone.png", "refused.png"],
            Directory.GetFiles(screenshots).Select(Path.GetFileName).Order(StringComparer.Ordinal));

        ChangeAnAnswer();
        (exitCode, output) = RunClient("check_web.mjs");
        Assert.True(exitCode == 1, output);
        Assert.Contains("0.png", output, StringComparison.Ordinal);
    }

    [Fact]
    public void Ml_net_gives_the_test_data()
    {
        var input = TestDataSet.Read(_bundle.File(TestDataSet.Input(0)));
        var size = _bundle.Manifest.ImageSize;
        var pixels = input.RawData.ToByteArray().Chunk(3 * size * size).Select(image => new Pixels { Images = image }).ToList();
        var context = new MLContext(seed: 1);
        var schema = SchemaDefinition.Create(typeof(Pixels));
        schema["images"].ColumnType = new VectorDataViewType(NumberDataViewType.Byte, 3, size, size);
        var data = context.Data.LoadFromEnumerable(pixels, schema);
        // ML.NET goes row by row: N is 1.
        var estimator = context.Transforms.ApplyOnnxModel(
            ["logits", "probabilities"], ["images"], _bundle.File("model.onnx"),
            new Dictionary<string, int[]> { ["images"] = [1, 3, size, size], ["logits"] = [1, 3], ["probabilities"] = [1, 3] },
            gpuDeviceId: null, fallbackToCpu: false, recursionLimit: 100);
        var answers = estimator.Fit(data).Transform(data);

        foreach (var (i, name) in ((string[])["logits", "probabilities"]).Index())
        {
            var found = answers.GetColumn<float[]>(name).SelectMany(row => row).ToArray();
            Near(TestDataSet.Floats(TestDataSet.Read(_bundle.File(TestDataSet.Output(i)))), found);
        }
    }

    [Fact]
    public void The_csharp_sample_prints_the_answers_of_the_test_data_and_leaves_the_bundle_as_it_was()
    {
        var (exitCode, output) = Programs.Run("dotnet", ["run", _bundle.File("samples/csharp/classify.cs"), "--", .. Samples.Images(_bundle)]);
        Assert.SkipWhen(output.Contains("error NU1", StringComparison.Ordinal), "the packages that the sample names cannot be restored here");
        Assert.True(exitCode == 0, output);
        ShowsTheTestData(output);
        Assert.Empty(BundleVerifier.Verify(_bundle.Folder, TestDataRunner.Run).Problems);
    }

    [Fact]
    public void The_javascript_sample_prints_the_answers_of_the_test_data()
    {
        Programs.SkipWithoutNode("onnxruntime-node", "sharp");
        Directory.CreateSymbolicLink(_bundle.File("samples/javascript/node_modules"), Path.Combine(Programs.Clients, "node_modules"));
        var (exitCode, output) = Programs.Run("node", [_bundle.File("samples/javascript/classify.mjs"), .. Samples.Images(_bundle)]);
        Assert.True(exitCode == 0, output);
        ShowsTheTestData(output);

        var verified = BundleVerifier.Verify(_bundle.Folder, TestDataRunner.Run);
        Assert.Empty(verified.Problems);
        Assert.Contains(verified.Notes, note => note.Contains("not checked", StringComparison.Ordinal));
    }

    [Fact]
    public void The_python_sample_prints_the_answers_of_the_test_data()
    {
        var python = Programs.Python("onnxruntime, PIL, numpy");
        Assert.SkipWhen(python is null, "no python3 with onnxruntime, pillow and numpy here (the sample's requirements.txt)");
        var (exitCode, output) = Programs.Run(python!, [_bundle.File("samples/python/classify.py"), .. Samples.Images(_bundle)]);
        Assert.True(exitCode == 0, output);
        ShowsTheTestData(output);
    }

    /// <summary>The page and the JavaScript sample have preprocessing of their own; training's is the oracle.</summary>
    [Fact]
    public void The_pages_preprocessing_gives_the_pixels_of_training()
    {
        Programs.SkipWithoutNode();
        using var decoder = new ImageDecoder();
        Gen.Select(Gen.Int[1, 90], Gen.Int[1, 90], Gen.Int[1, 40], Gen.Int[0, 1000]).ForEachCase(
            (width, height, size, seed) =>
            {
                var rgba = new byte[4 * width * height];
                new Random(seed).NextBytes(rgba);
                for (var i = 3; i < rgba.Length; i += 4)
                {
                    rgba[i] = 255;
                }
                using var bitmap = new SKBitmap(new SKImageInfo(width, height, SKColorType.Rgba8888, SKAlphaType.Unpremul));
                System.Runtime.InteropServices.Marshal.Copy(rgba, 0, bitmap.GetPixels(), rgba.Length);
                using var png = bitmap.Encode(SKEncodedImageFormat.Png, 100);
                var expected = new byte[3 * size * size];
                decoder.Decode(png.AsSpan(), size, expected);

                string[] numbers = [.. ((int[])[width, height, size]).Select(n => n.ToString(CultureInfo.InvariantCulture))];
                var found = Programs.Filter(
                    rgba, "node", [Path.Combine(Programs.Clients, "check_preprocess.mjs"), _bundle.File("web/preprocess.mjs"), .. numbers]);
                Assert.Equal(expected.Length, found.Length);
                // Sums that end near one half may round differently where products are not rounded to float32 on the way.
                Assert.All(expected.Zip(found), pair => Assert.InRange(pair.First - pair.Second, -1, 1));
                Assert.True(expected.Zip(found).Count(pair => pair.First != pair.Second) <= expected.Length / 100);
            },
            cases: 25);
    }

    private (int ExitCode, string Output) RunClient(string client, params string[] more) =>
        Programs.Run("node", [Path.Combine(Programs.Clients, client), _bundle.Folder, .. more]);

    private void ShowsTheTestData(string output) =>
        Samples.ShowAnswers(_bundle, output, TestDataSet.Floats(TestDataSet.Read(_bundle.File(TestDataSet.Output(1)))));

    /// <summary>Exchanges two probabilities of the first image.</summary>
    private void ChangeAnAnswer()
    {
        var path = _bundle.File(TestDataSet.Output(1));
        var tensor = TestDataSet.Read(path);
        var bytes = tensor.RawData.ToByteArray();
        var (best, worst) = (0, 0);
        var row = TestDataSet.Floats(tensor)[..3];
        for (var k = 0; k < row.Length; k++)
        {
            (best, worst) = (row[k] > row[best] ? k : best, row[k] < row[worst] ? k : worst);
        }
        for (var b = 0; b < 4; b++)
        {
            (bytes[(4 * best) + b], bytes[(4 * worst) + b]) = (bytes[(4 * worst) + b], bytes[(4 * best) + b]);
        }
        tensor.RawData = Google.Protobuf.ByteString.CopyFrom(bytes);
        File.WriteAllBytes(path, Google.Protobuf.MessageExtensions.ToByteArray(tensor));
    }

    private static void Near(float[] expected, float[] found)
    {
        Assert.Equal(expected.Length, found.Length);
        Assert.All(expected.Zip(found), pair => Assert.Equal(pair.First, pair.Second, 1e-3));
    }

    private sealed class Pixels
    {
        [ColumnName("images")]
        public byte[] Images { get; set; } = [];
    }
}
