namespace Airbench.Onnx;

/// <summary>The views of each image that are learned: the image, its mirror image, crops. A seed gives every image the same ones always.</summary>
/// <param name="Size">S, pixels.</param>
/// <param name="Mirror">Whether the mirror image is one.</param>
/// <param name="Crops">Crops beside.</param>
/// <param name="Seed">Of the crops.</param>
internal sealed record ViewPlan(int Size, bool Mirror, int Crops, int Seed)
{
    /// <summary>Views of an image.</summary>
    public int Count => 1 + (Mirror ? 1 : 0) + Crops;

    /// <summary>The views of image <paramref name="index"/> of its split, the image itself first.</summary>
    public IEnumerable<TrainingView> Of(int index)
    {
        var whole = TrainingView.Whole(Size);
        yield return whole;
        if (Mirror)
        {
            yield return whole with { Mirror = true };
        }
        var random = new Random(HashCode(Seed, index));
        for (var i = 0; i < Crops; i++)
        {
            yield return TrainingView.Crop(Size, Mirror, random);
        }
    }

    /// <summary>The same on every machine and run, which <see cref="System.HashCode"/> is not.</summary>
    private static int HashCode(int seed, int index) => unchecked((seed * 486187739) + (index * 16777619));
}
