namespace Airbench.Recipes;

internal static class Airbench94
{
    public static Recipe Recipe { get; } = new()
    {
        Name = "airbench94",
        Description = "94.01% (n = 1000) in 3.83 A100-seconds, eager: the paper's headline",
        TargetAccuracy = 0.94,
        Widths = [64, 256, 256],
        BatchNormMomentum = 0.4,
        Epochs = 9.9,
        BatchSize = 1024,
        Lr1024 = 11.5,
        Momentum = 0.85,
        WeightDecay1024 = 0.0153,
        BiasScaler = 64,
        Schedule = new TriangularSchedule(Start: 0.2, Peak: 0.23, End: 0.07),
        Lookahead = true,
        Translate = 2,
    };
}
