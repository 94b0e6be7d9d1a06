namespace Airbench.Onnx;

/// <summary>Proves that a model file computes what the trained network computed.</summary>
public static class ParityGate
{
    /// <summary>Largest absolute difference of a logit that full precision may show.</summary>
    public const double MaxDifference = 1e-3;

    private const int BatchSize = 64;

    /// <summary>Runs the reference images on the CPU and compares with the logits that the network itself gave in fp32.</summary>
    /// <param name="modelFile">An ONNX file.</param>
    /// <param name="referenceFile"><c>images</c> uint8 [n,3,S,S], <c>labels</c> int64 [n], <c>logits</c> float32 [n,K].</param>
    /// <exception cref="GateException">A logit is further off than <see cref="MaxDifference"/>, or a best class differs.</exception>
    /// <exception cref="InvalidFileException">A file is damaged, or the two do not fit together.</exception>
    public static ParityResult Check(string modelFile, string referenceFile)
    {
        using var classifier = OnnxClassifier.Open(modelFile);
        using var reference = TensorFile.Open(referenceFile);
        var (size, classes) = (classifier.ImageSize, classifier.ClassCount);
        var images = reference.Require("images", TensorType.U8, -1, 3, size, size);
        var count = (int)images.Shape[0];
        if (count == 0)
        {
            throw new InvalidFileException(referenceFile, "holds no images; expected at least one to compare");
        }
        reference.Require("labels", TensorType.I64, count);
        var expected = reference.Read<float>(reference.Require("logits", TensorType.F32, count, classes));

        var found = new float[BatchSize * classes];
        var (sameTop1, worst, worstImage) = (0, 0.0, 0);
        for (var first = 0; first < count; first += BatchSize)
        {
            var n = Math.Min(BatchSize, count - first);
            classifier.Run(reference.Rows<byte>(images, first, n), n, found.AsSpan(0, n * classes));
            for (var i = 0; i < n; i++)
            {
                var ours = found.AsSpan(i * classes, classes);
                var theirs = expected.Slice((first + i) * classes, classes);
                sameTop1 += Softmax.ArgMax(ours) == Softmax.ArgMax(theirs) ? 1 : 0;
                var difference = LargestDifference(ours, theirs);
                if (difference > worst)
                {
                    (worst, worstImage) = (difference, first + i);
                }
            }
        }
        return worst <= MaxDifference && sameTop1 == count
            ? new ParityResult(count, worst, sameTop1)
            : throw new GateException(FormattableString.Invariant(
                $"parity: ONNX Runtime and the trained network differ by up to {worst:g3} in a logit (allowed {MaxDifference}; ") +
                $"image {worstImage} of {referenceFile}) and agree on the best class of {sameTop1} of {count} images (all must)");
    }

    /// <summary>Largest absolute difference; infinite where either side is not finite.</summary>
    internal static double LargestDifference(ReadOnlySpan<float> a, ReadOnlySpan<float> b)
    {
        var largest = 0.0;
        for (var i = 0; i < a.Length; i++)
        {
            var difference = Math.Abs((double)a[i] - b[i]);
            largest = double.IsFinite(difference) ? Math.Max(largest, difference) : double.PositiveInfinity;
        }
        return largest;
    }
}
