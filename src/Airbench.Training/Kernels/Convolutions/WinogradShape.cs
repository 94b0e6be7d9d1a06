namespace Airbench.Training;

/// <summary>Shapes of a 3x3 convolution in tiles of 4 x 4 outputs.</summary>
/// <param name="Images">In the batch.</param>
/// <param name="Height">Of the input.</param>
/// <param name="Width">Of the input.</param>
/// <param name="Padding">Zeros around it: 0 to 2.</param>
/// <param name="In">Channels of the input.</param>
/// <param name="Out">Channels of the output.</param>
internal readonly record struct WinogradShape(int Images, int Height, int Width, int Padding, int In, int Out)
{
    /// <summary>Outputs of a tile, along each axis.</summary>
    public const int Tile = 4;

    /// <summary>Outputs of a tile.</summary>
    public const int Outputs = Tile * Tile;

    /// <summary>Inputs of a tile, along each axis.</summary>
    public const int Reach = Tile + 2;

    /// <summary>Inputs of a tile, and its products for each pair of channels.</summary>
    public const int Products = Reach * Reach;

    public int OutHeight => Height + (2 * Padding) - 2;

    public int OutWidth => Width + (2 * Padding) - 2;

    public int TilesDown => (OutHeight + Tile - 1) / Tile;

    public int TilesAcross => (OutWidth + Tile - 1) / Tile;

    public int Tiles => Images * TilesDown * TilesAcross;
}
