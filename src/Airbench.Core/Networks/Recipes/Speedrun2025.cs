namespace Airbench.Recipes;

internal static class Speedrun2025
{
    public static Recipe Recipe { get; } = new()
    {
        Name = "speedrun2025",
        Description = "94.01% (n = 2000) in 1.99 to 2.02 A100-seconds, compiled: the record of 2025",
        TargetAccuracy = 0.94,
        Widths = [64, 256, 256],
        Activation = Activation.Silu,
        LogitScale = null,
        BatchNormMomentum = 1 - 0.5566,
        NormalizeHead = true,
        ZeroWhitenBias = false,
        WhitenBiasEpochs = 0.19,
        WhitenImages = 960,
        Epochs = 7.59,
        BatchSize = 1536,
        Momentum = 0.825,
        Muon = new Muon
        {
            Lr = 0.205,
            Momentum = 0.655,
            BiasLr = 0.0573,
            HeadLr = 0.5415,
            WeightDecay = 1.0418e-6,
            Coefficients = [3.4576, -4.7391, 2.0843],
            RenormalizeEvery = 2,
            RenormalizeGrowth = 15,
            Batched = true,
        },
        Schedule = new TriangularSchedule(Start: 1, Peak: 0, End: 0),
        LabelSmoothing = 0.09,
        Translate = 2,
        ColorJitter = new ColorJitter(Brightness: 0.1399, Contrast: 0.1308),
        Tta = Tta.Adaptive,
    };
}
