namespace Airbench;

/// <summary>Test-time augmentation (recipes.md): how many views of an image vote.</summary>
public enum Tta
{
    /// <summary>The image alone.</summary>
    None,

    /// <summary>The image and its mirror image.</summary>
    Mirror,

    /// <summary>Half the weight on <see cref="Mirror"/>, half on the mirrored pair of two one-pixel shifts: six views.</summary>
    MirrorTranslate,

    /// <summary>
    /// <see cref="MirrorTranslate"/> only for low-confidence images: the least confident quarter
    /// of a test set in training (as the 2025 record counts), those under a fixed confidence threshold in deployment.
    /// </summary>
    Adaptive,
}
