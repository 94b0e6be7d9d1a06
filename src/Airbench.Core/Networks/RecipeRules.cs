namespace Airbench;

/// <summary>
/// What a recipe's numbers must be beside their own ranges, which are declared with the properties. The network's are
/// <see cref="NetworkSpec.Validate"/>'s.
/// </summary>
internal static class RecipeRules
{
    /// <summary>Every broken rule, as "key: found; expected", keys as in pipeline.yaml.</summary>
    public static IEnumerable<string> Problems(Recipe recipe) => Rules(recipe).OfType<string>().Concat(
        Hyperparameter.All
            .Where(hyperparameter => hyperparameter.Key != "lr" || recipe.Optimizer == Optimizer.Sgd)   // 0 in the Muon recipes
            .SelectMany(hyperparameter => hyperparameter.OutOfRange(recipe)));

    /// <summary>Why the training would not read what was given for a hyperparameter: to ignore it would mislead. Null where it would.</summary>
    public static string? Unread(Recipe recipe, Hyperparameter given)
    {
        var problem = (given.Part?.Name, given.Key) switch
        {
            (_, "lr" or "bias_scaler") when recipe.Muon is not null => "is for the sgd optimizer; expected muon_lr, bias_lr or head_lr with muon",
            (nameof(Recipe.Muon), _) when recipe.Muon is null => "is for the muon optimizer; expected lr or bias_scaler with sgd, or optimizer: muon",
            (nameof(Recipe.Proxy), _) when recipe.Proxy is null => "is given, but no proxy chooses examples; expected proxy: true beside it",
            (_, "zero_whiten_bias" or "whiten_bias_epochs" or "whiten_images") when !recipe.Whiten =>
                "is given, but nothing is whitened; expected a recipe that whitens, without whiten: false",
            (_, "depth") when recipe.Architecture == Architecture.Resnet18 =>
                "is given, but resnet18 has two blocks of two convolutions in every stage; expected no depth",
            _ => null,
        };
        return problem is null ? null : $"{given.Key}: {problem}";
    }

    private static IEnumerable<string?> Rules(Recipe recipe)
    {
        yield return Rule(
            recipe.TargetAccuracy is >= 0 and <= 1, "target_accuracy", FormattableString.Invariant($"{recipe.TargetAccuracy}"), "0 to 1");
        yield return Rule(recipe.Architecture != Architecture.Backbone, "architecture", "backbone", "airbench or resnet18: a recipe trains from scratch");
        yield return Widths("widths", recipe.Widths, recipe.Architecture);
        yield return Rule(
            !(recipe.Whiten && recipe.Architecture == Architecture.Resnet18), "whiten", "on", "off: resnet18 has no whitening layer");
        if (recipe.Muon is { Coefficients: var coefficients })
        {
            yield return Rule(
                coefficients.Count == 3 && coefficients.All(double.IsFinite),
                "muon_coefficients", string.Join(", ", coefficients.Select(c => FormattableString.Invariant($"{c}"))), "three finite numbers");
        }
        yield return Rule(
            recipe.Resolutions?.All(share => share is > 0 and <= 1) ?? true,
            "resolutions", string.Join(", ", recipe.Resolutions?.Select(share => FormattableString.Invariant($"{share}")) ?? []), "shares, each more than 0, at most 1");
        yield return Rule(
            !(recipe.Lookahead && recipe.TailAverage is not null), "tail_average", "on", "off, or lookahead: false: one average of the weights at a time");
        if (recipe.Proxy is { } proxy)
        {
            yield return Widths("proxy_widths", proxy.Widths, recipe.Architecture);
        }
    }

    private static string? Widths(string key, IReadOnlyList<int> widths, Architecture architecture) => Rule(
        NetworkSpec.AreWidths(widths, architecture), key, $"[{string.Join(", ", widths)}]", NetworkSpec.ExpectedWidths(architecture));

    private static string? Rule(bool holds, string key, string found, string expected) => holds ? null : $"{key}: {found}; expected {expected}";
}
