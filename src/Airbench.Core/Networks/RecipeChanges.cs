using System.Collections;
using System.Collections.ObjectModel;

namespace Airbench;

/// <summary>Hyperparameters that were given in place of a recipe's: values by key, as a file or the command line has them.</summary>
public sealed class RecipeChanges : ReadOnlyDictionary<string, object>, IInlineOptions
{
    private static readonly IReadOnlyList<InlineOption> Options =
        [.. Hyperparameter.All.Select(hyperparameter => hyperparameter.Option).DistinctBy(option => option.Key)];

    private RecipeChanges(Dictionary<string, object> given) : base(given)
    {
    }

    /// <summary>No change.</summary>
    public static RecipeChanges None { get; } = new([]);

    /// <inheritdoc/>
    public IReadOnlyList<InlineOption> Declared => Options;

    /// <summary>The changes that make <paramref name="after"/> of <paramref name="before"/>.</summary>
    /// <exception cref="ArgumentException">A value is taken away, which no option can do.</exception>
    public static RecipeChanges Between(Recipe before, Recipe after)
    {
        var changes = None;
        foreach (var hyperparameter in Hyperparameter.All.OrderByDescending(hyperparameter => hyperparameter.IsSwitch))
        {
            // A switch brings values with it: what counts is the difference to those.
            var (found, wanted) = (hyperparameter.Get(changes.ApplyTo(before)), hyperparameter.Get(after));
            if (!AreEqual(found, wanted))
            {
                changes = changes.With(hyperparameter.Key, wanted ?? throw new ArgumentException($"{hyperparameter.Key} is null", nameof(after)));
            }
        }
        return changes;
    }

    /// <inheritdoc/>
    public object? Find(string key) => this.GetValueOrDefault(key);

    /// <inheritdoc cref="IInlineOptions.With"/>
    public RecipeChanges With(string key, object? value)
    {
        var given = new Dictionary<string, object>(this);
        given.Remove(key);
        if (value is not null)
        {
            given.Add(key, value);
        }
        return new(given);
    }

    IInlineOptions IInlineOptions.With(string key, object? value) => With(key, value);

    /// <summary>The recipe with the changes; those to a part that it lacks are left out.</summary>
    public Recipe ApplyTo(Recipe recipe)
    {
        var changed = WithProxy(WithOptimizer(recipe));
        foreach (var (key, value) in this)
        {
            changed = Hyperparameter.Find(changed, key)?.Set(changed, value) ?? changed;
        }
        return changed;
    }

    /// <summary>What is wrong with the changes to <paramref name="recipe"/> and with what they make of it, as "key: found; expected".</summary>
    public IEnumerable<string> Problems(Recipe recipe)
    {
        var given = Hyperparameter.All.DistinctBy(hyperparameter => hyperparameter.Key).Where(hyperparameter => ContainsKey(hyperparameter.Key)).ToList();
        var counts = given.Select(hyperparameter => hyperparameter.CountProblem(this[hyperparameter.Key])).OfType<string>().ToList();
        if (counts.Count > 0)
        {
            return counts;
        }
        var changed = ApplyTo(recipe);
        return given.Select(hyperparameter => RecipeRules.Unread(changed, hyperparameter)).OfType<string>().Concat(changed.Problems());
    }

    /// <summary>The recipe, or the recipe with what belongs to the other optimizer.</summary>
    private Recipe WithOptimizer(Recipe recipe)
    {
        if (Find("optimizer") is not Optimizer optimizer || optimizer == recipe.Optimizer)
        {
            return recipe;
        }
        var donor = Recipe.All[optimizer == Optimizer.Muon ? "airbench94_muon" : "airbench94"];
        return recipe with
        {
            Lr1024 = donor.Lr1024,
            Momentum = donor.Momentum,
            WeightDecay1024 = donor.WeightDecay1024,
            BiasScaler = donor.BiasScaler,
            Muon = donor.Muon,
            Schedule = donor.Schedule,
            LrTail = donor.LrTail,
            Lookahead = donor.Lookahead,
            TailAverage = donor.TailAverage,
            NormalizeHead = donor.NormalizeHead,
            ZeroWhitenBias = donor.ZeroWhitenBias,
            LogitScale = donor.LogitScale,
        };
    }

    /// <summary>The recipe with a proxy, airbench96_faster's where it has none of its own, or without one.</summary>
    private Recipe WithProxy(Recipe recipe) => Find("proxy") switch
    {
        true => recipe with { Proxy = recipe.Proxy ?? Recipe.All["airbench96_faster"].Proxy },
        false => recipe with { Proxy = null },
        _ => recipe,
    };

    private static bool AreEqual(object? a, object? b) =>
        a is IEnumerable some && b is IEnumerable others ? some.Cast<object>().SequenceEqual(others.Cast<object>()) : Equals(a, b);
}
