using System.CommandLine;
using System.Globalization;
using Airbench.Data;
using Airbench.Onnx;
using Airbench.Pipeline;
using CsvHelper;

namespace Airbench.Cli;

/// <summary><c>airbench predict</c>: images in, labels and probabilities out as CSV. A broken image is a row with its error.</summary>
internal static class PredictCommand
{
    private const long MaxUnpackedBytes = 1L << 40;

    public static Command Create()
    {
        var images = new Argument<string[]>("images")
        {
            Description = $"Image files ({ImageFormats.ReadNames}), folders and archives (.tar, .tar.gz, .zip) of them, or CSV files with a column path.",
            Arity = ArgumentArity.OneOrMore,
        };
        var bundle = new Option<string?>(InputFolders.Bundles.Flag) { Description = InputFolders.Bundles.Description };
        var model = new Option<string?>("--model") { Description = "Variant of the bundle [default: fp32], or an ONNX file." };
        var device = new Option<string>("--device") { Description = "auto, cpu, cuda or cuda:N.", DefaultValueFactory = _ => "auto" };
        var probabilities = new Option<bool>("--probabilities") { Description = "Also write the probability of every class, one column each." };
        var output = new Option<string?>("--out") { Description = "CSV file to write instead of the terminal." };
        var flags = OptionFlags.Of(typeof(PredictOptions));
        var command = new Command("predict", "Label images with an exported model or an ONNX file: path, label, confidence.")
        {
            images, bundle, model, device, probabilities, output,
        };
        foreach (var flag in flags.Options)
        {
            command.Add(flag);
        }
        command.SetAction((parsed, cancel) =>
        {
            var options = OptionText.Bind<PredictOptions>("predict", flags.Texts(parsed), PredictOptions.Check);
            if (parsed.GetValue(bundle) is null && parsed.GetValue(model) is null)
            {
                throw new ConfigurationException("predict: found no model; expected --bundle FOLDER, or --model FILE.onnx");
            }
            var exported = parsed.GetValue(bundle) is { } folder ? InputFolders.OpenBundle(folder) : null;
            using var predictor = Predictor.Open(parsed.GetValue(model) ?? "fp32", exported, options, parsed.GetRequiredValue(device));
            // Standard output is for the answers alone.
            var progress = new PlainProgress(Console.Error, Console.Error, TimeProvider.System, quiet: true);
            using var source = UnlabelledFiles.Open(parsed.GetRequiredValue(images), MaxUnpackedBytes, progress, cancel, options.NameEncoding);
            if (source.LeftOut.OtherFilesLine is { } line)
            {
                Console.Error.WriteLine(Quote.OneLine(line));
            }
            return Task.FromResult(Predict(predictor, source, parsed.GetValue(probabilities), parsed.GetValue(output), cancel));
        });
        return command;
    }

    private static int Predict(Predictor predictor, FileSource images, bool probabilities, string? output, CancellationToken cancel)
    {
        var failed = 0;
        void Write(Stream stream)
        {
            using var csv = CsvWriter.Create(stream, Csv.Options, leaveOpen: true);
            csv.WriteHeader(["path", "label", "confidence", "error", .. probabilities ? predictor.Classes.Select(name => $"p({name})") : []]);
            foreach (var image in predictor.Predict(images, cancel))
            {
                failed += image.Error is null ? 0 : 1;
                csv.WriteField(image.Path);
                csv.WriteField(image.Best?.Label ?? "");
                csv.WriteField(image.Best?.Confidence.ToString("0.0000", CultureInfo.InvariantCulture) ?? "");
                csv.WriteField(image.Error ?? "");
                for (var k = 0; probabilities && k < predictor.Classes.Count; k++)
                {
                    csv.WriteField(image.Probabilities?[k].ToString("0.000000", CultureInfo.InvariantCulture) ?? "");
                }
                csv.EndRecord();
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
            Console.WriteLine($"{images.Count - failed} of {Images(images.Count)} -> {Screen.Relative(output)}");
        }
        if (failed > 0)
        {
            Console.Error.WriteLine($"{failed} of {Images(images.Count)} could not be read; {(failed == 1 ? "its row says" : "their rows say")} why");
        }
        return failed == 0 ? ExitCode.Done : ExitCode.Failed;
    }

    private static string Images(int count) => count == 1 ? "1 image" : $"{count} images";
}
