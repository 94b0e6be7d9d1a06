using Airbench.Onnx;
using Airbench.Onnx.Proto;
using Google.Protobuf;

namespace Airbench.Tests;

public sealed class OnnxClassifierTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_missing_file_is_said_to_be_missing() =>
        Assert.EndsWith("does not exist", Assert.Throws<InvalidFileException>(() => OnnxClassifier.Open(_folder.File("none.onnx"))).Message,
            StringComparison.Ordinal);

    [Fact]
    public void A_truncated_model_is_refused_wherever_it_ends()
    {
        var whole = Good().ToByteArray();
        var graph = whole.Length - 2000;   // less than this lies behind the graph, so whatever ends before is a broken graph
        foreach (var length in Enumerable.Range(0, 12).Select(i => i * graph / 12))
        {
            Assert.Contains("ONNX model", Refusal(whole[..length]), StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Random_bytes_are_refused()
    {
        var random = new Random(1);
        for (var length = 1; length < 4096; length *= 3)
        {
            var bytes = new byte[length];
            random.NextBytes(bytes);
            Assert.Contains("ONNX model", Refusal(bytes), StringComparison.Ordinal);
        }
    }

    [Fact]
    public void An_operator_that_does_not_exist_is_refused()
    {
        var model = Good();
        model.Graph.Node[0].OpType = "Conjure";

        Assert.Contains("Conjure", Refusal(model), StringComparison.Ordinal);
    }

    [Fact]
    public void Spans_that_do_not_fit_the_count_are_refused_before_native_code_sees_them()
    {
        using var classifier = OnnxClassifier.Open(Write(Good().ToByteArray()));
        var (images, logits) = (new byte[2 * 3 * 16 * 16], new float[2 * 3]);

        Assert.Throws<ArgumentOutOfRangeException>(() => classifier.Run(images, 3, logits));
        Assert.Throws<ArgumentOutOfRangeException>(() => classifier.Run(images, 2, logits.AsSpan(1)));
        Assert.Throws<ArgumentOutOfRangeException>(() => classifier.Run([], 0, []));
    }

    [Fact]
    public void Running_batches_allocates_next_to_nothing()
    {
        using var classifier = OnnxClassifier.Open(Write(Good().ToByteArray()), threads: 1);
        var (images, logits) = (new byte[64 * 3 * 16 * 16], new float[64 * 3]);
        classifier.Run(images, 64, logits);

        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < 20; i++)
        {
            classifier.Run(images, 64, logits);
        }
        var perBatch = (GC.GetAllocatedBytesForCurrentThread() - before) / 20;
        Assert.True(perBatch < 4096, $"{perBatch} bytes a batch of {images.Length}");
    }

    [Theory]
    [InlineData("auto", "cpu", "took cpu, as this ONNX Runtime has no CUDA provider")]
    [InlineData("cpu", "cpu", "cpu")]
    public void Without_cuda_the_processor_is_taken_and_auto_says_so(string device, string name, string note)
    {
        var chosen = ExecutionDevice.Resolve(device, ["CPUExecutionProvider"]);

        Assert.Equal((name, "CPUExecutionProvider"), (chosen.Name, chosen.Provider));
        Assert.EndsWith(note, chosen.Note, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("auto", "cuda:0", true)]
    [InlineData("cuda", "cuda:0", false)]
    [InlineData("cuda:3", "cuda:3", false)]
    public void With_cuda_it_is_taken_and_only_auto_may_fall_back(string device, string name, bool isFallbackAllowed)
    {
        var chosen = ExecutionDevice.Resolve(device, ["CUDAExecutionProvider", "CPUExecutionProvider"]);

        Assert.Equal((name, "CUDAExecutionProvider", isFallbackAllowed), (chosen.Name, chosen.Provider, chosen.IsFallbackAllowed));
    }

    [Theory]
    [InlineData("cuda")]
    [InlineData("cuda:1")]
    public void Cuda_that_is_not_there_is_an_error_that_says_how_to_get_it(string device)
    {
        var e = Assert.Throws<DeviceException>(() => ExecutionDevice.Resolve(device, ["CPUExecutionProvider"]));

        Assert.Contains($"device: {device} was asked for, but this ONNX Runtime has only CPUExecutionProvider; build with -p:Backend=external",
            e.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("gpu")]
    [InlineData("cuda:")]
    [InlineData("cuda:-1")]
    [InlineData("cuda:x")]
    [InlineData("cudax")]
    [InlineData("")]
    public void Other_devices_are_refused(string device) =>
        Assert.Throws<ConfigurationException>(() => ExecutionDevice.Resolve(device, ["CUDAExecutionProvider", "CPUExecutionProvider"]));

    private ModelProto Good()
    {
        var network = RandomNetwork.Small();
        return NetworkExporter.Build(
            RandomNetwork.Manifest(network), RandomNetwork.WriteWeights(_folder.Path, network, RandomNetwork.Weights(network, 1)), 17);
    }

    private string Refusal(ModelProto model) => Refusal(model.ToByteArray());

    private string Refusal(byte[] bytes)
    {
        var path = Write(bytes);
        return Assert.Throws<InvalidFileException>(() => OnnxClassifier.Open(path)).Message;
    }

    private string Write(byte[] bytes)
    {
        var path = _folder.File($"{Guid.NewGuid():N}.onnx");
        File.WriteAllBytes(path, bytes);
        return path;
    }
}
