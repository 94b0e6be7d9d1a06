namespace Airbench.Onnx;

/// <summary>A classifier that lets several views of each image vote, with buffers for one batch.</summary>
internal sealed class TtaClassifier
{
    private readonly OnnxClassifier _classifier;
    private readonly bool _isAdaptive;
    private readonly double _threshold;
    private readonly IReadOnlyList<View> _views;
    private readonly int _pixels;            // of an image
    private readonly byte[] _view;           // a batch, as one view shows it
    private readonly float[] _viewLogits;
    private readonly byte[] _doubtful;       // adaptive: the images of a batch that get all views, side by side
    private readonly float[] _doubtfulLogits;
    private readonly List<int> _rows = [];   // and their places in the batch

    /// <param name="classifier">The model; it stays the caller's.</param>
    /// <param name="tta">Which views vote.</param>
    /// <param name="batchSize">Most images a call.</param>
    /// <param name="adaptiveThreshold">
    /// For <see cref="Tta.Adaptive"/>: images whose unaugmented softmax confidence is below this get all views. An image's answer
    /// so depends on no other image, as it would with a share of the least confident ones.
    /// </param>
    public TtaClassifier(OnnxClassifier classifier, Tta tta, int batchSize, double adaptiveThreshold)
    {
        _classifier = classifier;
        _isAdaptive = tta == Tta.Adaptive;
        _threshold = adaptiveThreshold;
        _views = TestTimeAugmentation.Views(tta);
        _pixels = 3 * classifier.ImageSize * classifier.ImageSize;
        var (pixels, logits) = (checked(batchSize * _pixels), checked(batchSize * classifier.ClassCount));
        (_view, _viewLogits) = _views.Count > 1 ? (new byte[pixels], new float[logits]) : ([], []);
        (_doubtful, _doubtfulLogits) = _isAdaptive ? (new byte[pixels], new float[logits]) : ([], []);
    }

    /// <summary>
    /// Computes the logits of the untouched images and those of the vote, float32 [count,K] both; the former are part of the latter.
    /// </summary>
    /// <returns>Images that got all views.</returns>
    public int Run(ReadOnlySpan<byte> images, int count, Span<float> plain, Span<float> voted)
    {
        _classifier.Run(images, count, plain);
        plain.CopyTo(voted);
        if (!_isAdaptive)
        {
            AddOtherViews(images, count, voted);
            return count;
        }
        var classes = _classifier.ClassCount;
        _rows.Clear();
        for (var i = 0; i < count; i++)
        {
            var row = plain.Slice(i * classes, classes);
            if (Softmax.Confidence(row) < _threshold)
            {
                images.Slice(i * _pixels, _pixels).CopyTo(_doubtful.AsSpan(_rows.Count * _pixels));
                row.CopyTo(_doubtfulLogits.AsSpan(_rows.Count * classes));
                _rows.Add(i);
            }
        }
        if (_rows.Count > 0)
        {
            AddOtherViews(_doubtful.AsSpan(0, _rows.Count * _pixels), _rows.Count, _doubtfulLogits.AsSpan(0, _rows.Count * classes));
        }
        foreach (var (place, row) in _rows.Index())
        {
            _doubtfulLogits.AsSpan(place * classes, classes).CopyTo(voted[(row * classes)..]);
        }
        return _rows.Count;
    }

    /// <summary>Turns the logits of the untouched images into those of all views.</summary>
    private void AddOtherViews(ReadOnlySpan<byte> images, int count, Span<float> logits)
    {
        foreach (ref var logit in logits)
        {
            logit *= _views[0].Weight;
        }
        foreach (var view in _views.Skip(1))
        {
            var pixels = _view.AsSpan(0, images.Length);
            var values = _viewLogits.AsSpan(0, logits.Length);
            TestTimeAugmentation.Draw(view, images, _classifier.ImageSize, pixels);
            _classifier.Run(pixels, count, values);
            for (var i = 0; i < logits.Length; i++)
            {
                logits[i] += view.Weight * values[i];
            }
        }
    }
}
