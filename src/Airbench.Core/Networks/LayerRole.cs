namespace Airbench;

/// <summary>What a layer is for, where a training or an export treats it in a way of its own.</summary>
public enum LayerRole
{
    /// <summary>Nothing in particular.</summary>
    Body,

    /// <summary>The first convolution, with filters computed from the training images: they are never trained.</summary>
    Whitening,

    /// <summary>The last layer, with a row for each class.</summary>
    Head,
}
