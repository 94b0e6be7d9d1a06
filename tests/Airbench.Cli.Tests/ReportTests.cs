using System.Xml.Linq;

namespace Airbench.Tests;

/// <summary>report.html, run.json and the formats of other tools, through the real command line.</summary>
public sealed class ReportTests : IDisposable
{
    private readonly Workplace _place = new Workplace().With("pipeline.yaml", Workplace.SmallPipeline);

    public void Dispose() => _place.Dispose();

    [Fact]
    public void A_run_ends_with_its_page_and_the_same_page_can_be_made_again()
    {
        var (code, output, errors) = _place.Run("run", "--set", "tracking=[tensorboard]");
        Assert.True(code == 0, output + errors);
        var run = Assert.Single(Directory.GetDirectories(_place["runs/small"]));
        var file = Path.Combine(run, "report.html");
        Assert.Contains($"report -> {Path.GetRelativePath(_place.Folder, file)}", output, StringComparison.Ordinal);
        Assert.All(output.Split('\n'), line => Assert.False(line.EndsWith(' ') || line.Contains('\u001b', StringComparison.Ordinal), line));

        var page = Page(file);
        string[] sections = ["time", "accuracy", "evaluation-1", "data", "training", "model", "use", "environment", "reproduce"];
        Assert.Equal(sections, page.Descendants("section").Select(section => (string)section.Attribute("id")!));
        var metrics = Evaluation.Open(Path.Combine(run, "evaluate")).Metrics;
        Assert.Contains(FormattableString.Invariant($"{metrics.Correct} of 64 correct"), page.Root!.Value, StringComparison.Ordinal);
        Assert.Equal(Math.Min(20, metrics.Count - metrics.Correct), page.Descendants("ul").First(list => (string?)list.Attribute("class") == "pictures").Descendants("img").Count());
        Assert.Contains(TrainedModel.Open(_place["models/small"]).Manifest.WeightsSha256, page.Root!.Value, StringComparison.Ordinal);

        var before = File.ReadAllText(file);
        File.Delete(file);
        Assert.Equal(0, _place.Run("report").ExitCode);
        Assert.Equal(before, File.ReadAllText(file));

        Assert.NotEmpty(Directory.GetFiles(Path.Combine(run, "tensorboard", "train"), "events.out.tfevents.*"));
    }

    [Fact]
    public void A_later_run_of_the_same_name_leaves_the_earlier_page_as_it_was_and_both_compare()
    {
        Assert.Equal(0, _place.Run("run").ExitCode);
        var first = Assert.Single(Directory.GetDirectories(_place["runs/small"]));
        var before = File.ReadAllText(Path.Combine(first, "report.html"));
        Assert.Equal(0, _place.Run("run", "--set", "train.with.epochs=2").ExitCode);
        var second = Directory.GetDirectories(_place["runs/small"]).Single(folder => folder != first);

        Assert.Equal(0, _place.Run("report", first).ExitCode);
        Assert.Equal(before, File.ReadAllText(Path.Combine(first, "report.html")));

        var (code, output, errors) = _place.Run("report", "--compare", first, second);
        Assert.True(code == 0, errors);
        Assert.Contains("report -> comparison.html", output, StringComparison.Ordinal);
        var page = Page(_place["comparison.html"]).Root!.Value;
        Assert.Contains("stages.train.with.epochs12", page, StringComparison.Ordinal);
        Assert.Contains("McNemar's exact p", page, StringComparison.Ordinal);
        Assert.Contains("A, training", page, StringComparison.Ordinal);
    }

    [Fact]
    public void A_failed_run_has_a_page_that_says_what_failed()
    {
        var (code, output, _) = _place.Run("run", "--set", "evaluate.with.gates={ accuracy_min: 0.999 }");
        Assert.Equal(1, code);
        Assert.Contains("report.html", output, StringComparison.Ordinal);
        var page = Page(Path.Combine(Assert.Single(Directory.GetDirectories(_place["runs/small"])), "report.html"));
        Assert.Contains("evaluate failed", page.Root!.Value, StringComparison.Ordinal);
        Assert.Contains(page.Descendants("section"), section => (string?)section.Attribute("id") == "evaluation-1");
    }

    [Fact]
    public void Wrong_numbers_of_runs_and_other_folders_are_refused()
    {
        Assert.Equal(2, _place.Run("report").ExitCode);
        Assert.Equal(2, _place.Run("report", "--compare", "a").ExitCode);
        Assert.Equal(2, _place.Run("report", "a", "b").ExitCode);
        var (code, _, errors) = _place.Run("report", "no-such-run");
        Assert.Equal(1, code);
        Assert.Contains("expected the folder of a run", errors, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", errors, StringComparison.Ordinal);
    }

    private static XDocument Page(string file) => XDocument.Parse(File.ReadAllText(file)["<!DOCTYPE html>\n".Length..]);
}
