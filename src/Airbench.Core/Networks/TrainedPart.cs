namespace Airbench;

/// <summary>What of a network learns when it is adapted; the rest stays as it is, and the backward pass stops above it.</summary>
public enum TrainedPart
{
    /// <summary>The linear layer.</summary>
    Head,

    /// <summary>The linear layer and every batch norm.</summary>
    HeadBn,

    /// <summary>The linear layer and the last group of convolutions (the last stage of a ResNet) with its batch norms.</summary>
    LastGroup,

    /// <summary>Everything but the whitening layer.</summary>
    All,
}

/// <summary>Names and meaning of <see cref="TrainedPart"/>.</summary>
public static class TrainedParts
{
    /// <summary>The names: head, head+bn, last_group, all.</summary>
    public static IReadOnlyList<string> Names { get; } = [.. Enum.GetValues<TrainedPart>().Select(NameOf)];

    /// <summary>The name of <paramref name="part"/> in options and file names.</summary>
    public static string NameOf(TrainedPart part) => part switch
    {
        TrainedPart.Head => "head",
        TrainedPart.HeadBn => "head+bn",
        TrainedPart.LastGroup => "last_group",
        _ => "all",
    };

    /// <summary>The part called <paramref name="name"/>; null where there is none.</summary>
    public static TrainedPart? Find(string name) => Enum.GetValues<TrainedPart>().Cast<TrainedPart?>().FirstOrDefault(part => NameOf(part!.Value) == name);

    /// <summary>The layers of <paramref name="network"/> whose weights learn, by name.</summary>
    /// <remarks>
    /// The whitening layer stays in every part: airbench never trains its filters, and its bias only for the first epochs
    /// (arXiv:2404.00498, section 3.2); what it would save a fine-tuning is not worth a backward pass at full resolution.
    /// </remarks>
    public static IReadOnlySet<string> Layers(this TrainedPart part, NetworkSpec network)
    {
        return network.Layers().Where(layer => layer.Parameters().Any()).Where(layer => part switch
        {
            TrainedPart.Head => layer.Role == LayerRole.Head,
            TrainedPart.HeadBn => layer.Role == LayerRole.Head || layer is BatchNormLayer,
            TrainedPart.LastGroup => layer.Role == LayerRole.Head || layer.Group == network.Widths.Count,
            _ => layer.Role != LayerRole.Whitening,
        }).Select(layer => layer.Name).ToHashSet();
    }
}
