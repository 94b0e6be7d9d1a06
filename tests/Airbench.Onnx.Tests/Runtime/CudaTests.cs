using Airbench.Onnx;
using CsCheck;
using Google.Protobuf;
using Microsoft.ML.OnnxRuntime;

namespace Airbench.Tests;

/// <summary>What a machine without a GPU can show of the way to one.</summary>
public sealed class CudaTests : IDisposable
{
    private static readonly ExecutionDevice Cuda = ExecutionDevice.Resolve("cuda", ["CUDAExecutionProvider"]);
    private static readonly ExecutionDevice Cpu = ExecutionDevice.Resolve("cpu", ["CPUExecutionProvider"]);

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void The_gpu_computes_in_true_fp32_unless_asked_otherwise()
    {
        Assert.Equal(("0", "HEURISTIC"), (Cuda.ProviderOptions(null)["use_tf32"], Cuda.ProviderOptions(null)["cudnn_conv_algo_search"]));

        var chosen = Cuda.ProviderOptions(new Dictionary<string, string> { ["use_tf32"] = "1", ["gpu_mem_limit"] = "1000000" });
        Assert.Equal(("1", "HEURISTIC", "1000000"), (chosen["use_tf32"], chosen["cudnn_conv_algo_search"], chosen["gpu_mem_limit"]));
        Assert.Empty(Cpu.ProviderOptions(null));
    }

    /// <summary>A search for algorithms costs a GPU much, so there must be few sizes; and half of a batch at most may be for nothing.</summary>
    [Fact]
    public void Batches_are_filled_up_to_one_of_few_sizes() => Gen.Select(Gen.Int[1, 10_000], Gen.Int[1, 10_000]).Sample((a, b) =>
    {
        var (count, largest) = (Math.Min(a, b), Math.Max(a, b));
        var size = BoundBuffers.RoundUp(count, largest);
        Assert.InRange(size, count, largest);
        Assert.True(size == 1 || (size + 1) / 2 < count, $"{count} of {largest} became {size}");
        Assert.InRange(Enumerable.Range(1, largest).Select(n => BoundBuffers.RoundUp(n, largest)).Distinct().Count(), 1, 1 + (int)Math.Ceiling(Math.Log2(largest)));
    }, iter: 200);

    [Theory]
    [InlineData(InputFormat.Uint8Nchw)]
    [InlineData(InputFormat.Uint8Nhwc)]
    [InlineData(InputFormat.FloatNchw)]
    public void A_bound_and_filled_up_batch_gives_the_same_answers(InputFormat format)
    {
        var network = RandomNetwork.Small();
        var weights = RandomNetwork.WriteWeights(_folder.Path, network, RandomNetwork.Weights(network, 1));
        var file = Write(NetworkExporter.Build(RandomNetwork.Manifest(network), weights, 17, new InputOptions(format)).ToByteArray());
        var description = ModelDescription.Read(file, ModelInspector.Inspect(file), new ClassifierOptions());
        using var plain = OnnxClassifier.Open(file);
        using var bound = OnnxClassifier.Open(
            file, description.Input, description.Output, "cpu", new SessionSettings(IoBinding: true, FillsUp: true));
        var images = RandomNetwork.Images(40, network.ImageSize, 2);
        foreach (var (first, count) in ((int, int)[])[(0, 16), (16, 3), (19, 16), (35, 5), (3, 1), (0, 40), (1, 16)])
        {
            var pixels = images.AsSpan(first * 3 * network.ImageSize * network.ImageSize, count * 3 * network.ImageSize * network.ImageSize);
            var (expected, found) = (new float[count * network.ClassCount], new float[count * network.ClassCount]);
            plain.Run(pixels, count, expected);
            bound.Run(pixels, count, found);
            Assert.InRange(ParityGate.LargestDifference(found, expected), 0, 1e-5);   // sums may take another order in another batch size
        }
    }

    [Fact]
    public void Tensors_come_back_from_the_device_as_they_are()
    {
        using var reader = new DeviceReader(Cpu);
        foreach (var shape in (long[][])[[], [1], [7], [2, 3], [2, 1, 3, 4]])
        {
            var values = Enumerable.Range(0, (int)shape.Aggregate(1L, (a, b) => a * b)).Select(i => (i * 0.37f) - 1).ToArray();
            using var value = OrtValue.CreateTensorValueFromMemory(values, shape);
            Assert.Equal(values, reader.Read(value));
        }
    }

