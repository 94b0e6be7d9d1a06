namespace Airbench.Tests;

/// <summary>Runs that follow a run, through the real command line: only what has to run runs, and the plan says so before.</summary>
public sealed class UnchangedTests : IDisposable
{
    private readonly Workplace _place = new Workplace().With("pipeline.yaml", Workplace.SmallPipeline);

    public void Dispose() => _place.Dispose();

    [Fact]
    public void Only_what_changed_runs_and_the_plan_said_so()
    {
        Assert.Equal("run run run run", Plan());
        Assert.Equal(["ok", "ok", "ok", "ok"], Run().Statuses);
        var weights = TrainedModel.Open(_place["models/small"]).Manifest.WeightsSha256;

        Assert.Equal("cached cached cached cached", Plan());
        var (statuses, output) = Run();
        Assert.Equal(["cached", "cached", "cached", "cached"], statuses);
        Assert.Contains("cached | synthetic/test: ", output, StringComparison.Ordinal);
        Assert.Equal(64, Evaluation.Open(Path.Combine(LastRun(), "evaluate")).Metrics.Count);

        // Another recipe (after four steps lookahead still stands at the start), then the evaluation alone, then all as it was at first.
        Assert.Equal("cached run may run may run", Plan("train.with.lookahead=false"));
        Assert.Equal(["cached", "ok", "ok", "ok"], Run("train.with.lookahead=false").Statuses);
        Assert.Equal("cached cached cached run", Plan("train.with.lookahead=false", "evaluate.with.tta=none"));
        Assert.Equal(["cached", "cached", "cached", "ok"], Run("train.with.lookahead=false", "evaluate.with.tta=none").Statuses);
        Assert.Equal(["cached", "cached", "cached", "cached"], Run().Statuses);
        Assert.Equal(weights, TrainedModel.Open(_place["models/small"]).Manifest.WeightsSha256);

        // What changes nothing, and what a recipe says anyway.
        Assert.Equal(["cached", "cached", "cached", "cached"], Run("train.with.checkpoint_every_seconds=7", "train.with.lr=11.5").Statuses);

        File.AppendAllText(_place["exports/small/model.onnx"], "x");
        Assert.Contains("exports/small: model.onnx changed; from the cache", PlanText(), StringComparison.Ordinal);
        Assert.Equal(["cached", "cached", "cached", "cached"], Run().Statuses);
        Assert.Equal(0, _place.Run("verify", "exports/small").ExitCode);

        Assert.Contains("removed ", _place.Run("gc", "--limit", "0").Output, StringComparison.Ordinal);
        Assert.Equal("cached cached cached run", Plan());
        Assert.Equal(["cached", "cached", "ok", "ok"], Forced("--force=export"));
        Assert.Contains("evaluate small", _place.Run("gc").Output.Replace("runs/small/RUN/evaluate", "small", StringComparison.Ordinal), StringComparison.Ordinal);
    }

    [Fact]
    public void A_new_or_renamed_image_prepares_the_set_again()
    {
        foreach (var name in (string[])["train/a/1", "train/b/1", "test/a/1", "test/b/1"])
        {
            Image(name);
        }

        _place.With("pipeline.yaml", "name: own\nstages: { prepare: { uses: prepare, with: { source: folder, path: images } } }\n");
        Assert.Equal(["ok"], Run().Statuses);
        Assert.Equal(["cached"], Run("seed=9").Statuses);   // only drawn images depend on it
        Image("train/a/2");
        Assert.Contains("images changed", PlanText(), StringComparison.Ordinal);
        Assert.Equal(["ok"], Run().Statuses);
        Assert.Equal(3, Dataset.Open(_place["data/images"]).Manifest.TrainCount);
        File.Delete(_place["images/train/a/2.png"]);
        Assert.Equal(["cached"], Run().Statuses);
        Assert.Equal(2, Dataset.Open(_place["data/images"]).Manifest.TrainCount);
    }

    [Theory]
    [InlineData("run", "--force=trian", "--force trian: there is no such stage (did you mean 'train'?)")]
    [InlineData("gc", "--limit=much", "--limit: found 'much'; expected a number of bytes, or of KB, MB, GB or TB")]
    public void A_flag_that_makes_no_sense_is_refused(string verb, string flag, string expected)
    {
        var (code, _, errors) = _place.Run(verb, flag);
        Assert.Equal(2, code);
        Assert.Contains(expected, errors, StringComparison.Ordinal);
    }

    private void Image(string name)
    {
        var file = _place[$"images/{name}.png"];
        Directory.CreateDirectory(Path.GetDirectoryName(file)!);
        using var bitmap = new SkiaSharp.SKBitmap(8, 8);
        bitmap.Erase(new SkiaSharp.SKColor((uint)(0xFF000000 + name.Sum(c => c))));
        using var stream = File.Create(file);
        bitmap.Encode(stream, SkiaSharp.SKEncodedImageFormat.Png, 100);
    }

    private string[] Forced(string flag)
    {
        var (code, _, errors) = _place.Run("run", flag);
        Assert.True(code == 0, errors);
        return Statuses();
    }

    private (string[] Statuses, string Output) Run(params string[] sets)
    {
        var (code, output, errors) = _place.Run(["run", .. sets.SelectMany(set => (string[])["--set", set])]);
        Assert.True(code == 0, output + errors);
        return (Statuses(), output);
    }

    private string[] Statuses() => [.. File.ReadAllLines(Path.Combine(LastRun(), "timings.csv")).Skip(1).Select(row => row.Split(',')[4])];

    private string LastRun() => Directory.GetDirectories(_place["runs"], "*-*", SearchOption.AllDirectories).MaxBy(Order)!;

    /// <summary>Runs of one second are numbered: "-2" comes before "-10".</summary>
    private static (string, int) Order(string run) =>
        Path.GetFileName(run).Split('-') is [var day, var time, .. var number] ? ($"{day}-{time}", number.Length == 0 ? 1 : int.Parse(number[0], System.Globalization.CultureInfo.InvariantCulture)) : ("", 0);

    private string PlanText(params string[] sets)
    {
        var (code, output, errors) = _place.Run(["plan", .. sets.SelectMany(set => (string[])["--set", set])]);
        Assert.True(code == 0, errors);
        return output;
    }

    /// <summary>The column action.</summary>
    private string Plan(params string[] sets) => string.Join(' ', PlanText(sets).Split('\n')
        .Where(line => line.StartsWith('|')).Skip(2).Select(line => line.Split('|')[4].Trim()));
}
