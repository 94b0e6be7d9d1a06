namespace Airbench.Data;

/// <summary>What the header of an image file says.</summary>
/// <param name="Format">Its name: "JPEG".</param>
/// <param name="Width">Pixels, as shown: after EXIF orientation.</param>
/// <param name="Height">Pixels, as shown.</param>
public readonly record struct ImageHeader(string Format, int Width, int Height);
