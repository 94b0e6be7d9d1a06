namespace Airbench.Onnx;

/// <summary>The option labels: a text file with the names of a model's classes, one a line in the order of its scores.</summary>
internal static class LabelsFile
{
    /// <summary>Reads the names.</summary>
    /// <param name="file">The text file.</param>
    /// <param name="model">The model file, for messages.</param>
    /// <param name="own">The names that the model has itself; null where it has none.</param>
    /// <exception cref="ConfigurationException">It is not there, no text, or says other classes than the model itself.</exception>
    public static IReadOnlyList<string> Read(string file, string model, IReadOnlyList<string>? own)
    {
        if (!File.Exists(file) || FileKind.Unusual(file) is not null)
        {
            throw new ConfigurationException(
                $"labels: {file} {(FileKind.Unusual(file) is { } what ? $"is {what}" : "does not exist")}; expected a text file with one class name a line");
        }
        var names = File.ReadLines(file).Select(line => line.Trim()).Where(line => line.Length > 0).Take(ModelDescription.MaxClasses + 1).ToList();
        if (names.Find(name => name.Contains('\uFFFD', StringComparison.Ordinal)) is { } garbled)
        {
            throw new ConfigurationException($"labels: {file} has the name '{garbled}', which is not UTF-8; save the file as UTF-8");
        }
        if (own is not null)
        {
            RequireSame(file, names, model, own);
        }
        return names;
    }

    /// <summary>Names in another order would turn right answers into wrong ones, and nobody would notice.</summary>
    private static void RequireSame(string file, List<string> names, string model, IReadOnlyList<string> own)
    {
        var difference = names.Count != own.Count
            ? $"has {names.Count} names, the model itself {own.Count}"
            : names.Zip(own).Index().Where(pair => !NormalFormC.AreSame(pair.Item.First, pair.Item.Second))
                .Select(pair => $"calls class {pair.Index + 1} '{pair.Item.First}', the model itself '{pair.Item.Second}'").FirstOrDefault();
        if (difference is not null)
        {
            throw new ConfigurationException($"labels: {file} contradicts {model}: it {difference}. Leave labels out (--labels): the model names its classes");
        }
    }
}
