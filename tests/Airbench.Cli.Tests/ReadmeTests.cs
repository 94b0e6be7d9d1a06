using System.Text.RegularExpressions;
using Airbench.Cli;

namespace Airbench.Tests;

/// <summary>What the README tells a reader to type exists.</summary>
public sealed partial class ReadmeTests
{
    private static readonly string Readme = File.ReadAllText(Path.Combine(Workplace.Repository, "README.md"));

    /// <summary>The README, CONTRIBUTING.md and every page below docs/ and beside the output folders.</summary>
    public static TheoryData<string> Pages =>
    [
        "README.md", "CONTRIBUTING.md", "exports/README.md", "models/README.md", "benchmarks/README.md",
        .. Directory.GetFiles(Path.Combine(Workplace.Repository, "docs"), "*.md").Select(path => Path.GetRelativePath(Workplace.Repository, path)).Order(),
    ];

    [Theory]
    [MemberData(nameof(Pages))]
    public void Every_airbench_command_on_a_page_parses(string page) => Assert.All(
        Commands().Matches(File.ReadAllText(Path.Combine(Workplace.Repository, page))).Select(match => match.Groups[1].Value.Trim()).Distinct(),
        command => Assert.Empty(CommandLine.Create().Parse(command).Errors));

    [Theory]
    [MemberData(nameof(Pages))]
    public void Every_file_that_a_page_links_to_exists(string page) => Assert.All(
        Links().Matches(File.ReadAllText(Path.Combine(Workplace.Repository, page))).Select(match => match.Groups[1].Value)
            .Where(link => link.Length > 0 && !link.Contains(':', StringComparison.Ordinal)),
        link => Assert.True(Path.Exists(Path.Combine(Workplace.Repository, Path.GetDirectoryName(page)!, link)), link));

    [Fact]
    public void Every_airbench_command_in_the_readme_parses()
    {
        var commands = Commands().Matches(Readme).Select(match => match.Groups[1].Value.Trim()).Distinct().ToList();
        Assert.True(commands.Count >= 5, "the README shows the verbs");
        Assert.All(commands, command => Assert.Empty(CommandLine.Create().Parse(command).Errors));
    }

    [Fact]
    public void Every_file_that_the_readme_links_to_exists() =>
        Assert.All(
            Links().Matches(Readme).Select(match => match.Groups[1].Value).Where(link => !link.Contains(':', StringComparison.Ordinal)),
            link => Assert.True(Path.Exists(Path.Combine(Workplace.Repository, link)), link));

    [GeneratedRegex(@"^(?:dotnet run --project src/Airbench\.Cli -c Release --|airbench) +([a-z][^#|\n]*)", RegexOptions.Multiline)]
    private static partial Regex Commands();

    [GeneratedRegex(@"\]\(([^)#]+)\)")]
    private static partial Regex Links();
}
