namespace Airbench.Tests;

/// <summary>A training that is killed outright, with no chance to tidy up.</summary>
public sealed class KilledTrainingTests : IDisposable
{
    private static readonly string[] Train =
    [
        "train", "--dataset", "data/tiny", "--recipe", "airbench94_muon", "--widths", "8,16,16", "--batch-size", "128", "--epochs", "20",
        "--validate-every", "0", "--threads", "1", "--device", "cpu", "--checkpoint-every-seconds", "1",
    ];

    private readonly Workplace _place = new();

    public void Dispose() => _place.Dispose();

    [Fact]
    public void The_same_command_goes_on_and_ends_with_the_weights_of_an_undisturbed_run()
    {
        var prepared = _place.Run("prepare", "--source", "synthetic", "--train-count", "1024", "--test-count", "64", "--name", "tiny");
        Assert.True(prepared.ExitCode == 0, prepared.Errors);
        var whole = _place.Run([.. Train, "--name", "whole"]);
        Assert.True(whole.ExitCode == 0, whole.Errors);

        using (var process = _place.Start([.. Train, "--name", "killed"]))
        {
            while (!process.HasExited && !File.Exists(_place["models/killed.checkpoint/checkpoint.json"]))
            {
                Thread.Sleep(10);
            }
            process.Kill();
            process.WaitForExit();
        }
        Assert.True(Directory.Exists(_place["models/killed.checkpoint"]), "the training ended within its first second: make it longer");
        Assert.False(Directory.Exists(_place["models/killed"]));

        var resumed = _place.Run([.. Train, "--name", "killed"]);
        Assert.True(resumed.ExitCode == 0, resumed.Errors);
        Assert.Contains("resuming from the checkpoint of run 1, step ", resumed.Output, StringComparison.Ordinal);
        Assert.Equal(
            TrainedModel.Open(_place["models/whole"]).Manifest.WeightsSha256, TrainedModel.Open(_place["models/killed"]).Manifest.WeightsSha256);
        Assert.Equal(["killed", "whole"], Directory.GetDirectories(_place["models"]).Select(Path.GetFileName).Order());
    }
}
