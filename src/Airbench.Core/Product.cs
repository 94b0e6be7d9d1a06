using System.Reflection;

namespace Airbench;

/// <summary>The name and version that artifacts carry.</summary>
public static class Product
{
    /// <summary>Name of the producer in artifacts and model files.</summary>
    public const string Name = "Airbench.Onnx";

    /// <summary>Semantic version plus, where the build knew it, "+" and the source commit.</summary>
    public static string Version { get; } =
        typeof(Product).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "0.0.0";
}
