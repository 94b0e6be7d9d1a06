using System.Text.Json;
using System.Xml.Linq;
using Airbench.Data;
using Airbench.Onnx;
using CsCheck;

namespace Airbench.Tests;

/// <summary>The files around the model, each by what its reader demands.</summary>
public sealed class BundleFilesTests : IDisposable
{
    private static readonly ModelSignature Signature = new(
        [new("images", "uint8", [-1, 3, 16, 16])], [new("logits", "float", [-1, 3]), new("probabilities", "float", [-1, 3])]);

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void The_same_network_gives_the_same_bytes()
    {
        var first = Export("a/small").Folder;
        var second = Export("b/small").Folder;
        Assert.Equal(Checksums.Files(first), Checksums.Files(second));
        Assert.Equal(File.ReadAllText(Path.Combine(first, Checksums.FileName)), File.ReadAllText(Path.Combine(second, Checksums.FileName)));
    }

    [Fact]
    public void The_manifest_holds_signature_preprocessing_accuracy_and_provenance_and_opens_again()
    {
        var manifest = OnnxBundle.Open(Export("exports/small").Folder).Manifest;
        Assert.Equal(Signature.Inputs, manifest.Signature!.Inputs);
        Assert.Equal(Signature.Outputs, manifest.Signature.Outputs);
        Assert.Equal(((int?)16, (int?)16, "RGB"), (
            manifest.PreprocessingSteps!.ShortSide, manifest.PreprocessingSteps.CentreCrop, manifest.PreprocessingSteps.ColorOrder));
        Assert.Equal(RandomNetwork.Small().Mean, manifest.PreprocessingSteps.InsideTheModel.Mean);
        Assert.Equal((2000, 1801, 1822), (manifest.Accuracy!.Count, manifest.Accuracy.Plain.Correct, manifest.Accuracy.WithTta.Correct));
        Assert.InRange(manifest.Accuracy.Plain.Accuracy, manifest.Accuracy.Plain.Low95, manifest.Accuracy.Plain.High95);
        Assert.Equal("cpu, fp32", manifest.Provenance!.TrainedOn);
    }

    [Theory]
    [InlineData(Fit.Crop, "Resize the short side to 16 and crop the centre", "only the centre square")]
    [InlineData(Fit.Pad, "Resize the long side to 16 and pad with black", "seen whole, but small")]
    [InlineData(Fit.Stretch, "Resize both sides to 16", "seen distorted")]
    public void How_images_become_square_is_in_the_manifest_the_model_and_the_card(Fit fit, string words, string limit)
    {
        var model = Model();
        model = model with { Manifest = model.Manifest with { Network = model.Manifest.Network with { Fit = fit } } };
        var bundle = OnnxBundle.Open(Exporter.Export(
            model, new ExportOptions(), _folder.File("exports/fit"), _ => new ParityResult(8, 0, 8), IProgress.Silent, CancellationToken.None).Folder);
        var (manifest, steps) = (bundle.Manifest, bundle.Manifest.PreprocessingSteps!);
        Assert.Equal((fit, fit), (manifest.Fit, steps.Fit));
        Assert.Equal(
            (fit == Fit.Crop ? 16 : (int?)null, fit == Fit.Crop ? 16 : null, fit == Fit.Pad ? 16 : null), (steps.ShortSide, steps.CentreCrop, steps.LongSide));
        Assert.Contains(words, manifest.Preprocessing, StringComparison.Ordinal);
        var properties = Airbench.Onnx.Proto.ModelProto.Parser.ParseFrom(File.ReadAllBytes(bundle.File("model.onnx"))).MetadataProps;
        Assert.Equal(fit.ToString().ToLowerInvariant(), properties.Single(property => property.Key == "fit").Value);
        Assert.Contains(limit, File.ReadAllText(bundle.File("README.md")), StringComparison.Ordinal);
    }

    [Fact]
    public void A_png_decodes_to_the_pixels_that_it_was_made_of()
    {
        using var decoder = new ImageDecoder();
        Gen.Select(Gen.Int[1, 40], Gen.Int[0, 1000]).ForEachCase((size, seed) =>
        {
            var pixels = RandomNetwork.Images(1, size, seed);
            var decoded = new byte[pixels.Length];
            decoder.Decode(Png.Encode(pixels, size), size, decoded);
            Assert.Equal(pixels, decoded);
        });
    }

