using static TorchSharp.torch;

namespace Airbench.Training;

/// <summary>The <c>train</c> stage: a data set in, a trained model folder out.</summary>
public static class Trainer
{
    /// <summary>
    /// Trains <see cref="TrainOptions.Runs"/> networks and writes the first to <paramref name="folder"/>; an earlier model there
    /// stays until the new one is whole.
    /// </summary>
    /// <param name="dataset">What to learn.</param>
    /// <param name="options">Recipe and changes to it.</param>
    /// <param name="folder">models/&lt;name&gt;.</param>
    /// <param name="deviceName">auto, cpu, cuda or cuda:N.</param>
    /// <param name="seed">Seed of the first run; run i has seed + i.</param>
    /// <param name="progress">Loss, rate and time left.</param>
    /// <param name="cancel">Answered within a step.</param>
    /// <param name="startAnew">Whether to leave the checkpoint of an earlier attempt aside, and remove it.</param>
    /// <exception cref="DeviceException">The device is not there.</exception>
    /// <exception cref="DivergedException">The loss of a run is not finite.</exception>
    public static TrainedModel Train(
        Dataset dataset, TrainOptions options, string folder, string deviceName, int seed, IProgress progress, CancellationToken cancel,
        bool startAnew = false) => Train(dataset, options, folder, deviceName, seed, progress, AutoPrecision.Here, startAnew, cancel);

    /// <inheritdoc cref="Train(Dataset, TrainOptions, string, string, int, IProgress, CancellationToken, bool)"/>
    internal static TrainedModel Train(
        Dataset dataset, TrainOptions options, string folder, string deviceName, int seed, IProgress progress, AutoPrecision auto, bool startAnew,
        CancellationToken cancel)
    {
        TorchRuntime.LoadWith(options.Threads);
        var recipe = BatchFit.Apply(options.ToRecipe(), dataset.Manifest.TrainCount, dataset.Manifest.ImageSize, options.Changes.ContainsKey("batch_size"), progress);
        recipe.Validate();
        var spec = TrainingSetup.NetworkOf(dataset, recipe);
        var device = ComputeDevice.Resolve(deviceName, options.Precision, () => auto.Choose(spec, options.Threads, progress)).With(options, progress);
        device.Warn(progress);
        if (device.Choice is { } choice)
        {
            progress.Info($"precision: {choice}");
        }
        if (options.CheckpointEverySeconds > 0 && !startAnew)
        {
            device = AsBegun(device, Checkpoint.KeyIn(folder, options.Runs), other => TrainingSetup.Key(dataset.Manifest, recipe, spec, other, seed), progress);
        }
        var plan = TrainingPlan.For(recipe, dataset.Manifest.TrainCount);
        var steps = $"{options.Runs} x {plan.TotalSteps} steps of {recipe.BatchSize} images";
        progress.Info($"{recipe.Name} on {device.Description}, {device.PrecisionName}, {get_num_threads()} threads: {steps}");

        using var scope = NewDisposeScope();
        using var setup = TrainingSetup.Load(dataset, plan, device);
        if (LargerImages.Hint(recipe, setup.Spec, options.Changes) is { } hint)
        {
            progress.Info(hint);
        }
        using var checkpoint = options.CheckpointEverySeconds > 0
            ? Checkpoint.Open(folder, setup.Key(seed), TimeSpan.FromSeconds(options.CheckpointEverySeconds), progress)
            : null;
        if (startAnew && Checkpoint.Remove(folder))
        {
            progress.Info("the checkpoint of an earlier attempt was removed: starting from the beginning");
        }
        checkpoint?.Find(plan, seed, options.Runs);
        using var log = new TrainingLog(options.ValidateEvery, checkpoint);
        try
        {
            log.Restore(setup);
            var done = checkpoint?.Found is { } found ? plan.ReportedBefore(found.Run) + found.Step : 0;
            using (var task = progress.Start("train", options.Runs * plan.ReportedSteps, "steps", done))
            {
                while (log.Results.Count < options.Runs)
                {
                    var (network, result) = TrainingRun.Train(setup, seed + log.Results.Count, log, task, cancel);
                    log.Add(network, result);
                    progress.Info(FormattableString.Invariant(
                        $"seed {result.Seed}: {result.AccuracyPlain:0.00%} plain, {result.AccuracyTta:0.00%} with TTA, {result.TrainSeconds:0.0} s"));
                }
            }
            var model = TrainedModelWriter.Write(setup, log, folder, progress, cancel);
            checkpoint?.Close();
            Checkpoint.Remove(folder);   // also that of a training by other settings, or by one that writes none: the model is there
            if (model.Manifest.AccuracyTta is { StandardDeviation: { } deviation, Low95: { } low, High95: { } high } accuracy)
            {
                progress.Info(FormattableString.Invariant(
                    $"{accuracy.Count} runs with TTA: mean {accuracy.Mean:0.00%}, standard deviation {deviation:0.00%}, ") +
                    FormattableString.Invariant($"95% interval {low:0.00%} to {high:0.00%}"));
            }
            return model;
        }
        catch (OperationCanceledException) when (checkpoint is { IsWritten: true })
        {
            progress.Info($"the same command{(startAnew ? " without --force" : "")} resumes from the checkpoint in {checkpoint.Folder}");
            throw;
        }
    }

    /// <summary>
    /// What was chosen, but for a checkpoint of the very same training in the other arithmetic, which goes on as it began: the choice may be
    /// another when a machine is measured again, and its weights would be of neither.
    /// </summary>
    /// <param name="device">As chosen.</param>
    /// <param name="found">Key of the checkpoint that is there, or null.</param>
    /// <param name="keyOf">The key of a training on a device.</param>
    /// <param name="progress">Told where it is the other one.</param>
    private static ComputeDevice AsBegun(ComputeDevice device, string? found, Func<ComputeDevice, string> keyOf, IProgress progress)
    {
        if (device.Choice is not { } choice)
        {
            return device;
        }
        var other = device with { Precision = choice.Precision == Precision.Bf16 ? Precision.Fp32 : Precision.Bf16 };
        if (found is null || found != keyOf(other))
        {
            return device;
        }
        progress.Info($"precision: the checkpoint is of {other.PrecisionName}, and the training goes on in it; a new one would take {choice.Name} (--force)");
        return other;
    }
}
