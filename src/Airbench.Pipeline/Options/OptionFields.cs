using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using System.Reflection;

namespace Airbench.Pipeline;

/// <summary>One option of a stage.</summary>
/// <param name="Key">snake_case name, as in the file.</param>
/// <param name="Type">What it can hold.</param>
/// <param name="Default">Its value where nothing is given.</param>
/// <param name="Description">From <see cref="DescriptionAttribute"/>; empty where there is none.</param>
/// <param name="Get">Its value in an options record.</param>
/// <param name="Set">Gives an options record another value: only for one that nobody else holds.</param>
public sealed record OptionField(
    string Key, OptionType Type, object? Default, string Description, Func<object, object?> Get, Action<object, object?> Set)
{
    /// <summary>The default as it would stand in a file.</summary>
    public string DefaultText => ResolvedYaml.Flow(Type, Default);

    /// <summary>The numbers that it may be; null where it is any, or no number.</summary>
    public NumberRange? Range => ((Type is OptionalType optional ? optional.Of : Type) as NumericType)?.Range;
}

/// <summary>
/// The options of a stage, read from its options record: every property with a public setter or init, and in place of a property of
/// <see cref="IInlineOptions"/> all that it declares.
/// </summary>
public static class OptionFields
{
    private const int MaxDepth = 8;

    /// <summary>The options in the order of the record.</summary>
    /// <param name="optionsType">A class with a parameterless constructor and properties of string, bool, int, long, double, an enum,
    /// a nullable of those, a list (array or <see cref="IReadOnlyList{T}"/>), a <c>Dictionary&lt;string, T&gt;</c>, or another
    /// such record. <see cref="AllowedValuesAttribute"/> lists the texts that editors offer, <see cref="RangeAttribute"/> bounds the numbers.</param>
    /// <exception cref="ArgumentException">A property is of another type: a defect of the stage, not of a user.</exception>
    public static IReadOnlyList<OptionField> Of(Type optionsType) => Of(optionsType, depth: 0);

    private static List<OptionField> Of(Type type, int depth)
    {
        if (depth > MaxDepth)
        {
            throw new ArgumentException($"{type.Name}: options nested deeper than {MaxDepth} levels, or in themselves");
        }

        if (type.GetConstructor(Type.EmptyTypes) is null)
        {
            throw new ArgumentException($"{type.Name}: options need a public parameterless constructor");
        }

        var defaults = Activator.CreateInstance(type)!;
        var nullability = new NullabilityInfoContext();
        var fields = new List<OptionField>();
        var properties = type.GetProperties(BindingFlags.Public | BindingFlags.Instance);
        foreach (var property in properties.Where(p => p.SetMethod is { IsPublic: true }))
        {
            if (property.GetValue(defaults) is IInlineOptions inline)
            {
                fields.AddRange(inline.Declared.Select(option => Inline(option, property, depth)));
                continue;
            }
            var optional = nullability.Create(property).ReadState == NullabilityState.Nullable;
            fields.Add(new OptionField(
                OptionKeyAttribute.Of(property),
                TypeOf(property.PropertyType, optional, property, depth),
                property.GetValue(defaults),
                Description(property),
                property.GetValue,
                property.SetValue));
        }
        return fields;
    }

    /// <summary>An option that <paramref name="holder"/> has a value for, or has not.</summary>
    private static OptionField Inline(InlineOption option, PropertyInfo holder, int depth)
    {
        return new(
            option.Key,
            new OptionalType(TypeOf(option.Type, optional: false, option.Property, depth), option.Type),
            Default: null,
            Description(option.Property),
            options => Held(options).Find(option.Key),
            (options, value) => holder.SetValue(options, Held(options).With(option.Key, value)));

        IInlineOptions Held(object options) => (IInlineOptions)holder.GetValue(options)!;
    }

    private static string Description(PropertyInfo property) => property.GetCustomAttribute<DescriptionAttribute>()?.Description ?? "";

    private static OptionType TypeOf(Type type, bool optional, PropertyInfo property, int depth)
    {
        if (Nullable.GetUnderlyingType(type) is { } underlying)
        {
            return new OptionalType(TypeOf(underlying, optional: false, property, depth), type);
        }

        if (optional && !type.IsValueType)
        {
            return new OptionalType(TypeOf(type, optional: false, property, depth), type);
        }

        if (type == typeof(string))
        {
            return new TextType { Known = [.. property.GetCustomAttribute<AllowedValuesAttribute>()?.Values.OfType<string>() ?? []] };
        }

        if (type == typeof(bool))
        {
            return new FlagType();
        }

        if (type == typeof(int) || type == typeof(long))
        {
            return new WholeType(type) { Range = NumberRange.Of(property) };
        }

        if (type == typeof(double))
        {
            return new NumberType { Range = NumberRange.Of(property) };
        }

        if (type.IsEnum)
        {
            return new ChoiceType(type);
        }

        var item = type.IsArray ? type.GetElementType()! : type.GenericTypeArguments.LastOrDefault();
        if (item is not null && type.IsAssignableFrom(item.MakeArrayType()))
        {
            return new ListType(TypeOf(item, optional: false, property, depth));
        }

        if (item is not null && type.IsAssignableFrom(typeof(Dictionary<,>).MakeGenericType(typeof(string), item)))
        {
            return new MapType(TypeOf(item, optional: false, property, depth));
        }

        if (type.IsClass && item is null)
        {
            return new GroupType(type, Of(type, depth + 1));
        }

        throw new ArgumentException($"{property.DeclaringType!.Name}.{property.Name}: {type} cannot be an option");
    }
}
