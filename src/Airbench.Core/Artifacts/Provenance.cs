namespace Airbench;

/// <summary>From source to file.</summary>
/// <param name="Commit">Commit of the product's source; null where the build did not know it.</param>
/// <param name="TrainedOn">Device and precision of the training.</param>
/// <param name="Versions">Packages that trained the network, by name.</param>
public sealed record Provenance(string? Commit, string TrainedOn, IReadOnlyDictionary<string, string> Versions);
