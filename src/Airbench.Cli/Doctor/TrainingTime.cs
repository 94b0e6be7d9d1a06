using System.Globalization;
using Airbench.Onnx;
using Airbench.Training;

namespace Airbench.Cli;

/// <summary>A training whose time is asked for.</summary>
/// <param name="Options">Options of the train stage.</param>
/// <param name="ImageSize">Height and width, pixels.</param>
/// <param name="ClassCount">Classes.</param>
/// <param name="TrainCount">Training images.</param>
/// <param name="TestCount">Test images.</param>
/// <param name="Device">auto, cpu, cuda or cuda:N.</param>
/// <param name="Root">Folder that paths are relative to.</param>
internal sealed record TrainingTask(TrainOptions Options, int ImageSize, int ClassCount, int TrainCount, int TestCount, string Device, string Root)
{
    /// <summary>The transfer that it is; null from scratch.</summary>
    public TransferOptions? Transfer => Options is TrainStageOptions { Backbone: not null } options ? options.ToTransfer(Root) : null;
}

/// <summary>How long a training will take, before it starts: a few steps tell.</summary>
internal static class TrainingTime
{
    /// <summary>Measures a few steps here; null where the training itself would not start, which other lines explain.</summary>
    public static TrainingEstimate? Measure(TrainingTask task)
    {
        try
        {
            if (task.Transfer is { } transfer)
            {
                var seconds = TransferEstimate.Seconds(transfer, task.ImageSize, task.TrainCount, task.TestCount, task.Device);
                return new TrainingEstimate(EpochSeconds: seconds, TotalSeconds: seconds);
            }
            return TrainingEstimate.Of(task.Options, task.ImageSize, task.ClassCount, task.TrainCount, task.TestCount, task.Device);
        }
        catch (AirbenchException)
        {
            return null;
        }
    }

    /// <summary>"about 0:21 an epoch, 3:29 in all (9.9 epochs of 8,000 images)".</summary>
    public static string Describe(TrainingTask task, TrainingEstimate estimate)
    {
        if (task.Transfer is { } transfer)
        {
            return $"about {Clock(estimate.TotalSeconds)} for the features of {Counted.Of(task.TrainCount + task.TestCount, "image")}" +
                (transfer.Train == TransferPart.Head ? "" : ", and then the training of the backbone's layers");
        }
        var recipe = task.Options.ToRecipe();
        var runs = task.Options.Runs == 1 ? "" : string.Create(CultureInfo.InvariantCulture, $"{task.Options.Runs:N0} runs of ");
        return string.Create(CultureInfo.InvariantCulture, $"about {Clock(estimate.EpochSeconds)} an epoch, {Clock(estimate.TotalSeconds)} in all ")
            + string.Create(CultureInfo.InvariantCulture, $"({runs}{recipe.Epochs:0.##} epochs of {task.TrainCount:N0} images)");
    }

    private static string Clock(double seconds) =>
        seconds < 1 ? string.Create(CultureInfo.InvariantCulture, $"{seconds:0.0} s") : Rate.Clock(TimeSpan.FromSeconds(seconds));
}