    [Fact]
    public void Nodes_are_counted_by_provider()
    {
        var network = RandomNetwork.Small();
        var weights = RandomNetwork.WriteWeights(_folder.Path, network, RandomNetwork.Weights(network, 1));
        var model = NetworkExporter.Build(RandomNetwork.Manifest(network), weights, 17);
        var file = Write(model.ToByteArray());
        var input = ModelDescription.Read(file, ModelInspector.Inspect(file), new ClassifierOptions()).Input;

        var placement = Assert.Single(NodePlacement.Observe(file, input, Cpu, new SessionSettings(GraphOptimization: GraphOptimization.Disabled)));

        Assert.Equal(("CPUExecutionProvider", model.Graph.Node.Count), (placement.Provider, placement.Count));
        Assert.Equal(model.Graph.Node.Select(node => node.OpType).Distinct().Order(StringComparer.Ordinal), placement.Operators);
    }

    [Fact]
    public void Nodes_that_run_elsewhere_are_named() => Assert.Equal(
        "20 nodes on CUDAExecutionProvider, 2 on CPUExecutionProvider (Gather, Shape)",
        NodePlacement.Describe([new("CUDAExecutionProvider", 20, ["Conv"]), new("CPUExecutionProvider", 2, ["Gather", "Shape"])]));

    /// <summary>The tiny model of `airbench doctor` against its definition in float64.</summary>
    [Fact]
    public void The_check_of_a_gpu_computes_a_convolution_and_a_product()
    {
        var (x, filters, matrix) = CudaCheck.Numbers();
        var found = CudaCheck.Answer(Cpu);
        for (var channel = 0; channel < 8; channel++)
        {
            for (var row = 0; row < 14; row++)
            {
                for (var column = 0; column < 8; column++)
                {
                    var expected = 0.0;
                    for (var k = 0; k < 14; k++)
                    {
                        var map = 0.0;
                        for (var i = 0; i < 27; i++)
                        {
                            map += (double)x[(i / 9 * 256) + ((row + (i / 3 % 3)) * 16) + k + (i % 3)] * filters[(channel * 27) + i];
                        }
                        expected += map * matrix[(k * 8) + column];
                    }
                    Assert.Equal(expected, found[(((channel * 14) + row) * 8) + column], 1e-5);
                }
            }
        }
    }

    /// <summary>This ONNX Runtime has no CUDA provider, which is one way of not starting.</summary>
    [Fact]
    public void A_gpu_that_does_not_start_is_told_from_a_model_that_is_broken()
    {
        var network = RandomNetwork.Small();
        var weights = RandomNetwork.WriteWeights(_folder.Path, network, RandomNetwork.Weights(network, 1));
        var good = Write(NetworkExporter.Build(RandomNetwork.Manifest(network), weights, 17).ToByteArray());
        var broken = Write([1, 2, 3]);
        var (named, any) = (Cuda, ExecutionDevice.Resolve("auto", ["CUDAExecutionProvider"]));
        var options = new SessionSettings(ProviderOptions: new Dictionary<string, string> { ["use_tf32"] = "1" });

        var refused = Assert.Throws<DeviceException>(() => OnnxClassifier.OpenSession(good, ref named, options));
        Assert.StartsWith("cuda:0 does not start: ", refused.Message, StringComparison.Ordinal);
        Assert.Contains(ExecutionDevice.HowToGetCuda, refused.Message, StringComparison.Ordinal);
        Assert.Throws<InvalidFileException>(() => OnnxClassifier.OpenSession(broken, ref named, options));

        using (OnnxClassifier.OpenSession(good, ref any, options))
        {
            Assert.Equal(("cpu", "CPUExecutionProvider"), (any.Name, any.Provider));
            Assert.StartsWith("device auto: took cpu, as cuda:0 does not start: ", any.Note, StringComparison.Ordinal);
        }
    }

    private string Write(byte[] bytes)
    {
        var path = _folder.File($"{Guid.NewGuid():N}.onnx");
        File.WriteAllBytes(path, bytes);
        return path;
    }
}
