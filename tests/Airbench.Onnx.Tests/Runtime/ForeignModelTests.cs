using System.IO.Compression;
using System.Text;
using Airbench.Onnx;

namespace Airbench.Tests;

/// <summary>Models of other makers: taken where their meaning is clear, otherwise refused with what to do.</summary>
public sealed class ForeignModelTests : IDisposable
{
    private readonly ColourModels _models = new();

    public void Dispose() => _models.Dispose();

    public static TheoryData<string> Accepted => [.. ForeignModels.Accepted.Keys];

    public static TheoryData<string> Refused => [.. ForeignModels.Refused.Keys];

    [Theory]
    [MemberData(nameof(Accepted))]
    public void A_model_whose_meaning_is_clear_is_evaluated(string name)
    {
        var path = _models.Write("model.onnx", ForeignModels.Accepted[name]());
        var options = ColourModels.Options(_models.Images("images", 7, wrong: [4]), path) with { OutputKind = Stated(name) };

        var metrics = _models.Evaluate(options).Metrics;

        Assert.Equal((7, 6), (metrics.Count, metrics.Correct));
        Assert.Contains(name.StartsWith("softmax", StringComparison.Ordinal) || name.StartsWith("labels", StringComparison.Ordinal) ? "probabilities" : "logits",
            metrics.Settings!.Output.Split(' ')[2], StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(Refused))]
    public void A_model_that_cannot_be_taken_is_refused_with_what_to_do(string name)
    {
        var (model, says) = ForeignModels.Refused[name];
        var path = _models.Write("model.onnx", model());

        var message = Assert.ThrowsAny<AirbenchException>(() => ModelDescription.Read(path, ModelInspector.Inspect(path), new ClassifierOptions { Scale = 1 })).Message;

        Assert.StartsWith(path, message, StringComparison.Ordinal);
        Assert.Contains(says, message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', message);
    }

    /// <summary>ONNX Runtime still loads what is taken, and not what is refused for its version: the two numbers are those of this package.</summary>
    [Theory]
    [InlineData(13, 26, null)]
    [InlineData(13, 27, "needs opset 27")]
    [InlineData(14, 26, "has the IR version 14")]
    public void The_latest_versions_are_those_that_onnx_runtime_loads(long ir, int opset, string? says)
    {
        var graph = ForeignModels.Begin();
        graph.Output("scores", Airbench.Onnx.Proto.TensorProto.Types.DataType.Float, 3);
        var model = ForeignModels.Build(graph, opset);
        model.IrVersion = ir;
        model.Graph.Node.RemoveAt(0);   // ReduceMean, whose axes moved
        model.Graph.Node.Insert(0, new() { Name = "means", OpType = "GlobalAveragePool", Input = { "pixels" }, Output = { "mean" } });
        model.Graph.Node.Insert(1, new() { Name = "flat", OpType = "Flatten", Input = { "mean" }, Output = { "means" } });
        var path = _models.Write("model.onnx", model);

        if (says is null)
        {
            ModelInspector.Inspect(path);
            using var session = new Microsoft.ML.OnnxRuntime.InferenceSession(path);
            return;
        }
        Assert.Contains(says, Assert.Throws<InvalidFileException>(() => ModelInspector.Inspect(path)).Message, StringComparison.Ordinal);
        Assert.Throws<Microsoft.ML.OnnxRuntime.OnnxRuntimeException>(() => new Microsoft.ML.OnnxRuntime.InferenceSession(path));
    }

    [Theory]
    [InlineData(Tta.None)]
    [InlineData(Tta.MirrorTranslate)]
    public void A_batch_of_1_inside_of_the_model_is_said_and_one_image_a_call_is_evaluated(Tta tta)
    {
        var path = _models.Write("model.onnx", ForeignModels.ReshapedToOne());
        var options = ColourModels.Options(_models.Images("images", 6), path) with { Tta = tta };

        Assert.Contains("One image at a time works: a batch of 1 is fixed inside of the model. Set batch_size (--batch-size): 1",
            Assert.Throws<InvalidFileException>(() => _models.Evaluate(options)).Message, StringComparison.Ordinal);
        Assert.Equal(6, _models.Evaluate(options with { BatchSize = 1 }, "one").Metrics.Correct);
    }

    public static TheoryData<string, byte[], string> OtherFiles => new()
    {
        { "lfs.onnx", "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 102583340\n"u8.ToArray(), "is a pointer of Git LFS, not the model itself, which has 102,583,340 bytes: run `git lfs pull`" },
        { "page.onnx", "\n<!DOCTYPE html><html>Sign in</html>"u8.ToArray(), "is a web page (HTML)" },
        { "bom.onnx", [0xEF, 0xBB, 0xBF, .. "<html lang=en>"u8], "is a web page (HTML)" },
        { "openvino.onnx", "<?xml version=\"1.0\"?><net name=\"x\">"u8.ToArray(), "OpenVINO" },
        { "error.onnx", "{\"message\": \"Not Found\"}"u8.ToArray(), "is a JSON file" },
        { "empty.onnx", [], "is empty; expected an ONNX model" },
        { "lite.onnx", [0x1C, 0, 0, 0, .. "TFL3"u8, .. new byte[40]], "is a TensorFlow Lite model; convert it (python -m tf2onnx.convert --tflite)" },
        { "runtime.onnx", [0x1C, 0, 0, 0, .. "ORTM"u8, .. new byte[40]], "ONNX Runtime's own format (.ort)" },
        { "keras.onnx", [0x89, .. "HDF\r\n\u001a\n"u8, .. new byte[40]], "is an HDF5 file, such as Keras saves" },
        { "old.onnx", [0x80, 2, 0x8A, 10, .. new byte[40]], "is a Python pickle" },
        { "llama.onnx", [.. "GGUF"u8, 3, 0, 0, 0], "is a GGUF model" },
        { "weights.onnx", [34, 0, 0, 0, 0, 0, 0, 0, .. "{\"w\":{\"dtype\":\"F32\",\"shape\":[1]}}  "u8, 0, 0, 0, 0], "is a safetensors file: weights without their network" },
        { "packed.onnx", [0x1F, 0x8B, 8, 0, 0, 0, 0], "is compressed by gzip; unpack it" },
        { "script.onnx", Zip("net/data.pkl", "net/constants.pkl"), "is a TorchScript model" },
        { "torch.onnx", Zip("archive/data.pkl", "archive/data/0"), "is a file of PyTorch (.pt, .pth)" },
        { "three.onnx", Zip("metadata.json", "config.json", "model.weights.h5"), "is a Keras model (.keras)" },
        { "arrays.onnx", Zip("arr_0.npy"), "is a file of NumPy arrays" },
        { "zipped.onnx", Zip("readme.txt", "net/model.onnx"), "is a zip archive with net/model.onnx in it; unpack it" },
        { "other.onnx", Zip("readme.txt"), "is a zip archive; expected an ONNX model" },
        { "cut.onnx", Zip("readme.txt")[..20], "damaged or cut off" },
        { "saved_model.pb", [8, 1, 0x12, 2, 8, 1], "is a TensorFlow SavedModel" },
        { "random.onnx", [1, 2, 3, 4, 5], "is not an ONNX model, or is damaged or cut off" },
        { "text.onnx", [.. Encoding.UTF8.GetBytes("404: Not Found\n")], "is a text file, not an ONNX model: it begins with '404: Not Found'" },
        { "picture.onnx", [0x89, .. "PNG\r\n\u001a\n"u8, 0, 0, 0, 13, .. "IHDR"u8, .. new byte[13]], "is a PNG file, not a model" },
    };

    [Theory]
    [MemberData(nameof(OtherFiles))]
    public void A_file_that_is_not_onnx_is_named(string name, byte[] bytes, string says)
    {
        var path = _models.Write(name, bytes);

        var message = Assert.Throws<InvalidFileException>(() => ModelInspector.Inspect(path)).Message;

        Assert.StartsWith(path, message, StringComparison.Ordinal);
        Assert.Contains(says, message, StringComparison.Ordinal);
    }

    /// <summary>What the operators leave open is for the user to say.</summary>
    private static OutputKind? Stated(string name) => name.StartsWith("scores of an unstated", StringComparison.Ordinal) ? OutputKind.Logits : null;

    private static byte[] Zip(params string[] names)
    {
        using var stream = new MemoryStream();
        using (var archive = new ZipArchive(stream, ZipArchiveMode.Create, leaveOpen: true))
        {
            foreach (var name in names)
            {
                archive.CreateEntry(name);
            }
        }
        return stream.ToArray();
    }
}