    [Fact]
    public void Tritons_configuration_names_inputs_outputs_labels_and_a_warm_up_that_is_there()
    {
        var bundle = Export("exports/small");
        Assert.Equal(
            """
            name: "small"
            platform: "onnxruntime_onnx"
            max_batch_size: 128
            input [
              {
                name: "images"
                data_type: TYPE_UINT8
                dims: [ 3, 16, 16 ]
              }
            ]
            output [
              {
                name: "logits"
                data_type: TYPE_FP32
                dims: [ 3 ]
              },
              {
                name: "probabilities"
                data_type: TYPE_FP32
                dims: [ 3 ]
                label_filename: "labels.txt"
              }
            ]
            dynamic_batching {
              preferred_batch_size: [ 16, 64 ]
              max_queue_delay_microseconds: 500
            }
            model_warmup [
              {
                name: "a test image"
                batch_size: 1
                inputs {
                  key: "images"
                  value {
                    data_type: TYPE_UINT8
                    dims: [ 3, 16, 16 ]
                    input_data_file: "image"
                  }
                }
              }
            ]

            """.ReplaceLineEndings("\n"),
            File.ReadAllText(bundle.File("triton/small/config.pbtxt")));
        Assert.Equal(3 * 16 * 16, new FileInfo(bundle.File("triton/small/warmup/image")).Length);
        Assert.Equal(Hash.OfFile(bundle.File("model.onnx")), Hash.OfFile(bundle.File("triton/small/1/model.onnx")));
        Assert.Equal("class 0\nclass 1\nclass 2\n", File.ReadAllText(bundle.File("triton/small/labels.txt")));
    }

    [Fact]
    public void The_sample_request_holds_the_first_image_of_the_test_data()
    {
        var bundle = Export("exports/small");
        using var request = JsonDocument.Parse(File.ReadAllText(bundle.File("request.json")));
        var input = request.RootElement.GetProperty("inputs")[0];
        Assert.Equal(("images", "UINT8"), (input.GetProperty("name").GetString(), input.GetProperty("datatype").GetString()));
        Assert.Equal([1, 3, 16, 16], input.GetProperty("shape").EnumerateArray().Select(d => d.GetInt32()));
        var pixels = input.GetProperty("data").EnumerateArray().Select(v => v.GetByte()).ToArray();
        Assert.Equal(TestDataSet.Read(bundle.File(TestDataSet.Input(0))).RawData.Span[..pixels.Length].ToArray(), pixels);
    }

    [Theory]
    [InlineData(InputFormat.Uint8Nhwc, true, "TYPE_UINT8", "-1, -1, 3", "16, 16, 3")]
    [InlineData(InputFormat.FloatNchw, false, "TYPE_FP32", "3, 16, 16", "3, 16, 16")]
    public void The_files_around_the_model_follow_its_input(InputFormat input, bool anySize, string type, string extents, string warmUp)
    {
        var bundle = Exporter.Export(
            Model(), new ExportOptions { Input = input, AcceptAnySize = anySize }, _folder.File("exports/other"),
            _ => new ParityResult(8, 0, 8), IProgress.Silent, CancellationToken.None);
        var config = File.ReadAllText(bundle.File("triton/other/config.pbtxt"));
        Assert.Contains($"    data_type: {type}\n    dims: [ {extents} ]\n", config, StringComparison.Ordinal);
        Assert.Contains($"        data_type: {type}\n        dims: [ {warmUp} ]\n", config, StringComparison.Ordinal);
        Assert.Equal(3 * 16 * 16 * (input == InputFormat.FloatNchw ? 4 : 1), new FileInfo(bundle.File("triton/other/warmup/image")).Length);

        using var request = JsonDocument.Parse(File.ReadAllText(bundle.File("request.json")));
        var sent = request.RootElement.GetProperty("inputs")[0];
        Assert.Equal($"1, {warmUp}", string.Join(", ", sent.GetProperty("shape").EnumerateArray()));
        var data = TestDataSet.Read(bundle.File(TestDataSet.Input(0)));
        var first = InputFormats.Decode(input, data.RawData.Span[..(data.RawData.Length / (int)data.Dims[0])], 16 * 16);
        var scale = input == InputFormat.FloatNchw ? 255 : 1;
        Assert.Equal(
            InputFormats.Encode(input == InputFormat.Uint8Nhwc ? input : InputFormat.Uint8Nchw, first, 16 * 16),
            sent.GetProperty("data").EnumerateArray().Select(value => (byte)Math.Round(value.GetDouble() * scale)));

        var card = File.ReadAllText(bundle.File("README.md"));
        Assert.Contains(input == InputFormat.FloatNchw ? "[n, 3, size, size]);   // float[]" : "[n, height, width, 3]);   // byte[]", card, StringComparison.Ordinal);
        Assert.Equal((input, anySize, anySize), (bundle.Manifest.Input, bundle.Manifest.AcceptsAnySize, bundle.Manifest.PreprocessingSteps!.ResizedInside));
    }

