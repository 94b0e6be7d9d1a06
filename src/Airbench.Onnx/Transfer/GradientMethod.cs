namespace Airbench.Onnx;

/// <summary>
/// Learns a head and layers of the backbone by gradient descent in ONNX Runtime. It starts from the head that fits the backbone as it is: from a random one,
/// the first steps would undo what the backbone has learned (Kumar et al. 2022, arXiv:2202.10054).
/// </summary>
internal sealed class GradientMethod : ITransferMethod
{
    private readonly ImportedModel _backbone;
    private readonly TransferImages _images;
    private readonly TransferOptions _options;
    private readonly string _device;
    private readonly GraphTrainStep _step;
    private readonly IViewSource _views;
    private readonly FeatureTable _features;
    private readonly string _folder;

    private GradientMethod(
        ImportedModel backbone, TransferImages images, TransferOptions options, string device, GraphTrainStep step, IViewSource views, FeatureTable features)
    {
        (_backbone, _images, _options, _device, _step, _views, _features) = (backbone, images, options, device, step, views, features);
        _folder = Directory.CreateTempSubdirectory("airbench-transfer-").FullName;
        NetworkExporter.Save(step.Build(), StepFile);
        NetworkExporter.Save(step.BuildEvaluation(), EvaluationFile);
    }

    private string StepFile => Path.Combine(_folder, TrainingFiles.TrainStepName);

    private string EvaluationFile => Path.Combine(_folder, "evaluation.onnx");

    /// <summary>Opens it: finds what learns, and computes what the layers below make of every view.</summary>
    public static GradientMethod Open(
        ImportedModel backbone, TransferImages images, TransferOptions options, string sha256, string device, int seed, IProgress progress,
        CancellationToken cancel)
    {
        var shapes = ValueShapes.Measure(backbone.Graph, backbone.Source.Path);
        var parts = LearnedParts.Of(
            backbone.Graph, shapes, backbone.LastBlockStart, options.Train == TransferPart.All ? TrainedPart.All : TrainedPart.LastGroup, backbone.Source.Path);
        var step = new GraphTrainStep(backbone.Graph, shapes) { Start = parts.Start, Learned = parts.Weights, LabelSmoothing = options.Steps.LabelSmoothing };
        var (learned, asked) = HeadMethod.Views(options, images.Size, seed);
        progress.Info($"{Counted.Of(parts.Weights.Count, "tensor")} of the backbone learn, from '{parts.Start}' {shapes[parts.Start]} on");
        var features = HeadMethod.Features(backbone, images, options with { Mirror = false, Crops = 0, Tta = Tta.None }, sha256, device, seed, progress, cancel);
        var settings = new SessionSettings(options.Threads);
        IViewSource views;
        if (options.Train == TransferPart.All)
        {
            views = new PixelViews(images, learned);
        }
        else
        {
            long[] row = [.. shapes[parts.Start]!.Extents.Skip(1).Select(extent => extent.Count)];
            using var extractor = FeatureExtractor.Open(backbone.Graph, images.Size, row, device, settings, parts.Start);
            views = StoredViews.Compute(extractor, images, learned, asked, options.Tta == Tta.Mirror, progress, cancel);
        }
        return new GradientMethod(backbone, images, options, device, step, views, features);
    }

