namespace Airbench.Onnx;

/// <summary>Labels of a data set as classes of a model, matched by name, in whatever Unicode form either is stored.</summary>
internal static class LabelMap
{
    /// <summary>For each class of the data the model's class of the same name.</summary>
    /// <exception cref="DataException">The model does not know a class of the data.</exception>
    public static int[] Match(string data, IReadOnlyList<string> dataClasses, string model, IReadOnlyList<string> modelClasses)
    {
        var places = new Dictionary<string, int>(StringComparer.Ordinal);
        foreach (var (index, name) in modelClasses.Index())
        {
            if (!places.TryAdd(NormalFormC.Of(name), index))
            {
                throw new DataException($"{model}: has two classes called '{name}' that differ in Unicode form only; labels cannot be matched with either");
            }
        }
        var unknown = dataClasses.Where(name => !places.ContainsKey(NormalFormC.Of(name))).ToList();
        return unknown.Count == 0
            ? [.. dataClasses.Select(name => places[NormalFormC.Of(name)])]
            : throw new DataException(
                $"data set {data} has the classes {Text(dataClasses)}; the model knows {Text(modelClasses)}: {model} has no class called " +
                $"{string.Join(", ", unknown.Take(5).Select(name => $"'{name}'"))}{(unknown.Count > 5 ? ", ..." : "")}. Classes are matched by name: rename one side");
    }

    private static string Text(IReadOnlyList<string> names) =>
        $"[{string.Join(", ", names.Take(12))}{(names.Count > 12 ? ", ..." : "")}] ({names.Count})";
}
