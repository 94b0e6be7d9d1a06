using System.Text.Json.Serialization;

namespace Airbench;

/// <summary>From source to file.</summary>
/// <param name="TrainedOn">Device and precision of the training.</param>
/// <param name="Versions">Packages that trained the network, by name.</param>
public sealed record Provenance(string TrainedOn, IReadOnlyDictionary<string, string> Versions)
{
    /// <summary>Commit of the product's source; null where the build did not know it.</summary>
    [JsonPropertyOrder(-1)]
    public string? Commit { get; init; }
}
