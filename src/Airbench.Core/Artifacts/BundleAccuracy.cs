using System.ComponentModel.DataAnnotations;

namespace Airbench;

/// <summary>Accuracy of the exported network on the whole test split, counted in fp32 by the trainer.</summary>
/// <param name="Data">Name of the data set and split.</param>
/// <param name="Synthetic">Whether the images are drawn.</param>
/// <param name="Count">Images n.</param>
/// <param name="Plain">Untouched images: what the model file alone gives.</param>
/// <param name="WithTta">With test-time augmentation by <paramref name="Tta"/>.</param>
/// <param name="Tta">The views that voted.</param>
public sealed record BundleAccuracy(string Data, bool Synthetic, [property: Range(1, int.MaxValue)] int Count, Proportion Plain, Proportion WithTta, Tta Tta);
