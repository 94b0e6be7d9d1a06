using System.Text.Json;
using Airbench.Onnx;
using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.OnnxRuntime;
using OpenCvSharp;
using OpenCvSharp.Dnn;

namespace Airbench.Tests;

/// <summary>A model's answer in some runtime: probabilities, or the runtime's own words for why there are none.</summary>
internal sealed record Answer(float[] Probabilities, string? Error = null);

/// <summary>A model file of ours with images for it.</summary>
/// <param name="File">Its path.</param>
/// <param name="Format">What it takes.</param>
/// <param name="Pixels">uint8 [count,3,S,S].</param>
/// <param name="Count">Images.</param>
/// <param name="Size">S.</param>
internal sealed record GivenModel(string File, InputFormat Format, byte[] Pixels, int Count, int Size)
{
    public const int Classes = 4;

    /// <summary>Extents of a batch.</summary>
    public long[] Shape(int count) => Format == InputFormat.Uint8Nhwc ? [count, Size, Size, 3] : [count, 3, Size, Size];

    /// <summary>The images as the model takes them, where that is bytes.</summary>
    public byte[] Bytes() => Format == InputFormat.Uint8Nchw ? Pixels : [.. Enumerable.Range(0, Count).SelectMany(image =>
        Enumerable.Range(0, Size * Size).SelectMany(place => Enumerable.Range(0, 3).Select(colour => Pixels[(((image * 3) + colour) * Size * Size) + place])))];

    /// <summary>The images as the model takes them, where that is floats.</summary>
    public float[] Floats() => Array.ConvertAll(Pixels, pixel => pixel / 255f);

    public bool IsFloat => Format == InputFormat.FloatNchw;
}

/// <summary>Models in other people's runtimes, each as its users call it.</summary>
internal static class OtherRuntimes
{
    /// <summary>The oracle: ONNX Runtime in this process.</summary>
    public static float[] Run(GivenModel model)
    {
        using var session = new InferenceSession(model.File);
        using var input = model.IsFloat
            ? OrtValue.CreateTensorValueFromMemory(model.Floats(), model.Shape(model.Count))
            : OrtValue.CreateTensorValueFromMemory(model.Bytes(), model.Shape(model.Count));
        using var options = new RunOptions();
        using var outputs = session.Run(options, ["images"], [input], ["probabilities"]);
        return outputs[0].GetTensorDataAsSpan<float>().ToArray();
    }

    /// <summary>OpenCV, which reads ONNX on its own.</summary>
    public static unsafe Answer OpenCv(GivenModel model)
    {
        try
        {
            using var net = CvDnn.ReadNetFromOnnx(model.File)!;
            using var images = new Mat([.. model.Shape(model.Count).Select(extent => (int)extent)], model.IsFloat ? MatType.CV_32FC1 : MatType.CV_8UC1);
            if (model.IsFloat)
            {
                model.Floats().CopyTo(new Span<float>((void*)images.Data, model.Pixels.Length));
            }
            else
            {
                model.Bytes().CopyTo(new Span<byte>((void*)images.Data, model.Pixels.Length));
            }
            net.SetInput(images, "images");
            using var scores = net.Forward("probabilities");
            Assert.Equal((2, model.Count, GivenModel.Classes), (scores.Dims, scores.Size(0), scores.Size(1)));
            return new Answer(new Span<float>((void*)scores.Data, model.Count * GivenModel.Classes).ToArray());
        }
        catch (OpenCVException e)
        {
            return new Answer([], e.Message);
        }
    }

    /// <summary>Skips the test where OpenCV's library does not load.</summary>
    public static void SkipWithoutOpenCv()
    {
        try
        {
            Assert.StartsWith("4.", Cv2.GetVersionString(), StringComparison.Ordinal);
        }
        catch (Exception e) when (e is DllNotFoundException or TypeInitializationException)
        {
            Assert.Skip($"OpenCV's library does not load here: {(e.InnerException ?? e).Message}");
        }
    }

    /// <summary>ML.NET, row by row, with the shapes that it is to believe.</summary>
    public static Answer MlNet(GivenModel model)
    {
        var context = new MLContext(seed: 1);
        int[] shape = [.. model.Shape(1).Select(extent => (int)extent)];
        var row = 3 * model.Size * model.Size;
        var data = model.IsFloat
            ? Load(model.Floats().Chunk(row).Select(values => new FloatRow { Images = values }), NumberDataViewType.Single)
            : Load(model.Bytes().Chunk(row).Select(values => new ByteRow { Images = values }), NumberDataViewType.Byte);
        try
        {
            var estimator = context.Transforms.ApplyOnnxModel(
                ["probabilities"], ["images"], model.File,
                new Dictionary<string, int[]> { ["images"] = shape, ["probabilities"] = [1, GivenModel.Classes] }, gpuDeviceId: null, fallbackToCpu: false, recursionLimit: 100);
            return new Answer([.. estimator.Fit(data).Transform(data).GetColumn<float[]>("probabilities").SelectMany(scores => scores)]);
        }
        catch (Exception e) when (e is InvalidOperationException or ArgumentException or System.Reflection.TargetInvocationException)
        {
            return new Answer([], (e.InnerException ?? e).Message);
        }

        IDataView Load<T>(IEnumerable<T> rows, DataViewType type) where T : class
        {
            var schema = SchemaDefinition.Create(typeof(T));
            schema["images"].ColumnType = new VectorDataViewType((PrimitiveDataViewType)type, shape[1..]);
            return context.Data.LoadFromEnumerable(rows.ToList(), schema);
        }
    }

    /// <summary>onnxruntime-node and onnxruntime-web (WebAssembly) in one process of Node, for all models; versions and answers by runtime.</summary>
    public static (Dictionary<string, string> Versions, Dictionary<string, Dictionary<string, Answer>> Answers) Node(IEnumerable<GivenModel> models, string folder)
    {
        var (inputs, answers) = (Path.Combine(folder, "inputs.json"), Path.Combine(folder, "answers.json"));
        File.WriteAllText(inputs, JsonSerializer.Serialize(new
        {
            models = models.Select(model => new
            {
                file = model.File,
                type = model.IsFloat ? "float32" : "uint8",
                dims = model.Shape(model.Count),
                data = model.IsFloat ? model.Floats() : Array.ConvertAll(model.Bytes(), pixel => (float)pixel),
            }),
        }));
        var (exitCode, output) = Programs.Run("node", Path.Combine(Programs.Clients, "check_variants.mjs"), inputs, answers);
        Assert.True(exitCode == 0, output);
        using var json = JsonDocument.Parse(File.ReadAllText(answers));
        return (
            json.RootElement.GetProperty("versions").EnumerateObject().ToDictionary(entry => entry.Name, entry => entry.Value.GetString()!),
            json.RootElement.GetProperty("answers").EnumerateObject().ToDictionary(runtime => runtime.Name, runtime => runtime.Value.EnumerateObject().ToDictionary(
                answer => answer.Name, answer => answer.Value.TryGetProperty("error", out var error)
                    ? new Answer([], error.GetString())
                    : new Answer([.. answer.Value.GetProperty("values").EnumerateArray().Select(value => value.GetSingle())]))));
    }

    private sealed class ByteRow
    {
        [ColumnName("images")]
        public byte[] Images { get; set; } = [];
    }

    private sealed class FloatRow
    {
        [ColumnName("images")]
        public float[] Images { get; set; } = [];
    }
}
