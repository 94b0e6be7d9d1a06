using System.Globalization;
using Airbench.Report;

namespace Airbench.Tests;

/// <summary>Two runs on one page.</summary>
public sealed class ComparisonPageTests
{
    [Fact]
    public void Evaluations_of_the_same_images_are_compared_answer_by_answer()
    {
        using var first = new RunFolder().Prepare().Train().Evaluate(0.9).End();
        using var second = new RunFolder("20260102-120000").Prepare().Train(losses: [2, 1.4, 1.1, 0.9]).Evaluate(0.6).End(options: "      flip: random\n");
        var page = RunPageTests.Parse(ComparisonPage.Render(first.Folder, second.Folder));
        var pairs = Csv.Read(first["evaluate", "predictions.csv"]).Skip(1).Zip(Csv.Read(second["evaluate", "predictions.csv"]).Skip(1), (a, b) => (A: a[5] == "true", B: b[5] == "true")).ToList();
        var (onlyA, onlyB) = (pairs.Count(pair => pair.A && !pair.B), pairs.Count(pair => pair.B && !pair.A));
        var text = RunPageTests.Section(page, "accuracy").Value;
        Assert.Contains(FormattableString.Invariant($"Only A is correct on {onlyA}, only B on {onlyB}"), text, StringComparison.Ordinal);
        var difference = 100.0 * (onlyB - onlyA) / pairs.Count;
        Assert.Contains($"B less A: {difference.ToString("+0.00;−0.00", CultureInfo.InvariantCulture)} points", text, StringComparison.Ordinal);
        Assert.Contains("paired, the same 300 images", text, StringComparison.Ordinal);

        Assert.Equal(["stages.train.with.flip", "–", "random"], RunPageTests.Cells(RunPageTests.Section(page, "options").Descendants("table").Single()).Single());
        Assert.NotNull(RunPageTests.Section(page, "curves"));
        Assert.Equal(["train", "61.00", "61.00", "0.00", "1.00"], RunPageTests.Cells(RunPageTests.Section(page, "time").Descendants("table").Single())[1]);
    }

    [Fact]
    public void Evaluations_of_other_images_are_compared_without_pairs()
    {
        using var first = new RunFolder().Prepare().Evaluate(0.9).End();
        using var second = new RunFolder("20260102-120000").Prepare(images: 600).Evaluate(0.6, images: 600).End();
        Assert.Contains("not the same images, so not paired", ComparisonPage.Render(first.Folder, second.Folder), StringComparison.Ordinal);
    }

    [Fact]
    public void Runs_with_nothing_in_common_have_a_page()
    {
        using var first = new RunFolder().Prepare().Evaluate(0.9, "one").Evaluate(0.9, "two").End();
        using var second = new RunFolder("20260102-120000").Stage("prepare", "prepare", "failed", error: "no").End("failed");
        var page = RunPageTests.Parse(ComparisonPage.Render(first.Folder, second.Folder));
        Assert.Contains("no evaluation in common", page.Root!.Value, StringComparison.Ordinal);
    }
}
