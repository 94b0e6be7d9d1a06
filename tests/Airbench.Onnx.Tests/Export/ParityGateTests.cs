using Airbench.Onnx;

namespace Airbench.Tests;

public sealed class ParityGateTests : IDisposable
{
    private readonly Bundles _bundles = new();

    public void Dispose() => _bundles.Dispose();

    [Fact]
    public void The_networks_own_logits_pass()
    {
        var parity = _bundles.Export().Manifest.Parity;

        Assert.Equal((Bundles.ReferenceCount, Bundles.ReferenceCount), (parity.Images, parity.SameTop1));
        Assert.InRange(parity.MaxAbsDifference, 0, ParityGate.MaxDifference);
    }

    [Fact]
    public void A_logit_that_is_off_fails_with_its_number_and_image_and_leaves_nothing()
    {
        var logits = Bundles.ReferenceLogits();
        logits[13 * 3] -= 0.5f;
        _bundles.WriteReference(logits);

        var message = Assert.Throws<GateException>(() => _bundles.Export()).Message;

        Assert.Contains("by up to 0.5 in a logit (allowed 0.001; image 13 of", message, StringComparison.Ordinal);
        Assert.False(Directory.Exists(_bundles.File("exports/small")));
    }

    [Fact]
    public void Another_best_class_fails_even_where_every_logit_is_close()
    {
        // Without a head all logits are 0, so the first class wins; the reference says the second, by less than the bound.
        var weights = RandomNetwork.Weights(Bundles.Network, 1);
        Array.Clear(weights["head.weight"]);
        var model = _bundles.File("headless.onnx");
        NetworkExporter.Save(
            NetworkExporter.Build(RandomNetwork.Manifest(Bundles.Network),
                RandomNetwork.WriteWeights(_bundles.Model.Folder, Bundles.Network, weights), 17), model);
        _bundles.WriteReference([0, 0.0005f, 0, 0.0005f, 0, 0], count: 2);

        var message = Assert.Throws<GateException>(() => ParityGate.Check(model, _bundles.ReferenceFile)).Message;

        Assert.Contains("differ by up to 0.0005 in a logit", message, StringComparison.Ordinal);
        Assert.Contains("on the best class of 1 of 2 images", message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_reference_that_is_not_a_number_fails()
    {
        var logits = Bundles.ReferenceLogits();
        logits[4] = float.NaN;
        _bundles.WriteReference(logits);

        Assert.Contains("differ by up to", Assert.Throws<GateException>(() => _bundles.Export()).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_reference_of_another_shape_is_refused()
    {
        _bundles.WriteReference(new float[3], count: 1, imageSize: 20);
        Assert.Contains("'images' is U8 [1, 3, 20, 20]; expected U8 [-1, 3, 16, 16]", Refusal(), StringComparison.Ordinal);

        _bundles.WriteReference([], count: 0);
        Assert.Contains("holds no images", Refusal(), StringComparison.Ordinal);

        File.Delete(_bundles.ReferenceFile);
        Assert.Contains("does not exist", Refusal(), StringComparison.Ordinal);
    }

    private string Refusal() => Assert.Throws<InvalidFileException>(() => _bundles.Export()).Message;
}
