namespace Airbench.Recipes;

internal static class Airbench95
{
    public static Recipe Recipe { get; } = new()
    {
        Name = "airbench95",
        Description = "95.01% (n = 200) in 10.4 A100-seconds",
        TargetAccuracy = 0.95,
        Widths = [128, 384, 384],
        BatchNormMomentum = 0.4,
        Epochs = 15,
        BatchSize = 1024,
        Lr1024 = 10,
        Momentum = 0.85,
        WeightDecay1024 = 0.0153,
        BiasScaler = 64,
        Schedule = new TriangularSchedule(Start: 0.2, Peak: 0.23, End: 0.07),
        Lookahead = true,
        Translate = 2,
    };
}
