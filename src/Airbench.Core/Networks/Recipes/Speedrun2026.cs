namespace Airbench.Recipes;

internal static class Speedrun2026
{
    private const double Epochs = 8.875;
    private const double StepsPerEpoch = 32;   // of CIFAR-10
    private const double DecayEpochs = 8.5;

    public static Recipe Recipe { get; } = Speedrun2025.Recipe with
    {
        Name = "speedrun2026",
        Description = "94.02% (n = 200) in 1.83 A100-seconds, compiled: speedrun2025 on images that grow from 24 to 32 pixels",
        WhitenBiasEpochs = 0.2,
        WhitenImages = 5000,
        Epochs = Epochs,
        Muon = Speedrun2025.Recipe.Muon! with { Lr = 0.2255 },
        LrTail = new LrTail(Share: DecayEpochs / Epochs, Factor: 0.05),
        TailAverage = new TailAverage(Start: (DecayEpochs - (8 / StepsPerEpoch)) / Epochs, Every: 4, Keep: 0.7),
        Resolutions = [24 / 32.0, 28 / 32.0, 1],
        Tta = Tta.MirrorTranslate,
    };
}
