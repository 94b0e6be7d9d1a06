using System.ComponentModel.DataAnnotations;

namespace Airbench;

/// <summary>How a network that exists learned other classes: what stands in the place of a <see cref="Recipe"/> where there was a backbone.</summary>
public sealed record Transfer
{
    /// <summary>Name, as a recipe has one.</summary>
    public const string Name = "transfer";

    /// <summary>What learned.</summary>
    public required TransferPart Train { get; init; }

    /// <summary>Whether rare classes count as much as frequent ones.</summary>
    public required ClassWeights ClassWeights { get; init; }

    /// <summary>Whether the mirror image of each training image was learned too.</summary>
    public required bool Mirror { get; init; }

    /// <summary>Random crops of each training image that were learned beside it.</summary>
    [Range(0, int.MaxValue)]
    public required int Crops { get; init; }

    /// <summary>Penalty on the squared weights of the head, as cross-validation on the training images chose it.</summary>
    [Range(0, double.MaxValue)]
    public required double L2 { get; init; }

    /// <summary>How the layers below the head learned; null where they did not.</summary>
    public TransferSteps? Steps { get; init; }

    /// <summary>What cross-validation says of this way of training; null where it was not asked for.</summary>
    public CrossValidation? CrossValidation { get; init; }
}

/// <summary>Training of the layers below the head by gradient descent.</summary>
/// <param name="Epochs">Passes over the training images.</param>
/// <param name="BatchSize">Images a step.</param>
/// <param name="Lr">Peak learning rate of the backbone, on the mean loss.</param>
/// <param name="HeadLr">Peak learning rate of the head; the features have length 1.</param>
/// <param name="Momentum">Nesterov momentum.</param>
/// <param name="WeightDecay">L2 weight decay.</param>
/// <param name="LabelSmoothing">Share of probability that the loss spreads over all classes.</param>
public sealed record TransferSteps(
    [property: Range(0.0, 100_000.0, MinimumIsExclusive = true)] double Epochs,
    [property: Range(1, int.MaxValue)] int BatchSize,
    [property: Range(0, double.MaxValue)] double Lr,
    [property: Range(0, double.MaxValue)] double HeadLr,
    [property: Range(0.0, 1.0, MaximumIsExclusive = true)] double Momentum,
    [property: Range(0, double.MaxValue)] double WeightDecay,
    [property: Range(0.0, 1.0, MaximumIsExclusive = true)] double LabelSmoothing);

/// <summary>What learns of a network that exists.</summary>
public enum TransferPart
{
    /// <summary>A new linear layer on its features.</summary>
    Head,

    /// <summary>That, and the last block of its layers.</summary>
    LastBlock,

    /// <summary>Everything.</summary>
    All,
}

/// <summary>How much an example counts in the loss.</summary>
public enum ClassWeights
{
    /// <summary>Each as much as any other.</summary>
    None,

    /// <summary>Each class as much as any other: its examples by the inverse of their number.</summary>
    Balanced,
}

/// <summary>
/// Answers for images that the answering model had not learned: all images are divided into parts, and for each part a model is trained on the
/// others.
/// </summary>
/// <param name="Folds">Parts.</param>
/// <param name="Repeats">Divisions, each by chance.</param>
/// <param name="Count">Images: those of both splits.</param>
/// <param name="Accuracy">
/// Of the first division, with Wilson's 95% interval: every image is asked once, so the answers are nearly independent.
/// </param>
/// <param name="BalancedAccuracy">Mean recall of the classes, likewise.</param>
/// <param name="Accuracies">Accuracy of each division.</param>
/// <param name="Recalls">Recall of each class in the first division, in label order; null for a class without images.</param>
public sealed record CrossValidation(
    [property: Range(2, int.MaxValue)] int Folds, [property: Range(1, int.MaxValue)] int Repeats, [property: Range(1, int.MaxValue)] int Count,
    Proportion Accuracy, [property: Range(0.0, 1.0)] double BalancedAccuracy, IReadOnlyList<double> Accuracies, IReadOnlyList<double?> Recalls)
{
    /// <summary>Mean over the divisions.</summary>
    public double MeanAccuracy => Accuracies.Average();
}
