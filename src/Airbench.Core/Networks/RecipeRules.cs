using System.Numerics;

namespace Airbench;

/// <summary>What a recipe's numbers must be; the network's own are <see cref="NetworkSpec.Validate"/>'s.</summary>
internal static class RecipeRules
{
    /// <summary>Every broken rule, as "key: found; expected", keys as in pipeline.yaml.</summary>
    public static IEnumerable<string> Problems(Recipe recipe) =>
        Training(recipe)
            .Concat(Augmentation(recipe))
            .Concat(recipe.Muon is { } muon ? Muon(muon) : [])
            .Concat(recipe.Proxy is { } proxy ? Proxy(proxy, recipe.Architecture) : [])
            .OfType<string>();

    private static IEnumerable<string?> Training(Recipe recipe)
    {
        yield return Between("target_accuracy", recipe.TargetAccuracy, 0, 1);
        yield return Widths("widths", recipe.Widths, recipe.Architecture);
        yield return recipe.LogitScale is { } scale ? Positive("logit_scale", scale) : null;
        yield return Rule(recipe.BatchNormMomentum is > 0 and <= 1, "bn_momentum", recipe.BatchNormMomentum, "more than 0, at most 1");
        yield return Rule(
            !(recipe.Whiten && recipe.Architecture == Architecture.Resnet18), "whiten", "on", "off: resnet18 has no whitening layer");
        yield return Between("whiten_bias_epochs", recipe.WhitenBiasEpochs, 0, 100_000);
        yield return Between("whiten_images", recipe.WhitenImages, 1, int.MaxValue);
        yield return Rule(recipe.Epochs is > 0 and <= 100_000, "epochs", recipe.Epochs, "more than 0, at most 100000");
        yield return Between("batch_size", recipe.BatchSize, 2, 65_536);
        yield return recipe.Optimizer == Optimizer.Sgd ? Positive("lr", recipe.Lr1024) : null;
        yield return BelowOne("momentum", recipe.Momentum);
        yield return NotNegative("weight_decay", recipe.WeightDecay1024);
        yield return Positive("bias_scaler", recipe.BiasScaler);
        yield return NotNegative("schedule: start", recipe.Schedule.Start);
        yield return Between("schedule: peak", recipe.Schedule.Peak, 0, 1);
        yield return NotNegative("schedule: end", recipe.Schedule.End);
        yield return BelowOne("label_smoothing", recipe.LabelSmoothing);
    }

    private static IEnumerable<string?> Augmentation(Recipe recipe)
    {
        // Reflection cannot pad by more than the smallest image less one.
        yield return Between("translate", recipe.Translate, 0, NetworkSpec.MinImageSize - 1);
        yield return Between("cutout", recipe.Cutout, 0, NetworkSpec.MaxImageSize);
        if (recipe.ColorJitter is { } jitter)
        {
            yield return NotNegative("color_jitter: brightness", jitter.Brightness);
            yield return Between("color_jitter: contrast", jitter.Contrast, 0, 1);
        }
    }

    private static IEnumerable<string?> Muon(Muon muon)
    {
        yield return Positive("muon_lr", muon.Lr);
        yield return BelowOne("muon_momentum", muon.Momentum);
        yield return Positive("bias_lr", muon.BiasLr);
        yield return Positive("head_lr", muon.HeadLr);
        yield return NotNegative("weight_decay", muon.WeightDecay);
        yield return Rule(
            muon.Coefficients.Count == 3 && muon.Coefficients.All(double.IsFinite),
            "muon_coefficients", string.Join(", ", muon.Coefficients.Select(c => FormattableString.Invariant($"{c}"))), "three finite numbers");
        yield return Between("muon_newton_schulz_steps", muon.NewtonSchulzSteps, 1, 100);
        yield return Between("muon_renormalize_every", muon.RenormalizeEvery, 1, int.MaxValue);
        yield return Between("muon_renormalize_growth", muon.RenormalizeGrowth, 0, 1_000_000);
    }

    private static IEnumerable<string?> Proxy(Proxy proxy, Architecture architecture)
    {
        yield return Widths("proxy_widths", proxy.Widths, architecture);
        yield return Between("proxy_depth", proxy.Depth, 2, 3);
        yield return Rule(proxy.Keep is > 0 and <= 1, "proxy_keep", proxy.Keep, "more than 0, at most 1");
        yield return Between("proxy_backward_every", proxy.BackwardEvery, 1, int.MaxValue);
    }

    private static string? Widths(string key, IReadOnlyList<int> widths, Architecture architecture) => Rule(
        NetworkSpec.AreWidths(widths, architecture), key, $"[{string.Join(", ", widths)}]", NetworkSpec.ExpectedWidths(architecture));

    private static string? Between<T>(string key, T found, T low, T high) where T : INumber<T> =>
        Rule(found >= low && found <= high, key, found, FormattableString.Invariant($"{low} to {high}"));

    private static string? Positive(string key, double found) => Rule(found > 0 && double.IsFinite(found), key, found, "more than 0");

    private static string? NotNegative(string key, double found) => Rule(found >= 0 && double.IsFinite(found), key, found, "0 or more");

    private static string? BelowOne(string key, double found) => Rule(found is >= 0 and < 1, key, found, "0 to below 1");

    private static string? Rule(bool holds, string key, object found, string expected) =>
        holds ? null : FormattableString.Invariant($"{key}: {found}; expected {expected}");
}
