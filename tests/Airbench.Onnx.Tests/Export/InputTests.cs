using Airbench.Data;
using Airbench.Onnx;
using CsCheck;
using Microsoft.ML.OnnxRuntime;
using SkiaSharp;

namespace Airbench.Tests;

/// <summary>Models with other inputs: the same answers from the same pixels, and from images of any size those of prepared ones.</summary>
public sealed class InputTests : IDisposable
{
    private const int Size = 16;
    private readonly Bundles _bundles = new();

    public void Dispose() => _bundles.Dispose();

    public static TheoryData<InputFormat, bool, int> Inputs => new(
        from format in Enum.GetValues<InputFormat>()
        from anySize in (bool[])[false, true]
        from opset in (int[])[13, 14, 15, 16, 17, 18, 19, 20, 21, 22]
        select (format, anySize, opset));

    [Theory]
    [MemberData(nameof(Inputs))]
    public void Every_input_in_every_opset_passes_the_parity_gate(InputFormat format, bool anySize, int opset)
    {
        var result = ParityGate.Check(Build(new InputOptions(format, anySize), opset), _bundles.ReferenceFile);
        Assert.Equal((Bundles.ReferenceCount, Bundles.ReferenceCount), (result.Images, result.SameTop1));
        Assert.InRange(result.MaxAbsDifference, 0, 1e-4);
    }

    /// <summary>
    /// The pixels in front of the network against those that the decoder of prepare leaves, of images of any shape. Sums that end next to one
    /// half may round differently in float32.
    /// </summary>
    [Fact]
    public void The_model_resizes_and_becomes_square_as_prepare_does()
    {
        var files = (from format in Enum.GetValues<InputFormat>() from fit in Enum.GetValues<Fit>() select (format, fit)).ToDictionary(
            key => key, key => WithPixels(new InputOptions(key.format, AnySize: true), key.fit, opset: key.format switch
            {
                InputFormat.Uint8Nchw => 13,
                InputFormat.Uint8Nhwc => 17,
                _ => 22,
            }));
        var (pixels, different) = (0, 0);
        Gen.Select(Gen.Int[1, 70], Gen.Int[1, 70], Gen.Enum<InputFormat>(), Gen.Enum<Fit>(), Gen.Int[0, 1000]).ForEachCase(
            (width, height, format, fit, seed) =>
            {
                using var decoder = new ImageDecoder { Fit = fit };
                var planes = new byte[3 * width * height];
                new Random(seed).NextBytes(planes);
                var expected = new byte[3 * Size * Size];
                decoder.Decode(Encode(planes, width, height), Size, expected);

                using var session = new InferenceSession(files[(format, fit)]);
                using var run = new RunOptions();
                using var input = OrtValues.Create(
                    format == InputFormat.FloatNchw ? "float" : "uint8", InputFormats.Encode(format, planes, width * height),
                    InputFormats.Shape(format, 1, height, width));
                using var results = session.Run(run, ["images"], [input], ["pixels"]);
                var found = results[0].GetTensorDataAsSpan<float>().ToArray();

                Assert.Equal(expected.Length, found.Length);
                Assert.All(expected.Zip(found), pair => Assert.InRange(pair.Second - pair.First, -1, 1));
                (pixels, different) = (pixels + found.Length, different + expected.Zip(found).Count(pair => pair.First != pair.Second));
            },
            cases: 90);
        Assert.InRange(different, 0, pixels / 1000);
    }

    private string Build(InputOptions input, int opset)
    {
        var file = _bundles.File($"{Guid.NewGuid():N}.onnx");
        NetworkExporter.Save(NetworkExporter.Build(_bundles.Model.Manifest, _bundles.Model.File(TrainedModel.WeightsName), opset, input), file);
        return file;
    }

    /// <summary>A model that also gives its pixels.</summary>
    private string WithPixels(InputOptions input, Fit fit, int opset)
    {
        var manifest = _bundles.Model.Manifest;
        manifest = manifest with { Network = manifest.Network with { Fit = fit } };
        var model = NetworkExporter.Build(manifest, _bundles.Model.File(TrainedModel.WeightsName), opset, input);
        new GraphBuilder(model.Graph).Output(InputWriter.Pixels, Airbench.Onnx.Proto.TensorProto.Types.DataType.Float, 3, Size, Size);
        var file = _bundles.File($"{Guid.NewGuid():N}.onnx");
        NetworkExporter.Save(model, file);
        return file;
    }

    private static byte[] Encode(byte[] planes, int width, int height)
    {
        using var bitmap = new SKBitmap(new SKImageInfo(width, height, SKColorType.Rgba8888, SKAlphaType.Unpremul));
        var (rgba, area) = (new byte[4 * width * height], width * height);
        for (var i = 0; i < rgba.Length; i++)
        {
            rgba[i] = i % 4 == 3 ? (byte)255 : planes[(i % 4 * area) + (i / 4)];
        }
        System.Runtime.InteropServices.Marshal.Copy(rgba, 0, bitmap.GetPixels(), rgba.Length);
        using var png = bitmap.Encode(SKEncodedImageFormat.Png, 100);
        return png.ToArray();
    }
}
