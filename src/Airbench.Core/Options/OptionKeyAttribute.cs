using System.Reflection;
using System.Text.Json;

namespace Airbench;

/// <summary>The key of an option, where it is not the property's name in snake_case.</summary>
[AttributeUsage(AttributeTargets.Property)]
public sealed class OptionKeyAttribute(string key) : Attribute
{
    /// <summary>As in pipeline.yaml.</summary>
    public string Key => key;

    /// <summary>The key of <paramref name="property"/>: this attribute's, or else <paramref name="prefix"/> and the name in snake_case.</summary>
    public static string Of(PropertyInfo property, string prefix = "") =>
        property.GetCustomAttribute<OptionKeyAttribute>()?.Key ?? prefix + JsonNamingPolicy.SnakeCaseLower.ConvertName(property.Name);
}
