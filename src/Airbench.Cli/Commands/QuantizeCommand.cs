using System.CommandLine;
using System.Globalization;
using Airbench.Onnx;
using Airbench.Pipeline;
using Spectre.Console;

namespace Airbench.Cli;

/// <summary><c>airbench quantize</c>: an ONNX classifier of any framework in int8, with the answers of the original.</summary>
internal static class QuantizeCommand
{
    public static Command Create()
    {
        var model = new Argument<string>("model") { Description = "An ONNX classifier, of any framework." };
        var data = new Option<string>("--data")
        {
            Description = "Images like those that it will see, labelled (<class>/*) or not: a folder, an archive (.tar, .tar.gz, .zip), a CSV file, or a prepared set.",
            Required = true,
        };
        var output = new Option<string?>("--output") { Description = "File to write [default: the model's name with .int8.onnx, beside it]." };
        var force = new Option<bool>("--force") { Description = "Replace a file that is there." };
        var json = new Option<bool>("--json") { Description = "Print JSON." };
        var flags = OptionFlags.Of(typeof(QuantizeOptions));
        var pixels = OptionFlags.Of(typeof(BackboneInput));
        var command = new Command("quantize", "Turn an ONNX classifier of any framework into int8, and compare it with the original on your images.") { model, data, output, force, json };
        foreach (var flag in flags.Options.Concat(pixels.Options))
        {
            command.Add(flag);
        }
        command.SetAction((parsed, cancel) =>
        {
            var options = OptionText.Bind<QuantizeOptions>("quantize", flags.Texts(parsed), QuantizeOptions.Check);
            var texts = pixels.Texts(parsed);
            var input = texts.Count == 0 ? null : OptionText.Bind<BackboneInput>("quantize", texts, given => given.Problems(isOurs: false));
            var path = parsed.GetRequiredValue(model);
            var isJson = parsed.GetValue(json);
            var result = ModelQuantizer.Quantize(
                path, parsed.GetRequiredValue(data), parsed.GetValue(output) ?? Path.ChangeExtension(path, ".int8.onnx"), parsed.GetValue(force), options, input,
                isJson ? new PlainProgress(Console.Error, Console.Error, TimeProvider.System, quiet: true) : Screen.Progress(quiet: false), cancel);
            if (isJson)
            {
                Console.Write(Json.Write(result));
            }
            else
            {
                Print(result);
            }
            return Task.FromResult(ExitCode.Done);
        });
        return command;
    }

    private static void Print(QuantizedModel result)
    {
        var table = Screen.NewTable();
        foreach (var column in (string[])["model", "bytes", "accuracy", "same class", $"images/s (batch {ModelQuantizer.BatchSize})", "ms (batch 1)"])
        {
            table.AddColumn(new TableColumn(column).NoWrap());
        }
        Row("original", result.Original, "100.00%");
        Row("int8", result.Int8, Percent(result.Answers.Same, result.Answers.Count));
        Screen.Write(table);
        var (answers, console) = (result.Answers, Screen.Console);
        console.WriteLine($"{Counted.Of(result.Layers, "layer")} on integers, {(result.FloatLayers.Count == 0 ? "none" : string.Join(", ", result.FloatLayers))} left in float, " +
            $"{result.UnfitLayers.Count} that cannot be quantized");
        console.WriteLine($"calibrated on {Counted.Of(result.CalibrationImages, "image")}; the same class on {answers.Same} of {answers.Count} others" +
            (result.HasLabels ? $"; {answers.OnlyFirst} right in the original alone, {answers.OnlySecond} in int8 alone (McNemar p = {Text(answers.PValue, "0.00")})" : "; no accuracy, which needs labelled images and the names of the model's classes (--labels)"));
        if (result.BrokenImages > 0)
        {
            console.WriteLine($"{Counted.Of(result.BrokenImages, "image")} could not be read and {(result.BrokenImages == 1 ? "was" : "were")} left out");
        }
        console.WriteLine($"int8 -> {Screen.Relative(result.File)}");

        void Row(string name, QuantizedScore score, string same) => table.AddRow(
            name, Text(score.Bytes, "#,0"), score.Correct is { } correct ? Percent(correct, result.Answers.Count) : "-", same, Text(score.ImagesPerSecond, "#,0.0"), Text(score.P50Ms, "0.00"));
    }

    private static string Percent(int part, int whole) => Text((double)part / whole * 100, "0.00") + "%";

    private static string Text(IFormattable value, string format) => value.ToString(format, CultureInfo.InvariantCulture);
}
