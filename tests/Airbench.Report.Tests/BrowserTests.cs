using Airbench.Data;
using Airbench.Report;

namespace Airbench.Tests;

/// <summary>The pages in Chromium, at the widths of a phone and a desk. Screenshots go to TestResults/report.</summary>
public sealed class BrowserTests
{
    [Fact]
    public void Pages_fit_a_phone_load_nothing_and_no_label_covers_another()
    {
        Programs.SkipWithoutNode("playwright-core");
        Assert.SkipUnless(File.Exists(Environment.GetEnvironmentVariable("CHROMIUM") ?? "/usr/bin/chromium"), "no Chromium here");
        using var run = new RunFolder { Classes = ["plane", "car", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "a class with a long name"] }
            .Prepare(size: 32).Train(runs: 3).Export().Evaluate(0.8).Evaluate(0.7, "plain", Tta.None, broken: 2).End();
        using var failed = new RunFolder("20260102-120000") { Classes = [.. Enumerable.Range(0, 100).Select(i => $"class {i}")] }
            .Prepare().Train(losses: [2, 1.7, 1.3, 1.2]).Evaluate(0.7, status: "failed", images: 2000).End("failed", options: "      flip: random\n");
        using var scripts = new RunFolder { Classes = ["日本語の猫と犬と馬と鳥と魚", "قطة صغيرة تلعب في الحديقة", "Кошка на заборе, которая смотрит на собаку", "cafe\u0301 au lait", new string('w', 70)] }
            .Prepare(images: 200).Train().Export().Evaluate(0.7, images: 200).End();
        using var thousand = new RunFolder { Classes = [.. Enumerable.Range(0, 1000).Select(i => $"n{i:00000000}, a species with a name of its own")] }
            .Prepare(images: 4000).Train().Export().Evaluate(0.6, images: 4000).End();
        string[] pages =
        [
            RunPage.Write(scripts.Folder, new ImagePicker(), scripts["scripts.html"]), RunPage.Write(thousand.Folder, new ImagePicker(), thousand["thousand.html"]),
            RunPage.Write(run.Folder, new ImagePicker()), RunPage.Write(failed.Folder, new ImagePicker(), failed["failed.html"]), ComparisonPage.Write(run.Folder, failed.Folder, run["comparison.html"]),
        ];
        var (code, output) = Programs.Run(
            "node", [Path.Combine(Programs.Clients, "check_report.mjs"), Path.Combine(AppContext.BaseDirectory, "TestResults", "report"), .. pages]);
        Assert.True(code == 0, output);
    }
}
