using System.Collections;
using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using System.Reflection;

namespace Airbench;

/// <summary>
/// One hyperparameter as the train stage takes it: a property of <see cref="Recipe"/>, or of one of its parts, that has a
/// <see cref="DescriptionAttribute"/>. Its key is the property's name in snake_case, behind that of the part ("muon_momentum"), unless
/// <see cref="OptionKeyAttribute"/> gives another.
/// </summary>
/// <remarks>
/// A part is a record of hyperparameters (<see cref="Muon"/>, <see cref="Proxy"/>), there or null: the switch <c>optimizer</c> or
/// <c>proxy</c> decides. A record of mere numbers (<see cref="TriangularSchedule"/>, <see cref="ColorJitter"/>) is given as their list.
/// </remarks>
internal sealed class Hyperparameter
{
    private readonly PropertyInfo _property;
    private readonly PropertyInfo[] _numbers;   // of a record that is given as a list

    private Hyperparameter(PropertyInfo property, PropertyInfo? part)
    {
        (_property, Part) = (property, part);
        Key = OptionKeyAttribute.Of(property, part is null ? "" : $"{OptionKeyAttribute.Of(part)}_");
        var type = Nullable.GetUnderlyingType(property.PropertyType) ?? property.PropertyType;
        var isPart = With<DescriptionAttribute>(type).Length > 0;
        _numbers = isPart ? [] : With<RangeAttribute>(type);
        IsSwitch = isPart || !property.CanWrite;
        Option = new(Key, isPart ? typeof(bool) : _numbers.Length > 0 ? typeof(double[]) : type, property);
    }

    /// <summary>All, in the order of the recipe. A key that a part shares with the recipe (weight_decay) is there twice, the part's last.</summary>
    public static IReadOnlyList<Hyperparameter> All { get; } = [.. Read()];

    /// <summary>As in pipeline.yaml.</summary>
    public string Key { get; }

    /// <summary>The recipe's property with the part that it belongs to; null where it is the recipe's own.</summary>
    public PropertyInfo? Part { get; }

    /// <summary>Whether it chooses a part, and so the hyperparameters that there are.</summary>
    public bool IsSwitch { get; }

    /// <summary>What can be given for it.</summary>
    public InlineOption Option { get; }

    /// <summary>The one that <paramref name="key"/> sets in <paramref name="recipe"/>; null for a switch, and where the recipe lacks its part.</summary>
    public static Hyperparameter? Find(Recipe recipe, string key) =>
        All.LastOrDefault(hyperparameter => hyperparameter.Key == key && !hyperparameter.IsSwitch && hyperparameter.Owner(recipe) is not null);

    /// <summary>Its value, as it would be given; null where the recipe has none.</summary>
    public object? Get(Recipe recipe)
    {
        if (Owner(recipe) is not { } owner)
        {
            return null;
        }
        var value = _property.GetValue(owner);
        if (_numbers.Length > 0)
        {
            return value is null ? Array.Empty<double>() : _numbers.Select(number => (double)number.GetValue(value)!).ToArray();
        }
        return Option.Type == typeof(bool) ? value is not (null or false) : value;
    }

    /// <summary>The recipe with <paramref name="given"/> in its place.</summary>
    public Recipe Set(Recipe recipe, object given)
    {
        object? value = _numbers.Length == 0 ? given
            : Items(given) is { Length: > 0 } numbers ? Activator.CreateInstance(_property.PropertyType, numbers)
            : null;
        if (Part is null)
        {
            return (Recipe)Changed(recipe, _property, value);
        }
        return (Recipe)Changed(recipe, Part, Changed(Owner(recipe)!, _property, value));
    }

    /// <summary>Whether a list that is given for a record of numbers has another length; the problem, or null.</summary>
    public string? CountProblem(object given)
    {
        if (_numbers.Length == 0 || Items(given) is not { } items || items.Length == _numbers.Length || (items.Length == 0 && CanBeNull))
        {
            return null;
        }
        var names = string.Join(", ", _numbers.Select(number => OptionKeyAttribute.Of(number)));
        return $"{Key}: {items.Length} numbers; expected {_numbers.Length}, [{names}]{(CanBeNull ? ", or none, [], for off" : "")}";
    }

    /// <summary>The numbers out of range in <paramref name="recipe"/>, as "key: found; expected".</summary>
    public IEnumerable<string> OutOfRange(Recipe recipe)
    {
        if (Owner(recipe) is not { } owner || _property.GetValue(owner) is not { } value)
        {
            return [];
        }
        var problems = _numbers.Length == 0
            ? [NumberRange.Problem(Key, _property, value)]
            : _numbers.Select(number => NumberRange.Problem($"{Key}: {OptionKeyAttribute.Of(number)}", number, number.GetValue(value)));
        return problems.OfType<string>();
    }

    private bool CanBeNull => new NullabilityInfoContext().Create(_property).ReadState == NullabilityState.Nullable;

    private object? Owner(Recipe recipe) => Part is null ? recipe : Part.GetValue(recipe);

    private static IEnumerable<Hyperparameter> Read()
    {
        foreach (var property in typeof(Recipe).GetProperties())
        {
            if (property.IsDefined(typeof(DescriptionAttribute)))
            {
                yield return new(property, part: null);
            }
            foreach (var inside in With<DescriptionAttribute>(property.PropertyType))
            {
                yield return new(inside, part: property);
            }
        }
    }

    private static PropertyInfo[] With<TAttribute>(Type type) where TAttribute : Attribute =>
        [.. type.GetProperties().Where(property => property.IsDefined(typeof(TAttribute)))];

    private static object[] Items(object list) => [.. ((IEnumerable)list).Cast<object>()];

    private static object Changed(object record, PropertyInfo property, object? value)
    {
        object copy = record switch
        {
            Recipe recipe => recipe with { },
            Muon muon => muon with { },
            Proxy proxy => proxy with { },
            _ => throw new ArgumentException($"{record.GetType().Name} is no part of a recipe", nameof(record)),
        };
        property.SetValue(copy, value);
        return copy;
    }
}
