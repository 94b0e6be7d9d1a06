using System.ComponentModel.DataAnnotations;

namespace Airbench;

/// <summary>How a network was made from another one by fine-tuning.</summary>
/// <param name="Parent">What it was before.</param>
/// <param name="Train">What learned: head, head+bn, last_group or all.</param>
/// <param name="Engine">What computed the steps.</param>
/// <param name="Settings">Hyperparameters.</param>
/// <param name="Images">Images that it learned from.</param>
/// <param name="HeldOut">Images of the training split that chose the epoch.</param>
/// <param name="OldImages">Images of the old data that were rehearsed; 0 where none were.</param>
/// <param name="Epochs">Epochs done.</param>
/// <param name="BestEpoch">The epoch whose weights these are; 0 is before the first step.</param>
/// <param name="NewClasses">Classes that the parent did not know.</param>
/// <param name="DroppedClasses">Classes that the parent knew and this network does not.</param>
/// <param name="New">Correct answers on the new data's test split.</param>
public sealed record FinetuneRecord(
    ParentModel Parent, string Train, string Engine, FinetuneSettings Settings, [property: Range(0, int.MaxValue)] int Images, [property: Range(0, int.MaxValue)] int HeldOut, [property: Range(0, int.MaxValue)] int OldImages, [property: Range(0, int.MaxValue)] int Epochs, [property: Range(0, int.MaxValue)] int BestEpoch,
    IReadOnlyList<string> NewClasses, IReadOnlyList<string> DroppedClasses, BeforeAndAfter New)
{
    /// <summary>Correct answers on the old data's test split; null where it was not at hand.</summary>
    public BeforeAndAfter? Old { get; init; }
}

/// <summary>A network that another one was made from.</summary>
/// <param name="Name">Name of its bundle.</param>
/// <param name="ModelSha256">SHA-256 of its <c>model.onnx</c>, lower-case hexadecimal.</param>
/// <param name="WeightsSha256">SHA-256 of its weights.</param>
/// <param name="DatasetName">What it was trained on.</param>
/// <param name="DatasetSha256"><see cref="DatasetManifest.Sha256"/> of that.</param>
public sealed record ParentModel(string Name, string ModelSha256, string WeightsSha256, string DatasetName, string DatasetSha256);

/// <summary>Hyperparameters of a fine-tuning.</summary>
/// <param name="Lr">Peak learning rate on the mean loss.</param>
/// <param name="Momentum">Nesterov momentum.</param>
/// <param name="WeightDecay">L2.</param>
/// <param name="BatchSize">Images a step, rehearsed ones among them.</param>
/// <param name="LabelSmoothing">Share of probability that is spread over all classes.</param>
/// <param name="Flip">Whether images were mirrored at random.</param>
/// <param name="Translate">Pixels that they were shifted by at most.</param>
/// <param name="Rehearsal">Share of a batch that came from the old data.</param>
public sealed record FinetuneSettings(
    [property: Range(0, double.MaxValue)] double Lr, [property: Range(0.0, 1.0)] double Momentum, [property: Range(0, double.MaxValue)] double WeightDecay, [property: Range(1, int.MaxValue)] int BatchSize, [property: Range(0.0, 1.0)] double LabelSmoothing, bool Flip, [property: Range(0, int.MaxValue)] int Translate, [property: Range(0.0, 1.0)] double Rehearsal);

/// <summary>Correct answers of the parent and of the fine-tuned network on the same images, untouched.</summary>
/// <param name="Data">Data set and split.</param>
/// <param name="Count">Images.</param>
/// <param name="CorrectBefore">Correct answers of the parent; images of a class that it does not know count as wrong.</param>
/// <param name="CorrectAfter">Correct answers of the fine-tuned network.</param>
public sealed record BeforeAndAfter(string Data, [property: Range(0, int.MaxValue)] int Count, [property: Range(0, int.MaxValue)] int CorrectBefore, [property: Range(0, int.MaxValue)] int CorrectAfter)
{
    /// <summary>For people: "my-photos/test: 12.0% before, 94.0% after (50 images)".</summary>
    public override string ToString() => FormattableString.Invariant(
        $"{Data}: {(double)CorrectBefore / Count:0.0%} before, {(double)CorrectAfter / Count:0.0%} after ({Count:N0} images)");
}