    /// <summary>Encoding is undone by decoding, and puts every pixel where its layout has it.</summary>
    [Fact]
    public void Every_input_format_holds_the_pixels() => Gen.Select(Gen.Enum<InputFormat>(), Gen.Int[1, 3], Gen.Int[1, 9], Gen.Int[1, 9], Gen.Int).ForEachCase(
        (format, count, height, width, seed) =>
        {
            var planes = new byte[count * 3 * height * width];
            new Random(seed).NextBytes(planes);
            var values = InputFormats.Encode(format, planes, height * width);
            Assert.Equal(planes, InputFormats.Decode(format, values, height * width));
            Assert.Equal(planes.Length, InputFormats.Shape(format, count, height, width).Aggregate((a, b) => a * b));
            if (format == InputFormat.Uint8Nhwc)
            {
                for (var i = 0; i < planes.Length; i++)
                {
                    var (image, colour, pixel) = (i / (3 * height * width), i / (height * width) % 3, i % (height * width));
                    Assert.Equal(planes[i], values[(((image * height * width) + pixel) * 3) + colour]);
                }
            }
        });

    [Fact]
    public void Test_data_hold_the_reference_logits_and_their_softmax()
    {
        var bundle = Export("exports/small");
        var logits = TestDataSet.Floats(TestDataSet.Read(bundle.File(TestDataSet.Output(0))));
        var probabilities = TestDataSet.Floats(TestDataSet.Read(bundle.File(TestDataSet.Output(1))));
        foreach (var (row, odds) in logits.Chunk(3).Zip(probabilities.Chunk(3)))
        {
            Assert.Equal(1, odds.Sum(), 1e-6);
            Assert.Equal(Math.Exp(row[1] - row[0]), odds[1] / odds[0], 1e-4);
            Assert.Equal(Math.Exp(row[2] - row[0]), odds[2] / odds[0], 1e-4);
        }
    }

    /// <summary>Class names are text from somebody's folders.</summary>
    [Fact]
    public void No_class_name_becomes_markup()
    {
        Gen.String[Gen.Frequency((1, Gen.Char), (1, Gen.Char["<>&\"|`*\\"])), 1, 20].Array[2, 5].ForEachCase(names =>
            {
                var counts = names.Select(_ => (IReadOnlyList<int>)[.. names.Select((_, i) => i)]).ToList();
                var svg = new Confusion(counts, "test").Svg(names);
                var drawing = XDocument.Parse(svg).Root!;
                Assert.All(drawing.Elements(), element => Assert.Contains(element.Name.LocalName, (string[])["title", "rect", "text", "path"]));
                Assert.All(drawing.Elements(), element => Assert.Empty(element.Elements()));
            });
        var model = Model();
        var card = File.ReadAllText(Export(
            "exports/odd", model with { Manifest = model.Manifest with { Classes = ["<script>", "a|b", "`x`"] } }).File("README.md"));
        Assert.DoesNotContain("<script>", card, StringComparison.Ordinal);
        Assert.Contains("| a\\|b |", card, StringComparison.Ordinal);
    }

