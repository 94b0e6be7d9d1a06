using System.CommandLine;
using System.Globalization;
using Airbench.Onnx;
using Airbench.Pipeline;
using Spectre.Console;

namespace Airbench.Cli;

/// <summary><c>airbench inspect</c>: what an ONNX file is, and what can be done with it.</summary>
internal static class InspectCommand
{
    private const int MostOperators = 12;

    public static Command Create()
    {
        var model = new Argument<string>("model") { Description = "An ONNX file, of any framework." };
        var size = new Option<int?>("--image-size") { Description = "Height and width where the file leaves them open, pixels [default: 224]." };
        var json = new Option<bool>("--json") { Description = "Print JSON." };
        var flags = OptionFlags.Of(typeof(BackboneInput));
        var command = new Command("inspect", "Show what an ONNX file is, and what can be done with it: evaluate, quantize, adapt.") { model, size };
        foreach (var flag in flags.Options)
        {
            command.Add(flag);
        }
        command.Add(json);
        command.SetAction((parsed, cancel) =>
        {
            var texts = flags.Texts(parsed);
            var input = texts.Count == 0 ? null : OptionText.Bind<BackboneInput>("inspect", texts, options => options.Problems(isOurs: false));
            var report = ModelSurvey.Survey(parsed.GetRequiredValue(model), input, parsed.GetValue(size), cancel);
            if (parsed.GetValue(json))
            {
                Console.Write(Json.Write(report));
            }
            else
            {
                Print(report);
            }
            return Task.FromResult(ExitCode.Done);
        });
        return command;
    }

    private static void Print(ModelReport report)
    {
        var table = Screen.NewTable();
        table.AddColumn(new TableColumn("what").NoWrap());
        table.AddColumn("found");
        Row("file", $"{report.File}, {(report.Bytes < 1_000_000 ? $"{Number(report.Bytes / 1e3, "0.0")} kB" : $"{Number(report.Bytes / 1e6, "0.0")} MB")}");
        Row("written by", $"{(report.Producer.Length == 0 ? "not said" : report.Producer)}; opset {report.Opset}, IR version {report.IrVersion}");
        Row("takes", string.Join("; ", report.Inputs));
        Row("gives", string.Join("; ", report.Outputs));
        Row("operators", string.Join(", ", report.Operators.Take(MostOperators).Select(entry => $"{entry.Operator} {entry.Count}")) +
            (report.Operators.Count > MostOperators ? $", and {Counted.Of(report.Operators.Count - MostOperators, "other kind")}" : ""));
        Row("parameters", Number(report.Parameters, "N0"));
        if (report.MultiplyAdds is { } work)
        {
            Row("work", $"{(work < 1e8 ? $"{Number(work / 1e6, "0.###")} M" : $"{Number(work / 1e9, "0.###")} G")} multiply-adds for an image of {report.ImageSize} x {report.ImageSize}");
            Row("head", $"{report.Head ?? "none: what it gives is taken as features"}; {Counted.Of(report.Features!.Value, "feature")}");
            Row("last block", report.LastBlock ?? "no value separates it from what is before");
        }
        Row("pixels", report.Pixels);
        foreach (var use in report.Uses)
        {
            table.AddRow(new Text(use.Name, new Style(use.IsPossible ? Color.Green : Color.Red)), new Text(Quote.OneLine($"{(use.IsPossible ? "yes" : "no")}: {use.Remark}")));
        }
        Screen.Write(table);
        foreach (var note in report.Notes)
        {
            Screen.Console.WriteLine(Quote.OneLine($"import: {note}"));
        }

        void Row(string what, string found) => table.AddRow(new Text(what), new Text(Quote.OneLine(found)));
    }

    private static string Number(double value, string format) => value.ToString(format, CultureInfo.InvariantCulture);
}
