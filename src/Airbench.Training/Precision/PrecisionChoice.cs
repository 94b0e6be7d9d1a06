using System.Text.Json;

namespace Airbench.Training;

/// <summary>What <see cref="Precision.Auto"/> takes for a network on this machine, and why.</summary>
/// <param name="Precision"><see cref="Precision.Bf16"/> or <see cref="Precision.Fp32"/>.</param>
/// <param name="Reason">For people.</param>
/// <param name="Rates">What was measured; null where that was not needed.</param>
public sealed record PrecisionChoice(Precision Precision, string Reason, ArithmeticRates? Rates = null)
{
    /// <summary>What a measurement says: bf16 only where it is <see cref="ArithmeticRates.LeastGain"/> times as fast.</summary>
    public static PrecisionChoice By(ArithmeticRates rates) =>
        new(rates.Ratio >= ArithmeticRates.LeastGain ? Precision.Bf16 : Precision.Fp32, rates.ToString(), rates);

    /// <summary>The precision as options and artifacts write it.</summary>
    public string Name => NameOf(Precision);

    /// <summary>"auto takes bf16: " and why.</summary>
    public override string ToString() => $"auto takes {Name}: {Reason}";

    /// <summary>A precision as options and artifacts write it, for example "bf16_weights".</summary>
    internal static string NameOf(Precision precision) => JsonNamingPolicy.SnakeCaseLower.ConvertName(precision.ToString());
}
