namespace Airbench.Data;

/// <summary>Side and class of a file.</summary>
internal readonly record struct Placement(Split Split, int Label);
