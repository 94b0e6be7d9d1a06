namespace Airbench.Onnx;

/// <summary>Computes the features of views of images, or finds them in the cache.</summary>
/// <param name="extractor">The backbone.</param>
/// <param name="cache">What is known of it.</param>
/// <param name="images">The images.</param>
/// <param name="cancel">Answered between views.</param>
internal sealed class ImageFeatures(FeatureExtractor extractor, FeatureCache cache, TransferImages images, CancellationToken cancel)
{
    private readonly int _bytes = 3 * images.Size * images.Size;
    private readonly byte[] _pixels = new byte[FeatureExtractor.BatchSize * 3 * images.Size * images.Size];
    private readonly float[] _found = new float[FeatureExtractor.BatchSize * extractor.Width];
    private readonly List<(UInt128 Key, long Row)> _waiting = [];

    /// <summary>A row for each view of each image, one after the other.</summary>
    /// <param name="views">The views of each of some images.</param>
    /// <param name="rows">Their number.</param>
    /// <param name="progress">Told of the views done.</param>
    public float[] Of(IEnumerable<(int Image, TrainingView View)> views, long rows, IProgress progress)
    {
        var width = extractor.Width;
        var values = FeatureTable.Room(rows, width);
        using var task = progress.Start("features", rows, "views");
        var row = 0L;
        foreach (var (image, view) in views)
        {
            cancel.ThrowIfCancellationRequested();
            var drawn = _pixels.AsSpan(_waiting.Count * _bytes, _bytes);
            view.Draw(images.Pixels(image), images.Size, drawn);
            var key = FeatureCache.KeyOf(drawn);
            if (!cache.TryGet(key, values.AsSpan((int)(row * width), width)))
            {
                _waiting.Add((key, row));
                if (_waiting.Count == FeatureExtractor.BatchSize)
                {
                    Compute(values);
                }
            }
            task.Report(++row - _waiting.Count);
        }
        Compute(values);
        task.Report(rows);
        return values;
    }

    private void Compute(float[] values)
    {
        if (_waiting.Count == 0)
        {
            return;
        }
        var width = extractor.Width;
        extractor.Run(_pixels.AsSpan(0, _waiting.Count * _bytes), _waiting.Count, _found.AsSpan(0, _waiting.Count * width));
        foreach (var (i, (key, row)) in _waiting.Index())
        {
            var features = _found.AsSpan(i * width, width);
            if (features.ContainsAnyExceptInRange(float.MinValue, float.MaxValue))
            {
                throw new DataException("the backbone gives features that are not finite; expected one that takes the pixels as they are given to it: look at its preprocessing");
            }
            features.CopyTo(values.AsSpan((int)(row * width), width));
            cache.Add(key, features);
        }
        _waiting.Clear();
    }
}
