namespace Airbench.Onnx;

/// <summary>What a file's preprocessing is, or seems to be, for people.</summary>
internal static class PixelSurvey
{
    /// <summary>A sentence.</summary>
    /// <param name="facts">What the file says.</param>
    /// <param name="imported">The import; null where there is none.</param>
    /// <param name="said">What the user says.</param>
    /// <param name="isOpen">Whether neither says how pixels are scaled.</param>
    public static string Describe(ModelFacts facts, ImportedModel? imported, BackboneInput? said, bool isOpen)
    {
        if (imported is null)
        {
            return "not known, as it is not imported";
        }
        var (input, map) = (imported.Source.Input, imported.Pixels);
        if (!isOpen)
        {
            var source = said is not null ? "as given" : input.Type == "uint8" ? "it takes bytes" : "by the file's properties";
            return $"{source}: it {imported.PixelNote}";
        }
        var inside = map.Colour.SequenceEqual([0, 1, 2]) && map.IsUnshifted && map.Scale.All(scale => scale == 1) ? ""
            : $" The graph itself does this to them: {imported.PixelNote}.";
        var range = map is { IsUnshifted: true } && map.Scale.All(scale => scale == 1) ? Usual(imported.Source.Producer, input)
            : map.Scale.All(scale => Math.Abs(scale) < 0.1) || map.Shift.Any(shift => shift.Any(value => Math.Abs(value) > 3)) ? "it seems to take 0 to 255 (scale: 1)"
            : "it seems to take 0 to 1 (scale: 0.00392156862745098)";
        return $"not in the file; {range}.{inside}";
    }

    /// <summary>What the exporting framework's own models mostly take.</summary>
    private static string Usual(string producer, ModelInput input) =>
        producer.StartsWith("pytorch", StringComparison.OrdinalIgnoreCase)
            ? "of PyTorch's models nearly all take ImageNet's mean and deviation (scale: 0.00392156862745098, mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225])"
            : producer.StartsWith("CNTK", StringComparison.OrdinalIgnoreCase) ? "CNTK's models mostly take 0 to 255 in the order BGR, less a mean image (preprocess: the ONNX file that does it)"
            : producer.StartsWith("tf2onnx", StringComparison.OrdinalIgnoreCase) || producer.StartsWith("keras", StringComparison.OrdinalIgnoreCase) || input.Layout == PixelLayout.Nhwc
                ? "models of Keras and TensorFlow mostly take -1 to 1 (scale: 0.00784313725490196, mean: [1, 1, 1]), some 0 to 255 (scale: 1)"
            : "look it up where the model is from";
}
