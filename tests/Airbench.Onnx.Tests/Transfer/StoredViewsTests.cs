using Airbench.Onnx;

namespace Airbench.Tests;

/// <summary>What is stored of a view is what the frozen layers make of it.</summary>
public sealed class StoredViewsTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(true, true)]
    [InlineData(true, false)]
    [InlineData(false, true)]
    public void Every_view_is_read_back_where_it_belongs(bool mirrors, bool asksAll)
    {
        var file = _folder.File("network.onnx");
        NetworkExporter.Save(ForeignNetworks.Torch(17), file);
        var backbone = ModelImporter.Import(file, new ImportOptions { Scale = 1 / 255.0 }, default);
        using var images = TransferImages.Open(ColourSet.Write(_folder.File("data"), "colours", ["red", "blue"], 10, ForeignNetworks.Size));
        var learned = new ViewPlan(images.Size, Mirror: true, Crops: 2, Seed: 1);
        var asked = asksAll ? learned : new ViewPlan(images.Size, Mirror: false, Crops: 0, Seed: 1);
        using var extractor = FeatureExtractor.Open(backbone.Graph, images.Size, [backbone.FeatureCount], "cpu", new SessionSettings(1));

        using var stored = StoredViews.Compute(extractor, images, learned, asked, mirrors, IProgress.Silent, default);

        Assert.Equal(learned.Count, stored.Views);
        var (pixels, expected, found) = (new byte[3 * images.Size * images.Size], new float[extractor.Width], new float[extractor.Width]);
        for (var image = 0; image < images.Count; image++)
        {
            foreach (var (view, shown) in (image < images.TrainCount ? learned : asked).Of(image).Index())
            {
                Same(image, view, shown);
            }
            if (mirrors && image >= images.TrainCount)
            {
                Same(image, IViewSource.Mirror, TrainingView.Whole(images.Size) with { Mirror = true });
            }
        }

        void Same(int image, int view, TrainingView shown)
        {
            shown.Draw(images.Pixels(image), images.Size, pixels);
            extractor.Run(pixels, 1, expected);
            stored.Read(image, view, found);
            Assert.All(expected.Zip(found), pair => Assert.Equal(pair.First, pair.Second, 1e-4f * (1 + Math.Abs(pair.First))));
        }
    }
}