    /// <inheritdoc/>
    public ITransferred Learn(int[] learned, int seed, IProgress progress, CancellationToken cancel)
    {
        var labels = Array.ConvertAll(learned, image => _images.Labels[image]);
        var fit = new HeadFit(_images.ClassCount, _options.ClassWeights, seed);
        var (head, l2) = fit.Fit(_features.Of(learned), labels, cancel);
        var state = _step.State(_images.ClassCount).ToDictionary(tensor => tensor.Name, tensor => (tensor.Shape, Initial(tensor.Name, tensor.Shape, head)));
        var session = TrainStepSession.Open(StepFile, state, _device, _options.Threads);
        try
        {
            var steps = Descend(session, learned, fit.Weights(labels), seed, progress, cancel);
            return new Learned(this, session, l2, steps);
        }
        catch
        {
            session.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _views.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    /// <summary>A pass over the images in random order each epoch, of each image a view by chance; the rate rises for a tenth of the steps and then falls to zero as a cosine.</summary>
    private int Descend(TrainStepSession session, int[] learned, double[] classWeights, int seed, IProgress progress, CancellationToken cancel)
    {
        var settings = _options.Steps;
        var batch = Math.Min(settings.BatchSize, learned.Length);
        var perEpoch = learned.Length / batch;
        var total = Math.Max(1, (int)Math.Ceiling(settings.Epochs * perEpoch));
        var random = new Random(seed);
        var order = learned.ToArray();
        var (values, labels, weights) = (new float[batch * _views.Width], new long[batch], new float[batch]);
        using var task = progress.Start("train", total, "steps");
        for (var step = 0; step < total; step++)
        {
            cancel.ThrowIfCancellationRequested();
            if (step % perEpoch == 0)
            {
                random.Shuffle(order);
            }
            for (var i = 0; i < batch; i++)
            {
                var image = order[(step % perEpoch * batch) + i];
                _views.Read(image, random.Next(_views.Views), values.AsSpan(i * _views.Width, _views.Width));
                (labels[i], weights[i]) = (_images.Labels[image], (float)classWeights[_images.Labels[image]]);
            }
            var factor = Rate(step, total);
            var loss = session.Step(
                values, labels,
                new StepSettings((float)(settings.Lr * factor), (float)settings.Momentum, (float)settings.WeightDecay) { HeadLr = (float)(settings.HeadLr * factor) },
                weights: weights);
            if (!float.IsFinite(loss))
            {
                throw new DivergedException($"the loss is {loss} at step {step + 1} of {total}; expected a smaller lr or head_lr");
            }
            task.Report(step + 1, FormattableString.Invariant($"loss {loss:0.000}"));
        }
        return total;
    }

    private static double Rate(int step, int total)
    {
        var warm = Math.Max(1, total / 10);
        return step < warm ? (step + 1.0) / warm : (1 + Math.Cos(Math.PI * (step - warm) / Math.Max(1, total - warm))) / 2;
    }

    /// <summary>The head that was fitted, the backbone's own weights, and zero velocities.</summary>
    private float[] Initial(string name, long[] shape, LinearHead head) => name switch
    {
        "head.weight" => Array.ConvertAll(head.Weight, value => (float)value),
        "head.bias" => Array.ConvertAll(head.Bias, value => (float)value),
        _ when name.EndsWith(TrainStep.Velocity, StringComparison.Ordinal) => new float[shape.Aggregate(1L, (product, extent) => product * extent)],
        _ => Tensors.Floats(_backbone.Graph.Constant(name)!),
    };

    private sealed class Learned : ITransferred
    {
        private readonly GradientMethod _method;
        private readonly Dictionary<string, float[]> _state;

        public Learned(GradientMethod method, TrainStepSession session, double l2, int steps)
        {
            (_method, L2, Steps) = (method, l2, steps);
            using (session)
            {
                _state = session.ReadState().Where(tensor => !tensor.Key.EndsWith(TrainStep.Velocity, StringComparison.Ordinal)).ToDictionary();
            }
            Head = new LinearHead(Array.ConvertAll(_state["head.weight"], value => (double)value), Array.ConvertAll(_state["head.bias"], value => (double)value));
            Changed = _state.Where(tensor => tensor.Key is not ("head.weight" or "head.bias")).ToDictionary();
        }

        public LinearHead Head { get; }

        public double L2 { get; }

        public int Steps { get; }

        public IReadOnlyDictionary<string, float[]> Changed { get; }

        public double[] Answer(int[] asked, bool mirror, CancellationToken cancel)
        {
            var (views, shapes) = (_method._views, _method._step.State(Head.Classes).ToDictionary(tensor => tensor.Name, tensor => tensor.Shape));
            using var evaluation = StateSession.Open(_method.EvaluationFile, _state.ToDictionary(tensor => tensor.Key, tensor => (shapes[tensor.Key], tensor.Value)), _method._device, _method._options.Threads);
            var logits = new double[asked.Length * Head.Classes];
            var done = 0;
            foreach (var batch in asked.Chunk(FeatureExtractor.BatchSize))
            {
                cancel.ThrowIfCancellationRequested();
                var values = new float[batch.Length * views.Width];
                foreach (var (i, image) in batch.Index())
                {
                    views.Read(image, mirror ? IViewSource.Mirror : 0, values.AsSpan(i * views.Width, views.Width));
                }
                Array.ConvertAll(evaluation.Answer(values, batch.Length), value => (double)value).CopyTo(logits, done * Head.Classes);
                done += batch.Length;
            }
            return logits;
        }
    }
}
