namespace Airbench.Tests;

/// <summary>Somebody with a folder of images and nothing else: three commands.</summary>
public sealed class NewcomerTests : IDisposable
{
    private readonly Workplace _place = new();

    public void Dispose() => _place.Dispose();

    [Fact]
    public void Init_doctor_and_run_lead_from_a_folder_of_images_to_a_model_and_its_report()
    {
        var random = new Random(3);
        foreach (var (label, name) in new[] { "cat", "dog", "fox" }.Index())
        {
            for (var i = 0; i < 14; i++)
            {
                // Mixed sizes and formats, as they come from phones and the web.
                PictureFolder.Write(_place[$"My Photos/{name}/{i}.{(i % 2 == 0 ? "png" : "jpg")}"], label, random.Next(24, 70), random.Next(24, 70), random);
            }
        }
        PictureFolder.Break(_place["My Photos/dog/3.jpg"]);

        var init = _place.Run("init", "My Photos");
        Assert.True(init.ExitCode == 0, init.Output + init.Errors);
        Assert.Contains("dog/3.jpg is a JPEG file ", init.Errors, StringComparison.Ordinal);

        var doctor = _place.Run("doctor");
        Assert.True(doctor.ExitCode == 0, doctor.Output + doctor.Errors);
        Assert.Contains("42 images", doctor.Output, StringComparison.Ordinal);

        // As init chose, but for a narrow network, so that the test takes seconds.
        var run = _place.Run("run", "--set", "device=cpu", "--set", "train.with.widths=[8, 16, 16]", "--set", "train.with.epochs=30");
        Assert.True(run.ExitCode == 0, run.Output + run.Errors);
        Assert.Contains("1 of 42 images is broken and left out", run.Output + run.Errors, StringComparison.Ordinal);
        Assert.Contains("evaluate -> ", run.Output, StringComparison.Ordinal);

        var page = File.ReadAllText(Assert.Single(Directory.GetFiles(_place["runs"], "report.html", SearchOption.AllDirectories)));
        Assert.Contains("my-photos", page, StringComparison.Ordinal);
        Assert.All(["cat", "dog", "fox"], name => Assert.Contains(name, page, StringComparison.Ordinal));
        Assert.Equal(["cat", "dog", "fox"], Dataset.Open(_place["data/my-photos"]).Manifest.Classes);
        var metrics = Evaluation.Open(Assert.Single(Directory.GetDirectories(_place.Folder, "evaluate", SearchOption.AllDirectories))).Metrics;
        Assert.Equal(Dataset.Open(_place["data/my-photos"]).Manifest.TestCount, metrics.Count);
        Assert.True(metrics.Correct > metrics.Count / 2, $"{metrics.Correct} of {metrics.Count}: discs of three colours are easy to tell apart");
        Assert.Equal(0, _place.Run("verify", "exports/my-photos").ExitCode);
        // Chosen by init, as many are much longer than wide, and kept by every stage.
        var bundle = OnnxBundle.Open(_place["exports/my-photos"]).Manifest;
        Fit?[] fits =
        [
            Dataset.Open(_place["data/my-photos"]).Manifest.Fit, TrainedModel.Open(_place["models/my-photos"]).Manifest.Network.Fit, bundle.Fit,
            bundle.PreprocessingSteps!.Fit, metrics.Settings!.Fit,
        ];
        Assert.All(fits, fit => Assert.Equal(Fit.Pad, fit));
    }
}
