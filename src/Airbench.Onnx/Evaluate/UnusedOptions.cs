namespace Airbench.Onnx;

/// <summary>An option that would change nothing is a mistake: whoever sets it believes that it does.</summary>
internal static class UnusedOptions
{
    /// <summary>Refuses options about ONNX files where every model is of a bundle, which says these things itself.</summary>
    /// <exception cref="ConfigurationException">One is set.</exception>
    public static void Refuse(IReadOnlyList<ModelReference> models, ClassifierOptions options)
    {
        if (models.All(model => model.Bundle is not null) && Set(options).ToList() is { Count: > 0 } set)
        {
            var flags = string.Join(", ", set.Select(key => $"--{key.Replace('_', '-')}"));
            throw new ConfigurationException(
                $"{string.Join(", ", set)}: {(set.Count == 1 ? "does" : "do")} nothing for a model of a bundle, which says itself what it takes and gives; leave out {flags}, or name an ONNX file as the model");
        }
    }

    /// <summary>Refuses options about files where the images are prepared.</summary>
    /// <exception cref="ConfigurationException">One is set.</exception>
    public static void RefuseForPrepared(EvaluateOptions options)
    {
        if (options.Data is null && options.NameEncoding is not null)
        {
            throw new ConfigurationException("name_encoding: does nothing for a prepared set, which has no names in a .zip; leave it out (--name-encoding)");
        }
    }

    private static IEnumerable<string> Set(ClassifierOptions options) => new (string Key, bool IsSet)[]
    {
        ("input_name", options.InputName is not null),
        ("layout", options.Layout is not null),
        ("color_order", options.ColorOrder is not null),
        ("scale", options.Scale is not null),
        ("mean", options.Mean is not null),
        ("std", options.Std is not null),
        ("image_size", options.ImageSize is not null),
        ("fit", options.Fit is not null),
        ("output_name", options.OutputName is not null),
        ("output_kind", options.OutputKind is not null),
        ("labels", options.Labels is not null),
    }.Where(option => option.IsSet).Select(option => option.Key);
}
