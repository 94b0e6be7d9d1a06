using Airbench.Onnx.Proto;

namespace Airbench.Onnx;

/// <summary>What a model with views inside has to answer to the test data: the vote of the model that it was made of, view by view.</summary>
internal static class ExpectedVotes
{
    /// <summary>Closer to the threshold than rounding, an image may be low-confidence or not.</summary>
    private const double Undecided = 1e-5;

    /// <summary>Logits of the vote, [n,K], and the images that may have got all views or not.</summary>
    /// <param name="folder">The bundle.</param>
    /// <param name="manifest">Its manifest.</param>
    /// <param name="variant">The model with views inside.</param>
    /// <param name="input">The test data.</param>
    /// <param name="run">Runs a model file.</param>
    /// <exception cref="InvalidFileException">The manifest does not say what the model was made of, or that file does not run.</exception>
    public static (float[] Logits, IReadOnlySet<int> Undecided) Compute(
        string folder, BundleManifest manifest, VariantFile variant, TensorProto input, ModelRunner run)
    {
        var path = Path.Combine(folder, OnnxBundle.ManifestName);
        if (variant.VotesOf is not { } name || !manifest.Variants.TryGetValue(name, out var plain) || Path.GetFileName(plain.File) != plain.File)
        {
            throw new InvalidFileException(path, $"does not say which model of the bundle {variant.File} was made of: export again");
        }
        if (variant.Tta == Tta.Adaptive && variant.LowConfidence is null)
        {
            throw new InvalidFileException(path, $"does not say below which confidence {variant.File} uses all views: export again");
        }
        var (size, count) = (manifest.ImageSize, (int)input.Dims[0]);
        var planes = InputFormats.Decode(manifest.Input, input.RawData.Span, size * size);
        var views = TestTimeAugmentation.Views(variant.Tta);
        var untouched = Logits(views[0]);
        var votes = Array.ConvertAll(untouched, logit => logit * views[0].Weight);
        foreach (var view in views.Skip(1))
        {
            foreach (var (i, logit) in Logits(view).Index())
            {
                votes[i] += view.Weight * logit;
            }
        }
        var undecided = new HashSet<int>();
        if (variant.LowConfidence is { } low)
        {
            var classes = votes.Length / count;
            for (var row = 0; row < count; row++)
            {
                var own = untouched.AsSpan(row * classes, classes);
                var confidence = Softmax.Confidence(own);
                if (Math.Abs(confidence - low.Threshold) < Undecided)
                {
                    undecided.Add(row);
                }
                if (confidence >= low.Threshold)
                {
                    own.CopyTo(votes.AsSpan(row * classes));
                }
            }
        }
        return (votes, undecided);

        float[] Logits(View view)
        {
            var drawn = new byte[planes.Length];
            TestTimeAugmentation.Draw(view, planes, size, drawn);
            return run(Path.Combine(folder, plain.File), manifest.Signature!.Inputs[0], InputFormats.Encode(manifest.Input, drawn, size * size),
                [.. input.Dims], ["logits"])[0];
        }
    }
}
