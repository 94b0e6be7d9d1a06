using System.Diagnostics;

namespace Airbench.Tests;

/// <summary>The real pipeline, killed outright at random moments; the fault tests of the pipeline do it a hundred times with faster stages.</summary>
public sealed class KilledRunTests : IDisposable
{
    private const int Kills = 4;

    private readonly Workplace _place = new Workplace().With("pipeline.yaml", Workplace.SmallPipeline);

    public void Dispose() => _place.Dispose();

    [Fact]
    public void After_kills_at_random_moments_the_next_run_makes_what_an_undisturbed_one_makes()
    {
        using var undisturbed = new Workplace().With("pipeline.yaml", Workplace.SmallPipeline);
        var clock = Stopwatch.StartNew();
        var (code, _, errors) = undisturbed.Run("run");
        Assert.True(code == 0, errors);
        var seconds = clock.Elapsed.TotalSeconds;

        var random = new Random(1);
        for (var n = 0; n < Kills; n++)
        {
            KillAfter(seconds * random.NextDouble());
        }
        (code, _, errors) = _place.Run("run");

        Assert.True(code == 0, errors);
        Assert.Equal(Dataset.Open(undisturbed["data/synthetic"]).Manifest.Sha256, Dataset.Open(_place["data/synthetic"]).Manifest.Sha256);
        Assert.Equal(
            TrainedModel.Open(undisturbed["models/small"]).Manifest.WeightsSha256, TrainedModel.Open(_place["models/small"]).Manifest.WeightsSha256);
        Assert.Equal(File.ReadAllBytes(undisturbed["exports/small/model.onnx"]), File.ReadAllBytes(_place["exports/small/model.onnx"]));
        Assert.Equal(Predictions(undisturbed), Predictions(_place));
        // Nothing of what the killed runs were building is left.
        Assert.All(
            (string[])["data", "models", "exports"],
            folder => Assert.Single(Directory.GetFileSystemEntries(_place[folder])));
    }

    private void KillAfter(double seconds)
    {
        using var process = _place.Start("run");
        var output = process.StandardOutput.ReadToEndAsync();   // a full pipe would stop it
        Thread.Sleep(TimeSpan.FromSeconds(seconds));
        process.Kill();
        process.WaitForExit();
        _ = output.Result;
    }

    /// <summary>Of the only run that came to its end.</summary>
    private static string Predictions(Workplace place) => File.ReadAllText(
        Directory.GetFiles(place["runs/small"], "predictions.csv", SearchOption.AllDirectories)
            .OrderBy(path => Path.GetFileName(Path.GetDirectoryName(Path.GetDirectoryName(path))), StringComparer.Ordinal).Last());
}
