namespace Airbench.Onnx;

/// <summary>Computes the features of the views of images, or finds them in the cache.</summary>
internal static class ImageFeatures
{
    /// <summary>Features of the views of every image.</summary>
    /// <param name="extractor">The backbone.</param>
    /// <param name="cache">What is known of it.</param>
    /// <param name="images">The images.</param>
    /// <param name="plan">Views of training images.</param>
    /// <param name="asked">Views of test images, the first of <paramref name="plan"/>; the rows of the others stay zero.</param>
    /// <param name="progress">Told of every batch.</param>
    /// <param name="cancel">Answered between batches.</param>
    public static FeatureTable Of(
        FeatureExtractor extractor, FeatureCache cache, TransferImages images, ViewPlan plan, ViewPlan asked, IProgress progress, CancellationToken cancel)
    {
        var (width, bytes) = (extractor.Width, 3 * plan.Size * plan.Size);
        var rows = (long)images.Count * plan.Count;
        if (rows * width > Array.MaxLength)
        {
            throw new ConfigurationException(
                $"{images.Count:N0} images in {plan.Count} views have {rows * width:N0} features, more than the {Array.MaxLength:N0} that are held at once; expected fewer crops");
        }
        var values = new float[rows * width];
        var (pixels, found) = (new byte[FeatureExtractor.BatchSize * bytes], new float[FeatureExtractor.BatchSize * width]);
        var waiting = new List<(UInt128 Key, long Row)>();
        var total = ((long)images.TrainCount * plan.Count) + ((long)images.Test.Count * asked.Count);
        using var task = progress.Start("features", total, "views");
        var done = 0L;
        for (var image = 0; image < images.Count; image++)
        {
            var row = (long)image * plan.Count;
            foreach (var view in (image < images.TrainCount ? plan : asked).Of(image))
            {
                cancel.ThrowIfCancellationRequested();
                var drawn = pixels.AsSpan(waiting.Count * bytes, bytes);
                view.Draw(images.Pixels(image), plan.Size, drawn);
                var key = FeatureCache.KeyOf(drawn);
                if (!cache.TryGet(key, values.AsSpan((int)(row * width), width)))
                {
                    waiting.Add((key, row));
                    if (waiting.Count == FeatureExtractor.BatchSize)
                    {
                        Compute();
                    }
                }
                row++;
                task.Report(++done - waiting.Count);
            }
        }
        Compute();
        task.Report(total);
        return new FeatureTable(values, width, plan.Count);

        void Compute()
        {
            if (waiting.Count == 0)
            {
                return;
            }
            extractor.Run(pixels.AsSpan(0, waiting.Count * bytes), waiting.Count, found.AsSpan(0, waiting.Count * width));
            foreach (var (i, (key, at)) in waiting.Index())
            {
                var features = found.AsSpan(i * width, width);
                if (features.ContainsAnyExceptInRange(float.MinValue, float.MaxValue))
                {
                    throw new DataException("the backbone gives features that are not finite; expected one that takes the pixels as they are given to it: look at its preprocessing");
                }
                features.CopyTo(values.AsSpan((int)(at * width), width));
                cache.Add(key, features);
            }
            waiting.Clear();
        }
    }
}
