using System.Globalization;
using System.Text;
using Airbench.Data;
using Airbench.Pipeline;

namespace Airbench.Cli;

/// <summary>The commented pipeline that `airbench init` writes for somebody's images.</summary>
internal static class FolderPipeline
{
    private const int Width = 100;

    /// <summary>The pipeline file.</summary>
    /// <param name="survey">What was found.</param>
    /// <param name="choices">What was decided.</param>
    /// <param name="path">The images, as the file will name them.</param>
    /// <param name="name">Name of the pipeline and of all that comes from it.</param>
    /// <param name="nameEncoding">Of the names in a .zip, where they are not UTF-8.</param>
    public static string Text(ImageSurvey survey, FolderChoices choices, string path, string name, string? nameEncoding = null)
    {
        var test = survey.TestFolder is { } folder
            ? $"The {folder}/ folder is the test split."
            : "There is no test/ folder: this share is held out, chosen by content, so that an image never changes sides.";
        var text = new StringBuilder();
        text.Append("# yaml-language-server: $schema=pipeline.schema.json\n");
        text.Append(Comment(0, $"Written by `airbench init` for {Counted.Of(survey.Count, "image")} in {Counted.Of(survey.Classes.Count, "class")}. Change any line; "
            + "`airbench validate` checks the file, `airbench plan` shows what would run, `airbench run` runs it."));
        text.Append(string.Create(CultureInfo.InvariantCulture, $"""
            name: {Value(name)}
            seed: 1
            device: auto                 # auto | cpu | cuda | cuda:N
            stages:
              prepare:
                uses: prepare
                with:
                  source: {(survey.IsArchive ? "archive" : "folder")}
                  path: {Value(path)}
                  name: {Value(name)}

            """).ReplaceLineEndings("\n"));
        if (nameEncoding is not null)
        {
            Option("name_encoding", Value(nameEncoding), "The names in the archive are in this encoding, as was said by --name-encoding.");
        }
        Option("image_size", Plain(choices.ImageSize.Value), choices.ImageSize.Why);
        Option("fit", choices.Fit.Value.ToString().ToLowerInvariant(), choices.Fit.Why);
        Option("max_bad_fraction", choices.MaxBadFraction.Value.ToString("R", CultureInfo.InvariantCulture), choices.MaxBadFraction.Why);
        if (survey.TestFolder is not null)
        {
            text.Append(Comment(6, test));
        }
        else
        {
            Option("test_fraction", "0.2", test);
        }

        text.Append("""
              train:
                uses: train
                needs: [prepare]
                with:

            """.ReplaceLineEndings("\n"));
        if (choices.Backbone.Value is { } backbone)
        {
            Option("backbone", backbone, choices.Backbone.Why);
            Option("class_weights", choices.ClassWeights.Value.ToString().ToLowerInvariant(), choices.ClassWeights.Why);
            Option("folds", Plain(choices.Folds.Value), choices.Folds.Why);
        }
        else
        {
            Option("recipe", FolderChoices.Recipe, $"{choices.Backbone.Why} `airbench recipes` lists the others.");
            Option("epochs", Plain(choices.Epochs.Value), choices.Epochs.Why);
            Option("batch_size", Plain(choices.BatchSize.Value), choices.BatchSize.Why);
            if (choices.Widths is { } widths)
            {
                Option("widths", List(widths.Value), widths.Why);
            }
            if (choices.Resolutions is { } resolutions)
            {
                Option("resolutions", List(resolutions.Value), resolutions.Why);
            }
            if (choices.Translate is { } translate)
            {
                Option("translate", Plain(translate.Value), translate.Why);
            }
            Option("flip", "alternating", "Images are mirrored in training. Where left and right differ (digits, letters, signs): none, and tta: none below.");
        }
        text.Append($$"""
              export:
                uses: export
                needs: [prepare, train]
                with: { variants: [fp32] }   # add fp16 for GPUs, int8 for CPUs
              evaluate:
                uses: evaluate
                needs: [prepare, export]
                with: { model: fp32, tta: {{(choices.Backbone.Value is null ? "mirror_translate, split: test }" : "none, split: test }   # tta: mirror also asks the mirror image; a new head alone was not better for it")}}

            """.ReplaceLineEndings("\n"));
        return text.ToString();

        void Option(string key, string value, string why) => text.Append(Comment(6, why)).Append("      ").Append(key).Append(": ").Append(value).Append('\n');
    }

    /// <summary>A sentence as comment lines that fit a screen.</summary>
    private static string Comment(int indent, string sentence)
    {
        var margin = new string(' ', indent) + "#";
        var (result, line) = (new StringBuilder(), new StringBuilder(margin));
        foreach (var word in sentence.Split(' '))
        {
            if (line.Length + 1 + word.Length > Width && line.Length > margin.Length)
            {
                result.Append(line).Append('\n');
                line.Clear().Append(margin);
            }
            line.Append(' ').Append(word);
        }
        return result.Append(line).Append('\n').ToString();
    }

    private static string Value(string text) => ResolvedYaml.Value(text);

    private static string Plain(int number) => number.ToString(CultureInfo.InvariantCulture);

    private static string List<T>(IEnumerable<T> numbers) where T : IFormattable =>
        $"[{string.Join(", ", numbers.Select(number => number.ToString(null, CultureInfo.InvariantCulture)))}]";

    private static string Number(int number) => number.ToString("N0", CultureInfo.InvariantCulture);
}
