namespace Airbench;

/// <summary>Shape of what a layer reads or gives, without the batch: (C, H, W), or (C, 1, 1) for a list.</summary>
/// <param name="Channels">C.</param>
/// <param name="Height">H.</param>
/// <param name="Width">W.</param>
public readonly record struct Plane(int Channels, int Height, int Width)
{
    /// <summary>C H W.</summary>
    public long Elements => (long)Channels * Height * Width;
}
