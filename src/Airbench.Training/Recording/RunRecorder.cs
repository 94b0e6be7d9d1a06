using System.Diagnostics;
using static TorchSharp.torch;

namespace Airbench.Training;

/// <summary>Records one run while it trains: seconds by the <c>airbench</c> protocol, progress, rows of the curve, checkpoints.</summary>
internal sealed class RunRecorder : IDisposable
{
    private readonly TrainingSetup _setup;
    private readonly TrainingLog _log;
    private readonly IProgressTask _progress;
    private readonly int _run;
    private readonly CheckpointState? _found;
    private readonly Stopwatch _clock = new();
    private EpochMeter? _meter;   // of the epoch under way

    private RunRecorder(TrainingSetup setup, TrainingLog log, IProgressTask progress) =>
        (_setup, _log, _progress, _run, _found) = (setup, log, progress, log.Results.Count, log.Checkpoint?.Found);

    private EpochMeter Meter => _meter ??= new EpochMeter(_setup.Device);

    private double Seconds => (TimeSpan.FromSeconds(_found?.Seconds ?? 0) + _clock.Elapsed).TotalSeconds;

    /// <summary>Starts the clock of the run after those in the log; the log's checkpoint is of that run.</summary>
    public static RunRecorder Start(TrainingSetup setup, TrainingLog log, IProgressTask progress)
    {
        var recorder = new RunRecorder(setup, log, progress);
        setup.Device.Synchronize();
        recorder._clock.Start();
        return recorder;
    }

    /// <summary>A tensor of the found checkpoint, on the device; null without a checkpoint.</summary>
    public Tensor? Found(string name) => _found is null ? null : _log.Checkpoint!.Find(name)?.to(_setup.Device.Device);

    /// <summary>Tells of the steps of the proxy, which come before those of the network.</summary>
    /// <param name="steps">Steps done.</param>
    public void ReportProxy(int steps) => _progress.Report((_run * _setup.Plan.ReportedSteps) + steps, "proxy");

    /// <summary>Tells of the score after the last step, which takes a while where many views vote.</summary>
    /// <param name="images">Test images done.</param>
    public void ReportScore(int images) => _progress.Report(
        (_run + 1) * _setup.Plan.ReportedSteps, FormattableString.Invariant($"scoring {images:N0} of {_setup.Test.Count:N0} test images"));

    /// <summary>Takes <paramref name="learner"/> to where the found checkpoint was written.</summary>
    /// <returns>Steps done: 0 without a checkpoint.</returns>
    public int Resume(Learner learner)
    {
        if (_found is null)
        {
            return 0;
        }
        learner.Restore(_log.Checkpoint!, _found.Step);
        _meter = new EpochMeter(_setup.Device, _found.Meter);
        return _found.Step;
    }

    /// <summary>Writes a checkpoint, outside the clock, if it is time for one or the training is to stop.</summary>
    /// <param name="steps">Steps done.</param>
    /// <param name="learner">In an epoch that has begun.</param>
    /// <param name="cancel">Whether to stop.</param>
    public void SaveIfDue(int steps, Learner learner, CancellationToken cancel)
    {
        if (_log.Checkpoint is { } checkpoint && (checkpoint.IsDue || cancel.IsCancellationRequested))
        {
            using var scope = NewDisposeScope();
            _clock.Stop();
            checkpoint.Save(new(checkpoint.Key, _run, steps, Seconds, Meter.Snapshot(), _log.Curve, _log.Results), learner.State.Concat(_log.State));
            _clock.Start();
        }
    }

    /// <summary>Adds step <paramref name="step"/> (from 0), which is done.</summary>
    /// <exception cref="DivergedException">On the CPU, when its loss is not finite.</exception>
    public void Add(int step, StepResult result)
    {
        var plan = _setup.Plan;
        var meanLoss = result.Loss.Over(result.Labels.shape[0]);
        Meter.Add(step + 1, plan.Lr * plan.LrFactor(step), meanLoss, result.Logits, result.Labels);
        _progress.Report(plan.ReportedBefore(_run) + step + 1, Meter.LastLoss is { } last ? FormattableString.Invariant($"loss {last:0.000}") : null);
    }

    /// <summary>Adds a row to the curve; validates outside the clock.</summary>
    /// <param name="steps">Steps done.</param>
    /// <param name="network">The network after them.</param>
    /// <param name="cancel">Answered within a batch.</param>
    /// <exception cref="DivergedException">The loss of a step is not finite.</exception>
    public void EndEpoch(int steps, Network network, CancellationToken cancel)
    {
        using var meter = Meter;
        _meter = null;
        var (trainLoss, trainAccuracy) = meter.Read();   // waits for the device
        if (!_setup.Device.IsCuda && OperatingSystem.IsLinux())
        {
            GlibcAllocator.Trim();   // where tensors are on a GPU it would cost milliseconds for little
        }
        _clock.Stop();
        var plan = _setup.Plan;
        (double Accuracy, double Loss)? validation = _log.ValidateEvery > 0 && (steps / plan.StepsPerEpoch % _log.ValidateEvery == 0 || steps == plan.TotalSteps)
            ? Scorer.Validate(network, _setup.Test, _setup.Device.ComputeType, cancel)
            : null;
        // JSON, in which checkpoints keep the curve, has no other numbers than finite ones.
        var loss = validation is { Loss: var measured } && double.IsFinite(measured) ? measured : (double?)null;
        _log.Curve.Add(new(_run, (double)steps / plan.StepsPerEpoch, steps, meter.LastLr, trainLoss, trainAccuracy, Seconds, validation?.Accuracy, loss));
        _clock.Start();
    }

    /// <summary>Stops the clock: the result of a run whose network gives so many correct answers on the test split.</summary>
    public RunResult Finish(int seed, int plain, int tta)
    {
        _clock.Stop();
        _log.Checkpoint?.Close();
        double count = _setup.Test.Count;
        return new RunResult(seed, plain / count, tta / count, Seconds, _setup.Plan.TotalSteps);
    }

    public void Dispose() => _meter?.Dispose();
}
