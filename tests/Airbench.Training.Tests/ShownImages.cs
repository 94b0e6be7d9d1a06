using TorchSharp;
using static TorchSharp.torch;

namespace Airbench.Tests;

/// <summary>A drawn set, and which of its images, moved and mirrored how, a batch shows. Tensors live until it is disposed.</summary>
internal sealed class ShownImages : IDisposable
{
    public const int Count = 60;

    private readonly DisposeScope _scope = NewDisposeScope();

    public ShownImages()
    {
        Spec = Recipe.All["airbench94"].Network(Set.Dataset.Manifest);
        Split = Set.Dataset.OpenSplit(Airbench.Split.Train);
    }

    public TinySet Set { get; } = new(train: Count, test: 10);

    public NetworkSpec Spec { get; }

    public ImageSplit Split { get; }

    public void Dispose()
    {
        Split.Dispose();
        _scope.Dispose();
        Set.Dispose();
    }

    /// <summary>Which image these pixels are, and whether it is mirrored.</summary>
    public (int Image, bool Flipped) Find(byte[] shown)
    {
        for (var i = 0; i < Count; i++)
        {
            foreach (var flipped in (bool[])[false, true])
            {
                if (Pixels(i, 0, 0, flipped).SequenceEqual(shown))
                {
                    return (i, flipped);
                }
            }
        }
        throw new InvalidOperationException("the batch shows an image that is not in the set");
    }

    /// <summary>By how much an image was moved to give these pixels.</summary>
    public (int Top, int Left) FindCrop(byte[] shown, int translate)
    {
        for (var i = 0; i < Count; i++)
        {
            for (var top = -translate; top <= translate; top++)
            {
                for (var left = -translate; left <= translate; left++)
                {
                    if (Pixels(i, top, left, false).SequenceEqual(shown))
                    {
                        return (top, left);
                    }
                }
            }
        }
        throw new InvalidOperationException("the batch shows a crop that is none of the padded image");
    }

    /// <summary>The definition: NHWC pixels of image i, moved by (top, left), reflected at the border, perhaps mirrored.</summary>
    public byte[] Pixels(int i, int top, int left, bool flipped)
    {
        var planes = Split.Images(i, 1);
        var result = new byte[planes.Length];
        for (var y = 0; y < 32; y++)
        {
            for (var x = 0; x < 32; x++)
            {
                for (var c = 0; c < 3; c++)
                {
                    result[(((y * 32) + x) * 3) + c] = planes[(c * 1024) + (Reflect(y + top) * 32) + Reflect((flipped ? 31 - x : x) + left)];
                }
            }
        }
        return result;
    }

    /// <summary>NHWC pixels of a normalized image (3, S, S).</summary>
    public byte[] Bytes(Tensor image)
    {
        var (std, mean) = (tensor(Spec.Std.ToArray()).view(3, 1, 1), tensor(Spec.Mean.ToArray()).view(3, 1, 1));
        return ((image.to(ScalarType.Float64) * std) + mean).mul(255).round().to(ScalarType.Byte).permute(1, 2, 0).contiguous().bytes.ToArray();
    }

    private static int Reflect(int i) => i < 0 ? -i : i > 31 ? 62 - i : i;
}