    [Fact]
    public void The_confusion_of_the_trainer_is_shown_and_one_that_does_not_fit_its_score_is_refused()
    {
        var model = Model();
        model = model with { Manifest = model.Manifest with { Classes = ["a, b", "c", "d"], Fp32 = new Fp32Score(9, 5, 6, Tta.Mirror) } };
        var path = model.File(TrainedModel.ConfusionName);
        File.WriteAllText(path, "true \\ predicted,\"a, b\",c,d\n\"a, b\",3,0,0\nc,1,1,1\nd,0,1,2\n");
        var card = File.ReadAllText(Export("exports/small", model).File("README.md"));
        Assert.Contains("| a, b | 3 | 75.0% | 100.0% |", card, StringComparison.Ordinal);
        Assert.Contains("| c | 3 | 50.0% | 33.3% |", card, StringComparison.Ordinal);

        File.WriteAllText(path, "true \\ predicted,\"a, b\",c,d\n\"a, b\",3,0,0\nc,1,1,1\nd,0,2,1\n");
        Assert.Contains("6 of them correct", Assert.Throws<InvalidFileException>(() => Export("exports/small", model)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_bill_of_materials_is_cyclonedx_and_names_the_packages_of_the_program()
    {
        using var bill = JsonDocument.Parse(File.ReadAllText(Export("exports/small").File("sbom.cdx.json")));
        var root = bill.RootElement;
        Assert.Equal(("CycloneDX", "1.5"), (root.GetProperty("bomFormat").GetString(), root.GetProperty("specVersion").GetString()));
        var components = root.GetProperty("components").EnumerateArray().ToList();
        Assert.Contains(components, c => c.GetProperty("name").GetString() == "Google.Protobuf");
        Assert.Equal(components.Count, components.Select(c => c.GetProperty("bom-ref").GetString()).Distinct().Count());
        Assert.All(components, c => Assert.Equal(128, c.TryGetProperty("hashes", out var h) ? h[0].GetProperty("content").GetString()!.Length : 128));
    }

    [Theory]
    [InlineData("airbench94", "airbench94")]
    [InlineData("My Photos_2", "my-photos-2")]
    [InlineData("__", "model")]
    [InlineData("2024.flowers_v1", "model-2024-flowers-v1")]
    [InlineData("3", "model-3")]
    [InlineData("-a-", "a")]
    [InlineData("on", "model-on")]
    [InlineData("猫", "model")]
    public void Names_for_kubernetes_are_dns_labels(string name, string expected)
    {
        Assert.Equal(expected, ServingFiles.DnsName(name));
        var file = ServingFiles.KServe(name);
        Assert.Contains($"\n  name: {expected}\n", file, StringComparison.Ordinal);
        Assert.Equal(name != expected, file.Contains($"# The bundle is called '{name}'; a service has to begin with a letter", StringComparison.Ordinal));
    }

    /// <summary>RFC 1035, as KServe's webhook demands it, with room for what KServe appends.</summary>
    [Fact]
    public void Any_name_becomes_a_dns_label() => Gen.OneOf(Gen.String, Gen.String[Gen.Char["aZ0.-_ é"], 0, 80]).ForEachCase(
        name => Assert.Matches(@"\A[a-z]([-a-z0-9]{0,51}[a-z0-9])?\z", ServingFiles.DnsName(name)), cases: 1000);

    [Fact]
    public void The_card_says_under_which_name_a_service_runs()
    {
        var card = File.ReadAllText(Export("exports/94.small").File("README.md"));
        Assert.Contains("The service is called `model-94-small`: its name has to begin with a letter", card, StringComparison.Ordinal);
        Assert.DoesNotContain("The service is called", File.ReadAllText(Export("exports/small").File("README.md")), StringComparison.Ordinal);
        Assert.StartsWith("name: \"94.small\"\n", File.ReadAllText(_folder.File("exports/94.small/triton/94.small/config.pbtxt")), StringComparison.Ordinal);
    }

    private TrainedModel Model() => RandomNetwork.Write(_folder.File("model"), RandomNetwork.Small());

    private OnnxBundle Export(string folder, TrainedModel? model = null) => Exporter.Export(
        model ?? Model(), new ExportOptions(), _folder.File(folder), _ => new ParityResult(256, 1e-6, 256), IProgress.Silent, CancellationToken.None);
}
