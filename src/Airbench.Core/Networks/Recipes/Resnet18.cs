namespace Airbench.Recipes;

/// <summary>
/// What most papers still train. Two hundred epochs of Nesterov SGD, learning rate 0.1 and weight decay 5e-4 at batch 128, in the
/// decoupled form: with kilostep = 1024 (1 + 1 / (1 - 0.9)) = 11264, lr_1024 = 0.1 / 128 * 11264 and wd_1024 = 0.1 * 5e-4 / 128 * 11264.
/// </summary>
internal static class Resnet18
{
    public static Recipe Recipe { get; } = new()
    {
        Name = "resnet18",
        Description = "96.0% in about 420 A100-seconds: the baseline",
        TargetAccuracy = 0.96,
        Architecture = Architecture.Resnet18,
        Widths = [64, 128, 256, 512],
        Activation = Activation.Relu,
        LogitScale = 1,
        BatchNormMomentum = 0.1,
        Init = Init.Default,
        Whiten = false,
        Epochs = 200,
        BatchSize = 512,
        Lr1024 = 8.8,
        Momentum = 0.9,
        WeightDecay1024 = 0.0044,
        Schedule = new TriangularSchedule(Start: 0.2, Peak: 0.1, End: 0),
        LabelSmoothing = 0.1,
        Flip = Flip.Random,
        Translate = 4,
    };
}
