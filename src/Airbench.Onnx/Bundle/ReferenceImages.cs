namespace Airbench.Onnx;

/// <summary>Test images with labels and the network's own fp32 logits, from the trained model's <c>reference.safetensors</c>.</summary>
/// <param name="Size">Height and width S, pixels.</param>
/// <param name="Classes">Classes K.</param>
/// <param name="Images">uint8 [n,3,S,S], planar RGB.</param>
/// <param name="Labels">int64 [n].</param>
/// <param name="Logits">float32 [n,K].</param>
internal sealed record ReferenceImages(int Size, int Classes, byte[] Images, long[] Labels, float[] Logits)
{
    /// <summary>Images n.</summary>
    public int Count => Labels.Length;

    /// <summary>Bytes of one image.</summary>
    public int ImageBytes => 3 * Size * Size;

    /// <summary>Pixels of image <paramref name="index"/>, [3,S,S].</summary>
    public ReadOnlySpan<byte> Image(int index) => Images.AsSpan(index * ImageBytes, ImageBytes);

    /// <summary>Reads at most <paramref name="limit"/> images, spread evenly over the file.</summary>
    /// <exception cref="InvalidFileException">The file is damaged, empty, or does not fit the network.</exception>
    public static ReferenceImages Read(TrainedModel model, int limit)
    {
        var (size, classes) = (model.Manifest.Network.ImageSize, model.Manifest.Network.ClassCount);
        using var file = TensorFile.Open(model.File(TrainedModel.ReferenceName));
        var images = file.Require("images", TensorType.U8, -1, 3, size, size);
        var count = (int)images.Shape[0];
        var logits = file.Require("logits", TensorType.F32, count, classes);
        var labels = file.Require("labels", TensorType.I64, count);
        if (count == 0)
        {
            throw new InvalidFileException(file.Path, "holds no images; expected at least one");
        }
        var index = Enumerable.Range(0, Math.Min(limit, count)).Select(i => (long)i * count / Math.Min(limit, count)).ToArray();
        var allLabels = file.Read<long>(labels).ToArray();
        if (allLabels.FirstOrDefault(label => label < 0 || label >= classes, -1) is var bad and not -1)
        {
            throw new InvalidFileException(file.Path, $"has the label {bad}; expected 0 to {classes - 1}");
        }
        return new ReferenceImages(
            size, classes,
            [.. index.SelectMany(i => file.Rows<byte>(images, i, 1).ToArray())],
            [.. index.Select(i => allLabels[i])],
            [.. index.SelectMany(i => file.Rows<float>(logits, i, 1).ToArray())]);
    }

    /// <summary>Softmax of <see cref="Logits"/>, float32 [n,K], computed in float64.</summary>
    public float[] Probabilities()
    {
        var result = new float[Logits.Length];
        for (var row = 0; row < Count; row++)
        {
            var logits = Logits.AsSpan(row * Classes, Classes).ToArray();
            var largest = (double)logits.Max();
            var sum = logits.Sum(logit => Math.Exp(logit - largest));
            for (var k = 0; k < Classes; k++)
            {
                result[(row * Classes) + k] = (float)(Math.Exp(logits[k] - largest) / sum);
            }
        }
        return result;
    }
}
