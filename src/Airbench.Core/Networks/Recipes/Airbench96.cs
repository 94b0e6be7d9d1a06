namespace Airbench.Recipes;

internal static class Airbench96
{
    public static Recipe Recipe { get; } = new()
    {
        Name = "airbench96",
        Description = "96.03% (n = 400) in 34.7 A100-seconds (46.3 in the paper)",
        TargetAccuracy = 0.96,
        Widths = [128, 384, 512],
        Depth = 3,
        BatchNormMomentum = 0.1,
        Epochs = 37,
        BatchSize = 1024,
        Lr1024 = 9,
        Momentum = 0.85,
        WeightDecay1024 = 0.012,
        BiasScaler = 64,
        Schedule = new TriangularSchedule(Start: 0.2, Peak: 0.1, End: 0),
        Lookahead = true,
        Translate = 4,
        Cutout = 12,
    };
}
