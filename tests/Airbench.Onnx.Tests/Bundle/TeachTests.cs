using System.Globalization;
using System.Text.Json;
using Airbench.Onnx;
using Microsoft.ML.OnnxRuntime;

namespace Airbench.Tests;

/// <summary>"Teach it" in a bundle's page: in Chromium, as a visitor uses it.</summary>
public sealed class TeachTests : IDisposable
{
    private const int Size = 32;
    private const int LearnCount = 10;
    private const int TestCount = 20;
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    /// <summary>
    /// The network is random, so what it learns, its last layer learns from these images: embers, speckles of warm colours, and waves, stripes
    /// of cold ones, no two images alike.
    /// </summary>
    [Fact]
    public void Ten_images_each_teach_the_page_two_new_classes_and_the_download_gives_the_pages_logits()
    {
        Chromium.SkipWithout("onnxruntime-web", "playwright-core");
        var bundle = Export();
        var images = Draw();
        var taught = _folder.File("taught.onnx");
        var screenshots = Path.Combine(AppContext.BaseDirectory, "TestResults", "teach");
        var (exitCode, output) = Programs.Run(
            "node", Path.Combine(Programs.Clients, "check_teach.mjs"), bundle.Folder, _folder.File("images"), taught, screenshots);
        Assert.True(exitCode == 0, output);

        var page = JsonSerializer.Deserialize<Page>(output, JsonSerializerOptions.Web)!;
        Assert.Equal(["embers", "waves"], page.Right.Keys.Order());
        Assert.All(page.Right, score => Assert.True(score.Value.Count == TestCount && score.Value.Right > 0.9 * TestCount, score.ToString()));

        using var session = new InferenceSession(taught);
        Assert.Equal(["embers", "waves"], JsonSerializer.Deserialize<string[]>(session.ModelMetadata.CustomMetadataMap["classes"])!);
        Assert.DoesNotContain("accuracy_plain", session.ModelMetadata.CustomMetadataMap.Keys);
        Assert.Equal([-1, 2], session.OutputMetadata["logits"].Dimensions);
        Assert.Equal(2 * TestCount, page.Logits.Count);
        foreach (var (file, expected) in page.Logits)
        {
            using var input = OrtValue.CreateTensorValueFromMemory(images[file], [1, 3, Size, Size]);
            using var results = session.Run(new RunOptions(), ["images"], [input], ["logits"]);
            Assert.All(expected.Zip(results[0].GetTensorDataAsSpan<float>().ToArray()), pair => Assert.Equal(pair.First, pair.Second, 1e-3));
        }

        // All but the head is the parent's, to the last bit.
        var (parent, child) = (Tensors(bundle.File(Exporter.ModelName)), Tensors(taught));
        Assert.Equal(["head.bias", "head.weight"], child.Keys.Where(name => parent.GetValueOrDefault(name) != child[name]).Order());
        Assert.Empty(parent.Keys.Except(child.Keys));
    }

    /// <summary>
    /// Classes on either side of a plane through zero: a border where the few learned ones put it, or a class that loses for being the
    /// smaller one, tells fewer right.
    /// </summary>
    [Theory]
    [InlineData(10, 10, 0.85)]
    [InlineData(20, 5, 0.5)]
    [InlineData(5, 20, 0.5)]
    public void Neither_class_comes_off_badly(int first, int second, double least)
    {
        Programs.SkipWithoutNode("onnxruntime-node");
        var (exitCode, output) = Programs.Run(
            "node", Path.Combine(Programs.Clients, "check_teacher.mjs"), Export().Folder, $"{first}", $"{second}");
        Assert.True(exitCode == 0, output);
        var worse = double.Parse(output.Split('\n', StringSplitOptions.RemoveEmptyEntries)[^1], CultureInfo.InvariantCulture);
        Assert.True(worse >= least, $"{worse}");
    }

    private static Dictionary<string, string> Tensors(string file) =>
        ProtoFile.Read(file, Airbench.Onnx.Proto.ModelProto.Parser).Graph.Initializer.ToDictionary(t => t.Name, t => Convert.ToHexString(t.RawData.Span));

    private OnnxBundle Export()
    {
        var network = RandomNetwork.Small(Size, 3, 2, 32, 64, 64);
        var weights = RandomNetwork.Weights(network, seed: 3);
        foreach (var (name, values) in weights.Where(w => w.Key.Contains(".running_", StringComparison.Ordinal)))
        {
            Array.Fill(values, name.EndsWith("var", StringComparison.Ordinal) ? 1 : 0);   // no channel may drown the others
        }
        var model = RandomNetwork.Write(_folder.File("model"), network);
        var file = RandomNetwork.WriteWeights(model.Folder, network, weights);
        model = model with { Manifest = model.Manifest with { WeightsSha256 = Hash.OfFile(file) } };
        return Exporter.Export(
            model, new ExportOptions(), _folder.File("exports/taught"), _ => new ParityResult(8, 0, 8), IProgress.Silent, CancellationToken.None);
    }

    /// <summary>Image files by class and use; returns the pixels of those to test with.</summary>
    private Dictionary<string, byte[]> Draw()
    {
        var random = new Random(5);
        var pixels = new Dictionary<string, byte[]>();
        foreach (var (name, isWaves) in ((string, bool)[])[("embers", false), ("waves", true)])
        {
            for (var i = 0; i < LearnCount + TestCount; i++)
            {
                var folder = Directory.CreateDirectory(_folder.File($"images/{name}/{(i < LearnCount ? "learn" : "test")}")).FullName;
                var (file, image) = (Path.Combine(folder, $"{i:00}.png"), Texture(random, isWaves));
                File.WriteAllBytes(file, Png.Encode(image, Size));
                if (i >= LearnCount)
                {
                    pixels.Add(file, image);
                }
            }
        }
        return pixels;
    }

    /// <summary>Two random colours, cold ones in stripes of random direction and width, or warm ones pixel by pixel at random.</summary>
    private static byte[] Texture(Random random, bool isWaves)
    {
        byte[][] colours = [Colour(), Colour()];
        var (period, direction) = (random.Next(8, 14), random.Next(2));
        var image = new byte[3 * Size * Size];
        for (var i = 0; i < Size * Size; i++)
        {
            var along = direction == 0 ? i % Size : i / Size;
            var which = isWaves ? along * 2 / period % 2 : random.Next(2);
            for (var c = 0; c < 3; c++)
            {
                image[(c * Size * Size) + i] = colours[which][c];
            }
        }
        return image;

        byte[] Colour()
        {
            var (strong, middle, weak) = ((byte)random.Next(180, 256), (byte)random.Next(60, 140), (byte)random.Next(50));
            return isWaves ? [weak, middle, strong] : [strong, middle, weak];
        }
    }

    private sealed record Score(int Right, int Count);

    private sealed record Page(Dictionary<string, Score> Right, Dictionary<string, float[]> Logits);
}
