namespace Airbench.Onnx;

/// <summary>Labels of a data set as classes of a model, matched by name.</summary>
internal static class LabelMap
{
    /// <summary>For each class of the data the model's class of the same name.</summary>
    /// <exception cref="DataException">The model does not know a class of the data.</exception>
    public static int[] Match(string data, IReadOnlyList<string> dataClasses, string model, IReadOnlyList<string> modelClasses)
    {
        var places = modelClasses.Index().ToDictionary(c => c.Item, c => c.Index, StringComparer.Ordinal);
        var unknown = dataClasses.Where(name => !places.ContainsKey(name)).ToList();
        return unknown.Count == 0
            ? [.. dataClasses.Select(name => places[name])]
            : throw new DataException(
                $"data set {data} has the classes {Text(dataClasses)}; the model knows {Text(modelClasses)}: {model} has no class called " +
                $"{string.Join(", ", unknown.Take(5).Select(name => $"'{name}'"))}{(unknown.Count > 5 ? ", ..." : "")}. Classes are matched by name: rename one side");
    }

    private static string Text(IReadOnlyList<string> names) =>
        $"[{string.Join(", ", names.Take(12))}{(names.Count > 12 ? ", ..." : "")}] ({names.Count})";
}
