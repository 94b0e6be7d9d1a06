namespace Airbench.Recipes;

internal static class Airbench94Muon
{
    public static Recipe Recipe { get; } = new()
    {
        Name = "airbench94_muon",
        Description = "94.01% (n = 200) in 2.59 A100-seconds, compiled: airbench94 with the Muon optimizer",
        TargetAccuracy = 0.94,
        Widths = [64, 256, 256],
        LogitScale = null,
        BatchNormMomentum = 0.4,
        NormalizeHead = true,
        ZeroWhitenBias = false,
        Epochs = 8,
        BatchSize = 2000,
        Momentum = 0.85,
        Muon = new Muon
        {
            Lr = 0.24,
            Momentum = 0.6,
            BiasLr = 0.053,
            HeadLr = 0.67,
            WeightDecay = 2e-6,
            Coefficients = [3.4445, -4.7750, 2.0315],
        },
        Schedule = new TriangularSchedule(Start: 1, Peak: 0, End: 0),
        Translate = 2,
    };
}
