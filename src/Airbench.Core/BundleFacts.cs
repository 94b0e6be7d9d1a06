namespace Airbench;

/// <summary>Inputs and outputs of a model file, in its order.</summary>
public sealed record ModelSignature(IReadOnlyList<TensorSignature> Inputs, IReadOnlyList<TensorSignature> Outputs);

/// <summary>One input or output.</summary>
/// <param name="Name">Its name in the graph.</param>
/// <param name="Type">ONNX element type in lower case: uint8, float, float16.</param>
/// <param name="Shape">Extents; -1 is open.</param>
public sealed record TensorSignature(string Name, string Type, IReadOnlyList<long> Shape)
{
    /// <summary>For people: "images uint8 [N, 3, 32, 32]".</summary>
    public override string ToString() => $"{Name} {Type} [{string.Join(", ", Shape.Select((d, i) => d >= 0 ? $"{d}" : i == 0 ? "N" : "?"))}]";

    /// <summary>Same name, type and extents.</summary>
    public bool Equals(TensorSignature? other) =>
        other is not null && Name == other.Name && Type == other.Type && Shape.SequenceEqual(other.Shape);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Name, Type, Shape.Count);
}

/// <summary>Everything between an image file and the model's input, and what the model itself does to the pixels after that.</summary>
/// <param name="Orientation">EXIF orientation is "applied" before anything else.</param>
/// <param name="ShortSide">Length that the short side is resized to, pixels; the long side keeps the proportion, rounded down.</param>
/// <param name="Filter">Resampling filter: triangle (bilinear), widened by the factor of reduction (antialiased).</param>
/// <param name="CentreCrop">Height and width of the centre that is kept, pixels.</param>
/// <param name="ColorOrder">Order of the planes.</param>
/// <param name="Range">Smallest and largest value handed over: 0 and 255 as decoded, or 0 and 1 of pixels / 255.</param>
/// <param name="InsideTheModel">What the caller must not do: the model does.</param>
public sealed record PreprocessingSteps(
    string Orientation, int ShortSide, string Filter, int CentreCrop, string ColorOrder, IReadOnlyList<int> Range, Normalization InsideTheModel)
{
    /// <summary>nchw: planes; nhwc: interleaved.</summary>
    public string Layout { get; init; } = "nchw";

    /// <summary>Whether the model resizes and crops as well, so that the caller must not.</summary>
    public bool ResizedInside { get; init; }
}

/// <summary>(value * scale - mean) / std with values as handed over, for each channel in RGB order.</summary>
public sealed record Normalization(double Scale, IReadOnlyList<double> Mean, IReadOnlyList<double> Std);

/// <summary>Accuracy of the exported network on the whole test split, counted in fp32 by the trainer.</summary>
/// <param name="Data">Name of the data set and split.</param>
/// <param name="Synthetic">Whether the images are drawn.</param>
/// <param name="Count">Images n.</param>
/// <param name="Plain">Untouched images: what the model file alone gives.</param>
/// <param name="WithTta">With test-time augmentation by <paramref name="Tta"/>.</param>
/// <param name="Tta">The views that voted.</param>
public sealed record BundleAccuracy(string Data, bool Synthetic, int Count, Proportion Plain, Proportion WithTta, Tta Tta);

/// <summary>From source to file.</summary>
/// <param name="Commit">Commit of the product's source; null where the build did not know it.</param>
/// <param name="TrainedOn">Device and precision of the training.</param>
/// <param name="Versions">Packages that trained the network, by name.</param>
public sealed record Provenance(string? Commit, string TrainedOn, IReadOnlyDictionary<string, string> Versions);
