namespace Airbench.Onnx;

/// <summary>One row of <c>curve.csv</c>.</summary>
internal sealed record FinetunePoint(int Epoch, int Step, double? TrainLoss, double HeldOutAccuracy, double HeldOutLoss);

/// <summary>What a loop leaves: the best weights and how they came about.</summary>
internal sealed record FinetuneOutcome(Dictionary<string, float[]> Weights, int BestEpoch, int Epochs, int Steps, IReadOnlyList<FinetunePoint> Curve);

/// <summary>The steps: batches of new and rehearsed images, a schedule, and after each epoch a look at the held-out images.</summary>
internal sealed class FinetuneLoop(
    IFinetuneEngine engine, FinetuneData data, FinetuneData? old, FinetuneOptions options, int classCount, bool hasNewRows, int seed, IProgress progress, CancellationToken cancel)
{
    private const int AnswerBatch = 100;

    private readonly Random _random = new(seed);
    private readonly TriangularSchedule _schedule = new(Start: 0.2, Peak: 0.2, End: 0.05);

    /// <summary>Share of a batch that is old images.</summary>
    public double Rehearsal => old is null ? 0 : options.Rehearsal ?? (double)old.ClassCount / (old.ClassCount + data.ClassCount);

    /// <summary>Old images a step.</summary>
    private int OldShare => Math.Min(options.BatchSize - 1, (int)Math.Round(options.BatchSize * Rehearsal));

    /// <summary>Trains, and leaves the engine with the last weights; the outcome has the best ones.</summary>
    /// <exception cref="DivergedException">The loss left the finite numbers.</exception>
    public FinetuneOutcome Run()
    {
        var fresh = Math.Max(1, options.BatchSize - OldShare);
        var stepsAnEpoch = (data.Fit.Length + fresh - 1) / fresh;
        var epochs = options.Epochs ?? Math.Clamp((300 + stepsAnEpoch - 1) / stepsAnEpoch, 5, 100);
        var total = epochs * stepsAnEpoch;
        var (curve, best, bestEpoch, weights) = (new List<FinetunePoint>(), Judge(0, 0, null), 0, engine.ReadWeights());
        curve.Add(best);
        var step = 0;
        using var task = progress.Start("finetune", total, "steps");
        for (var epoch = 1; epoch <= epochs; epoch++)
        {
            var order = (int[])data.Fit.Clone();
            _random.Shuffle(order);
            var sum = 0.0;
            for (var i = 0; i < stepsAnEpoch; i++)
            {
                cancel.ThrowIfCancellationRequested();
                // Even shares: a last batch of two or three would give batch norm poor statistics.
                var chosen = order[(int)((long)i * order.Length / stepsAnEpoch)..(int)((long)(i + 1) * order.Length / stepsAnEpoch)];
                var (images, labels) = Batch(chosen);
                var lr = (float)(options.PeakLr() * _schedule.At(step, total));
                var loss = engine.Step(images, labels, new StepSettings(lr, (float)options.Momentum, (float)options.WeightDecay));
                if (!float.IsFinite(loss))
                {
                    throw new DivergedException(FormattableString.Invariant(
                        $"the loss of step {step + 1} is {loss}; expected a finite number: try a smaller lr (now {options.PeakLr()})"));
                }
                sum += loss;
                task.Report(++step, FormattableString.Invariant($"loss {loss:0.000}"));
            }
            var point = Judge(epoch, step, sum / stepsAnEpoch);
            curve.Add(point);
            var isFirst = epoch == 1 && hasNewRows;   // before it, nobody had seen the new classes: no candidate, however good on the old ones
            if (isFirst || (point.HeldOutAccuracy, -point.HeldOutLoss).CompareTo((best.HeldOutAccuracy, -best.HeldOutLoss)) > 0)
            {
                (best, bestEpoch, weights) = (point, epoch, engine.ReadWeights());
            }
            else if (options.Patience > 0 && epoch - bestEpoch >= options.Patience)
            {
                progress.Info($"no better result on the held-out images for {options.Patience} epochs: stopped after epoch {epoch}");
                return new FinetuneOutcome(weights, bestEpoch, epoch, step, curve);
            }
        }
        return new FinetuneOutcome(data.HeldOut.Length == 0 ? engine.ReadWeights() : weights, data.HeldOut.Length == 0 ? epochs : bestEpoch, epochs, step, curve);
    }

    /// <summary>New images augmented, then old ones, augmented too.</summary>
    private (byte[] Images, long[] Labels) Batch(int[] chosen)
    {
        var size = data.Train.ImageSize;
        var pixels = 3 * size * size;
        var rehearsed = Enumerable.Range(0, old is null ? 0 : OldShare).Select(_ => old!.Fit[_random.Next(old.Fit.Length)]).ToArray();
        var augmenter = new Augmenter(size, options.Flip, Math.Min(options.Translate, size - 1), _random);
        var images = new byte[(chosen.Length + rehearsed.Length) * pixels];
        var labels = new long[chosen.Length + rehearsed.Length];
        var place = 0;
        foreach (var (source, index) in chosen.Select(i => (data, i)).Concat(rehearsed.Select(i => (old!, i))))
        {
            augmenter.View(source.Train.Images(index, 1), images.AsSpan(place * pixels, pixels));
            labels[place++] = source.Rows[source.Train.Labels[index]];
        }
        return (images, labels);
    }

    /// <summary>Accuracy and loss on the held-out images; where old ones are among them, every class counts alike.</summary>
    private FinetunePoint Judge(int epoch, int step, double? trainLoss)
    {
        var sides = new[] { data, old }.OfType<FinetuneData>().Where(side => side.HeldOut.Length > 0)
            .Select(side => (Weight: side.ClassCount, Score: Answers(side.Train, side.HeldOut, side.Rows))).ToArray();
        double Mean(Func<(double Accuracy, double Loss), double> of) =>
            sides.Length == 0 ? 0 : sides.Sum(side => side.Weight * of(side.Score)) / sides.Sum(side => side.Weight);
        return new FinetunePoint(epoch, step, trainLoss, Mean(score => score.Accuracy), Mean(score => score.Loss));
    }

    private (double Accuracy, double Loss) Answers(ImageSplit split, int[] indices, int[] rows)
    {
        var (right, loss) = (0, 0.0);
        foreach (var batch in indices.Chunk(AnswerBatch))
        {
            cancel.ThrowIfCancellationRequested();
            var logits = new float[batch.Length * classCount];
            engine.Answer(ImageBatch.Gather(split, batch), batch.Length, logits);
            for (var i = 0; i < batch.Length; i++)
            {
                var label = rows[split.Labels[batch[i]]];
                var scores = logits.AsSpan(i * classCount, classCount);
                right += Softmax.ArgMax(scores) == label ? 1 : 0;
                loss -= Softmax.LogProbability(scores, label);
            }
        }
        return ((double)right / indices.Length, loss / indices.Length);
    }
}
