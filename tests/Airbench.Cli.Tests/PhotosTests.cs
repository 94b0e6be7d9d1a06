using Airbench.Onnx;

namespace Airbench.Tests;

/// <summary>Somebody with photos: the same three commands start from the network that comes with the program.</summary>
public sealed class PhotosTests : IDisposable
{
    private readonly Workplace _place = new();

    public void Dispose() => _place.Dispose();

    [Fact]
    public void Init_and_run_lead_from_a_folder_of_photos_to_a_bundle_that_names_its_backbone()
    {
        var random = new Random(3);
        foreach (var (label, name) in new[] { "cat", "dog" }.Index())
        {
            for (var i = 0; i < 10; i++)
            {
                PictureFolder.Write(_place[$"photos/{name}/{i}.jpg"], label, random.Next(100, 140), random.Next(100, 140), random);
            }
        }

        var init = _place.Run("init", "photos");
        Assert.True(init.ExitCode == 0, init.Output + init.Errors);
        var run = _place.Run("run", "--set", "device=cpu");
        Assert.True(run.ExitCode == 0, run.Output + run.Errors);

        Assert.Contains("cross-validation: ", run.Output, StringComparison.Ordinal);
        var bundle = OnnxBundle.Open(_place["exports/photos"]).Manifest;
        Assert.Equal(("transfer", Backbones.Resnet18, "MIT"), (bundle.Recipe, bundle.Backbone!.Name, bundle.Backbone.License));
        Assert.True(bundle.Parity.MaxAbsDifference < 1e-3, $"{bundle.Parity}");
        Assert.Equal(0, _place.Run("verify", "exports/photos").ExitCode);
        Assert.Contains("licence MIT", File.ReadAllText(_place["exports/photos/README.md"]), StringComparison.Ordinal);
        Assert.Contains("\"MIT\"", File.ReadAllText(_place["exports/photos/sbom.cdx.json"]), StringComparison.Ordinal);
        Assert.Contains("new head on resnet18", File.ReadAllText(Assert.Single(Directory.GetFiles(_place["runs"], "report.html", SearchOption.AllDirectories))), StringComparison.Ordinal);
    }
}
