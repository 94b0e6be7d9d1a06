using System.CommandLine;
using System.Globalization;
using Airbench.Cli.Terminal;
using Airbench.Inference;
using CsvHelper;

namespace Airbench.Cli.Commands;

/// <summary><c>airbench predict</c>: images in, labels out as CSV. A broken image is a row with its error.</summary>
internal static class PredictCommand
{
    private const int BatchSize = 100;

    public static Command Create()
    {
        var images = new Argument<string[]>("images")
        {
            Description = "Image files, or folders that are searched for .jpg, .jpeg and .png.",
            Arity = ArgumentArity.OneOrMore,
        };
        var bundle = new Option<string>("--bundle") { Description = "Folder of an exported model, for example exports/airbench94.", Required = true };
        var tta = new Option<string>("--tta")
        {
            Description = "Test-time augmentation: none, mirror, mirror_translate or adaptive.",
            DefaultValueFactory = _ => "mirror_translate",
        };
        tta.AcceptOnlyFromAmong("none", "mirror", "mirror_translate", "adaptive");
        var threshold = new Option<double>("--adaptive-threshold")
        {
            Description = "With --tta adaptive: images whose best class has a lower probability than this (0 to 1) when untouched get all 6 views.",
            DefaultValueFactory = _ => EvaluateOptions.DefaultAdaptiveThreshold,
            CustomParser = result =>
            {
                var text = result.Tokens[0].Value;
                if (!double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var value) || value is not (>= 0 and <= 1))
                {
                    result.AddError($"--adaptive-threshold {text}: expected 0 to 1");
                }
                return value;
            },
        };
        var device = new Option<string>("--device") { Description = "auto, cpu, cuda or cuda:N.", DefaultValueFactory = _ => "auto" };
        var output = new Option<string?>("--out") { Description = "CSV file to write instead of the terminal." };
        var command = new Command("predict", "Label images with an exported model: path, label, confidence.")
        {
            images, bundle, tta, threshold, device, output,
        };
        command.SetAction((parsed, cancel) => Task.FromResult(Predict(
            Files(parsed.GetRequiredValue(images)),
            OnnxBundle.Open(parsed.GetRequiredValue(bundle)),
            Enum.Parse<Tta>(parsed.GetRequiredValue(tta).Replace("_", "", StringComparison.Ordinal), ignoreCase: true),
            parsed.GetRequiredValue(threshold),
            parsed.GetRequiredValue(device),
            parsed.GetValue(output),
            cancel)));
        return command;
    }

    private static int Predict(
        IReadOnlyList<string> files, OnnxBundle bundle, Tta tta, double threshold, string device, string? output, CancellationToken cancel)
    {
        using var predictor = Predictor.Open(bundle, tta, device: device, batchSize: BatchSize, adaptiveThreshold: threshold);
        var failed = 0;
        void Write(Stream stream)
        {
            using var csv = CsvWriter.Create(stream, Csv.Options, leaveOpen: true);
            csv.WriteHeader("path", "label", "confidence", "error");
            foreach (var row in Rows(files, predictor, cancel))
            {
                failed += row.Error is null ? 0 : 1;
                csv.WriteRecord([row.Path, row.Label, row.Confidence?.ToString("0.0000", CultureInfo.InvariantCulture) ?? "", row.Error ?? ""]);
            }
        }

        if (output is null)
        {
            using var stdout = Console.OpenStandardOutput();
            Write(stdout);
        }
        else
        {
            AtomicFolder.WriteFile(output, Write);
            Console.WriteLine($"{files.Count - failed} of {files.Count} images -> {Screen.Relative(output)}");
        }
        if (failed > 0)
        {
            Console.Error.WriteLine($"{failed} of {files.Count} images could not be read; their rows say why");
        }
        return failed == 0 ? ExitCode.Done : ExitCode.Failed;
    }

    private static IEnumerable<(string Path, string Label, double? Confidence, string? Error)> Rows(
        IReadOnlyList<string> files, Predictor predictor, CancellationToken cancel)
    {
        using var decoder = new ImageDecoder();
        var imageBytes = 3 * predictor.ImageSize * predictor.ImageSize;
        var pixels = new byte[BatchSize * imageBytes];
        foreach (var chunk in files.Chunk(BatchSize))
        {
            cancel.ThrowIfCancellationRequested();
            var errors = chunk.Select((file, i) => Decode(decoder, file, predictor.ImageSize, pixels.AsSpan(i * imageBytes, imageBytes))).ToList();
            var answers = predictor.Predict(pixels.AsSpan(0, chunk.Length * imageBytes));
            foreach (var (i, file) in chunk.Index())
            {
                yield return errors[i] is { } error ? (file, "", null, error) : (file, answers[i][0].Label, answers[i][0].Confidence, null);
            }
        }
    }

    /// <summary>Null, or why the image cannot be read; its pixels are then those of another image and its row says so.</summary>
    private static string? Decode(ImageDecoder decoder, string file, int size, Span<byte> planarRgb)
    {
        try
        {
            decoder.Decode(File.ReadAllBytes(file), size, planarRgb);
            return null;
        }
        catch (Exception e) when (e is DataException or IOException or UnauthorizedAccessException)
        {
            return e.Message;
        }
    }

    private static List<string> Files(string[] arguments)
    {
        var files = arguments
            .SelectMany(IEnumerable<string> (argument) => Directory.Exists(argument)
                ? Directory.EnumerateFiles(argument, "*", SearchOption.AllDirectories).Where(ImageDecoder.HasImageExtension).Order(StringComparer.Ordinal)
                : [argument])
            .ToList();
        return files.Count > 0 ? files : throw new DataException($"no .jpg, .jpeg or .png file in {string.Join(", ", arguments)}");
    }
}
