using System.Diagnostics;
using TorchSharp;
using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace Airbench.Training;

/// <summary>A row of <c>curve.csv</c>: the state after an epoch.</summary>
internal sealed record CurvePoint(
    int Run, double Epoch, int Step, double Lr, double TrainLoss, double TrainAccuracy, double Seconds, double? ValidationAccuracy = null);

/// <summary>Trains one network by a recipe. Everything a step does is on this screen.</summary>
internal static class TrainingRun
{
    /// <summary>Runs the whole recipe; the caller owns the network that comes back.</summary>
    /// <exception cref="DivergedException">The loss is not finite.</exception>
    public static (Network Network, RunResult Result) Train(
        int run, TrainingPlan plan, NetworkSpec spec, DeviceImages train, DeviceImages test, int seed, ComputeDevice device, int validateEvery,
        List<CurvePoint> curve, IProgressTask progress, CancellationToken cancel, Checkpoint? checkpoint = null, IReadOnlyList<RunResult>? earlier = null)
    {
        var recipe = plan.Recipe;
        using var generator = new Generator((ulong)seed, CPU);
        var network = Network.Create(spec, recipe, device, generator);
        try
        {
            var clock = new Stopwatch();
            var reported = run * plan.ReportedSteps;
            device.Synchronize();
            clock.Start();
            var found = checkpoint?.Found?.Run == run ? checkpoint.Found : null;
            using var chosen = recipe.Proxy is null ? null : found is not null ? checkpoint!.Find("chosen") : ProxyRun.ChooseExamples(
                plan, spec, train, generator.get_state(), seed, device, step => progress.Report(reported + step, "proxy"), cancel);
            reported += plan.ReportedSteps - plan.TotalSteps;
            using var sampler = new EpochSampler(train, recipe, generator);
            Whitening.Start(network, train, recipe);
            using var optimizer = new NetworkOptimizer(network, plan);
            using var lookahead = recipe.Lookahead ? new Lookahead(network.Tensors.Values) : null;
            IEnumerable<(string, Tensor)> State() =>
            [
                .. network.Tensors.Select(tensor => (tensor.Key, tensor.Value)), .. optimizer.State, .. sampler.State,
                .. network.Tensors.Keys.Zip(lookahead?.Slow ?? [], (name, slow) => ($"{name}.slow", slow)),
                .. chosen is null ? [] : new[] { ("chosen", chosen) },
            ];

            var (first, readings, before) = (0, (EpochMeter.Readings?)null, TimeSpan.Zero);
            if (found is not null)
            {
                (first, readings, before) = (found.Step, found.Meter, TimeSpan.FromSeconds(found.Seconds));
                Resume(checkpoint!, network, optimizer, sampler, lookahead, first);
            }
            for (var (step, epoch) = (first, first / plan.StepsPerEpoch); step < plan.TotalSteps; epoch++)
            {
                using var meter = new EpochMeter(device, readings);
                readings = null;
                sampler.Begin(epoch);
                for (var batch = step - (epoch * plan.StepsPerEpoch); batch < plan.StepsPerEpoch && step < plan.TotalSteps; batch++)
                {
                    if (checkpoint is not null && (checkpoint.IsDue || cancel.IsCancellationRequested))
                    {
                        clock.Stop();
                        checkpoint.Save(new("", run, step, (before + clock.Elapsed).TotalSeconds, meter.Snapshot(), curve, earlier ?? []), State());
                        clock.Start();
                    }
                    cancel.ThrowIfCancellationRequested();
                    using var scope = NewDisposeScope();
                    optimizer.FreezeWhiten(step);
                    var (images, labels) = sampler.Batch(batch * recipe.BatchSize, recipe.BatchSize, device.ComputeType, chosen?[step]);
                    using var pass = new BackwardPass();
                    var logits = network.Forward(images, training: true, pass);
                    var loss = F.cross_entropy(logits, labels, reduction: nn.Reduction.Sum, label_smoothing: recipe.LabelSmoothing);
                    optimizer.Step(pass.Of(loss, optimizer.Parameters), step);
                    meter.Add(step + 1, plan.Lr * recipe.Schedule.At(step, plan.TotalSteps), loss.Over(labels.shape[0]), logits, labels);
                    step++;
                    if (step % Lookahead.Interval == 0)
                    {
                        lookahead?.Update(Lookahead.Decay(step, plan.TotalSteps));
                    }
                    progress.Report(reported + step, meter.LastLoss is { } last ? FormattableString.Invariant($"loss {last:0.000}") : null);
                }
                if (step == plan.TotalSteps)
                {
                    lookahead?.Update(1);
                }
                var (trainLoss, trainAccuracy) = meter.Read();   // waits for the device
                GlibcAllocator.Trim();
                clock.Stop();
                var isLast = step == plan.TotalSteps;
                double? validation = validateEvery > 0 && ((epoch + 1) % validateEvery == 0 || isLast)
                    ? (double)Scorer.CountCorrect(network, test, Tta.None, device.ComputeType, cancel).Plain / test.Count
                    : null;
                curve.Add(new CurvePoint(
                    run, (double)step / plan.StepsPerEpoch, step, meter.LastLr, trainLoss, trainAccuracy, (before + clock.Elapsed).TotalSeconds, validation));
                clock.Start();
            }

            var (plain, tta) = Scorer.CountCorrect(network, test, recipe.Tta, device.ComputeType, cancel);   // item(): the device is done
            clock.Stop();
            return (network, new RunResult(seed, (double)plain / test.Count, (double)tta / test.Count, (before + clock.Elapsed).TotalSeconds, plan.TotalSteps));
        }
        catch
        {
            network.Dispose();
            throw;
        }
    }

    /// <summary>Puts everything back to where the checkpoint found it.</summary>
    private static void Resume(
        Checkpoint checkpoint, Network network, NetworkOptimizer optimizer, EpochSampler sampler, Lookahead? lookahead, int step)
    {
        using var scope = NewDisposeScope();
        foreach (var (name, tensor) in network.Tensors)
        {
            checkpoint.Restore(name, tensor);
        }
        foreach (var (name, slow) in network.Tensors.Keys.Zip(lookahead?.Slow ?? []))
        {
            checkpoint.Restore($"{name}.slow", slow);
        }
        optimizer.FreezeWhiten(step);
        foreach (var (name, state) in optimizer.State)
        {
            checkpoint.Restore(name, state);
        }
        sampler.Restore(checkpoint.Find("sampler.first_flips")!, checkpoint.Find("sampler.generator")!);
    }
}
