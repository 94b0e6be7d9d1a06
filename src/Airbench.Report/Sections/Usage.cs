using System.Text.RegularExpressions;
using System.Xml.Linq;
using static Airbench.Report.Html;

namespace Airbench.Report;

/// <summary>What to do with an exported model next, as commands to be copied.</summary>
internal static partial class Usage
{
    public static XElement? Of(Run run) => run.Bundles.Count == 0 ? null : Page.Section("use", "Use this model",
        Tag("p", "A click into a block selects all of it."),
        run.Bundles.DistinctBy(bundle => bundle.Folder).Select(bundle => Bundle(bundle.Folder, run.Bundles.Count > 1)));

    private static IEnumerable<XElement> Bundle(string folder, bool named)
    {
        var quoted = Quote(folder);
        if (named)
        {
            yield return Tag("h3", folder);
        }
        yield return Tag("p", "From the folder that holds ", Tag("code", folder), ": label images, check the files, measure on images of your own.");
        yield return Block($"airbench predict --bundle {quoted} photo.jpg folder-of-photos/");
        yield return Block($"airbench verify {quoted}");
        yield return Block($"airbench evaluate --bundle {quoted} --data folder-of-classes/");
        yield return Tag("p", "Programs of your own: clients in C#, Python and JavaScript, and a web page, are in the bundle, and its ", Tag("code", "README.md"), " says more. From its folder:");
        yield return Block($"cd {quoted}");
        foreach (var commands in Commands())
        {
            yield return Block(commands);
        }
    }

    private static XElement Block(string commands) => Classed("pre", "copy", commands);

    /// <summary>The shell blocks of the README that every bundle has; its clients are one a line, which are one a block here.</summary>
    private static IEnumerable<string> Commands()
    {
        using var reader = new StreamReader(typeof(Usage).Assembly.GetManifestResourceStream("calling.md")!);
        var blocks = ShellBlock().Matches(reader.ReadToEnd().ReplaceLineEndings("\n")).Select(block => block.Groups[1].Value.TrimEnd());
        return blocks.SelectMany(block => block.Contains("samples/", StringComparison.Ordinal) ? block.Split('\n') : [block]);
    }

    /// <summary>A path as a shell takes it: single quotes around whatever is not plain.</summary>
    private static string Quote(string path) => Plain().IsMatch(path) ? path : $"'{path.Replace("'", @"'\''", StringComparison.Ordinal)}'";

    [GeneratedRegex(@"```sh\n(.*?)```", RegexOptions.Singleline)]
    private static partial Regex ShellBlock();

    [GeneratedRegex(@"^[A-Za-z0-9_./][A-Za-z0-9_./-]*$")]
    private static partial Regex Plain();
}
