namespace Airbench.Onnx;

/// <summary>What a foreign model takes: from its signature and properties and from what the user says.</summary>
internal static class ForeignInput
{
    /// <summary>Height and width that nearly every network of photos was trained for.</summary>
    private const int DefaultImageSize = 224;

    /// <summary>Checks options that need no file.</summary>
    /// <exception cref="ConfigurationException">They are out of range or contradict each other.</exception>
    public static void Check(string path, ImportOptions options)
    {
        var problem = options switch
        {
            { Preprocess: not null } when options is not { Scale: null, Mean: null, Std: null, Order: null } =>
                "preprocess makes the model's input of pixels; leave out scale, mean, std and color_order",
            { ImageSize: < 1 or > ModelDescription.MaxImageSize } => $"image_size: {options.ImageSize}; expected 1 to {ModelDescription.MaxImageSize}",
            _ => PixelNumbers.Problems(options.Scale, options.Mean, options.Std).FirstOrDefault(),
        };
        if (problem is not null)
        {
            throw new ConfigurationException($"{path}: {problem}");
        }
    }

    /// <summary>Describes the input of the model in <paramref name="path"/>; nothing of it is parsed or run before this has passed.</summary>
    /// <exception cref="ConfigurationException">Something is left open; the message has values to paste.</exception>
    /// <exception cref="InvalidFileException">It takes no colour images.</exception>
    public static ModelInput Describe(string path, ModelFacts facts, ImportOptions options)
    {
        if (facts.Graph.Nodes.Find(node => node.Domain == "ai.onnx.ml") is { } table)
        {
            throw new InvalidFileException(path,
                $"has {table} of the domain ai.onnx.ml: a model of tables of numbers, as scikit-learn's are written (skl2onnx). Expected a network of images");
        }
        if (LeavesValuesOpen(facts, options))
        {
            throw new ConfigurationException(
                $"""
                {path}: what its input {Image(facts)} takes of pixels from 0 to 255 is not in the file; say how they are scaled, value = (pixel * scale - mean) / std:
                  scale: 0.00392156862745098, mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225]   ImageNet's mean and deviation, as torchvision and timm have it
                  scale: 0.00784313725490196, mean: [1, 1, 1]                                           -1 to 1, as many of Keras and TensorFlow have it
                  scale: 0.00392156862745098                                                            0 to 1
                  scale: 1                                                                              0 to 255
                and color_order: bgr if blue comes first, or preprocess: the ONNX file that makes its input of pixels
                """);
        }
        if (LeavesLayoutOpen(facts))
        {
            throw new InvalidFileException(path,
                $"has the input {Image(facts)}, whose shape leaves open which dimension has the colours; expected 3 there: export it with only the batch open, or give it the property layout: nchw or nhwc");
        }
        return ModelDescription.ReadInput(path, facts, new ClassifierOptions
        {
            ImageSize = options.ImageSize ?? (LeavesSizeOpen(facts) ? DefaultImageSize : null),
            Scale = options.Scale ?? (options.Preprocess is null ? null : 1),
            Mean = options.Mean,
            Std = options.Std,
            ColorOrder = options.Order,
        });
    }

    /// <summary>Whether neither the file nor the options say what the model takes of pixels.</summary>
    public static bool LeavesValuesOpen(ModelFacts facts, ImportOptions options) =>
        Image(facts) is { Type: not "uint8" } && options.Scale is null && options.Preprocess is null && !facts.Metadata.ContainsKey("scale");

    /// <summary>Whether the file does not say which dimension of its images has the colours.</summary>
    public static bool LeavesLayoutOpen(ModelFacts facts) =>
        Image(facts) is { Shape: [_, 3, _, 3] or [_, < 0, _, not (1 or 3)] or [_, not (1 or 3), _, < 0] } && !facts.Metadata.ContainsKey("layout");

    /// <summary>Whether the file does not say the height and width of its images.</summary>
    public static bool LeavesSizeOpen(ModelFacts facts) =>
        Image(facts) is { } image && image.Shape.Skip(1).Any(extent => extent < 0) && !facts.Metadata.ContainsKey(ModelMetadata.ImageSizeKey);

    private static TensorSignature? Image(ModelFacts facts) => facts.Graph.Inputs.Find(input => input.Shape.Count == 4);
}
