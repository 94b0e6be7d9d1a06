using Airbench.Onnx;
using Airbench.Onnx.Proto;
using Google.Protobuf;
using SkiaSharp;
using Element = Airbench.Onnx.Proto.TensorProto.Types.DataType;

namespace Airbench.Tests;

/// <summary>Classifiers of other makers: each scores red, green and blue by the mean of that colour, whatever form its input has.</summary>
internal sealed class ColourModels : IDisposable
{
    public const int Size = 8;
    public static readonly string[] Classes = ["red", "green", "blue"];
    private readonly TemporaryFolder _folder = new();

    public string Folder => _folder.Path;

    public string File(string name) => _folder.File(name);

    public void Dispose() => _folder.Dispose();

    /// <summary>Writes a model that takes colours as values from -1 to 1 or pixels and gives their means.</summary>
    public string Write(
        string name, Element type = Element.Float, bool nhwc = false, bool bgr = false, bool softmax = false, bool isDescribed = true, int? batch = null,
        Element? output = null)
    {
        var graph = new GraphBuilder("colours");
        var x = graph.Input("pixels", type, nhwc ? [Size, Size, 3] : [3, Size, Size]);
        var values = type == Element.Float ? x : graph.Node("Cast", "values", [x], [Airbench.Onnx.Attribute.Int("to", (long)Element.Float)]);
        var means = graph.Node(
            "ReduceMean", "means", [values], [Airbench.Onnx.Attribute.Ints("axes", nhwc ? [1, 2] : [2, 3]), Airbench.Onnx.Attribute.Int("keepdims", 0)]);
        // The weights also put the classes in the order red, green, blue.
        var weights = graph.Initializer("weights", bgr ? [0f, 0, 4, 0, 4, 0, 4, 0, 0] : [4f, 0, 0, 0, 4, 0, 0, 0, 4], 3, 3);
        graph.Node("MatMul", "product", [means, weights], [], output: softmax || output is not null ? "product" : "scores");
        if (softmax)
        {
            graph.Node("Softmax", "probability", ["product"], [Airbench.Onnx.Attribute.Int("axis", 1)], output: "scores");
        }
        else if (output is { } half)
        {
            graph.Node("Cast", "cast", ["product"], [Airbench.Onnx.Attribute.Int("to", (long)half)], output: "scores");
        }
        graph.Output("scores", output ?? Element.Float, 3);
        var model = graph.Build(17);
        if (batch is { } fixedBatch)
        {
            foreach (var value in model.Graph.Input.Concat(model.Graph.Output))
            {
                value.Type.TensorType.Shape.Dim[0].DimValue = fixedBatch;
            }
        }
        if (isDescribed)
        {
            model.MetadataProps.Add(new StringStringEntryProto { Key = "classes", Value = """["red", "green", "blue"]""" });
        }
        return Write(name, model);
    }

    public string Write(string name, ModelProto model) => Write(name, model.ToByteArray());

    public string Write(string name, byte[] model)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(_folder.File(name))!);
        System.IO.File.WriteAllBytes(_folder.File(name), model);
        return _folder.File(name);
    }

    /// <summary>A PNG of one colour, a little darker the higher <paramref name="shade"/> is.</summary>
    public static byte[] Png(string colour, int shade = 0, int size = Size)
    {
        using var bitmap = new SKBitmap(size, size);
        var bright = (byte)(230 - (shade % 100));
        bitmap.Erase(colour switch { "red" => new SKColor(bright, 20, 30), "green" => new SKColor(20, bright, 30), _ => new SKColor(20, 30, bright) });
        using var data = bitmap.Encode(SKEncodedImageFormat.Png, 100);
        return data.ToArray();
    }

    /// <summary>A folder of <c>&lt;class&gt;/n.png</c>; the numbers in <paramref name="broken"/> are no images, those in <paramref name="wrong"/> lie in the wrong folder.</summary>
    public string Images(string name, int count, int[]? broken = null, int[]? wrong = null)
    {
        foreach (var i in Enumerable.Range(0, count))
        {
            var colour = Classes[i % 3];
            var place = wrong?.Contains(i) == true ? Classes[(i + 1) % 3] : colour;
            Directory.CreateDirectory(_folder.File($"{name}/{place}"));
            System.IO.File.WriteAllBytes(_folder.File($"{name}/{place}/{i:000}.png"), broken?.Contains(i) == true ? [1, 2, 3] : Png(colour, i));
        }
        return _folder.File(name);
    }

    /// <summary>Scale and labels as a user gives them for a float input.</summary>
    public static EvaluateOptions Options(string data, params string[] models) =>
        new() { Data = data, Model = models, Tta = Tta.None, Scale = 1 / 255.0, BatchSize = 4 };

    public Evaluation Evaluate(EvaluateOptions options, string folder = "evaluation") =>
        Evaluator.Evaluate(null, null, options, "cpu", _folder.File(folder), IProgress.Silent, CancellationToken.None);
}
