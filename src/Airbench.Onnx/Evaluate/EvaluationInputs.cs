using Airbench.Data;

namespace Airbench.Onnx;

/// <summary>The files that an evaluation reads beside the artifacts it is given.</summary>
public static class EvaluationInputs
{
    /// <summary>Files and folders, some of which may not exist.</summary>
    /// <param name="options">With full paths.</param>
    public static IEnumerable<string> Files(EvaluateOptions options) =>
    [
        .. options.Data is { } data ? Quietly(data, LabelledFiles.FilesOf) : [],
        .. options.Labels is { } labels ? (string[])[labels] : [],
        .. options.Model.Where(model => !EvaluateOptions.IsVariant(model)).SelectMany(Model),
    ];

    private static IEnumerable<string> Model(string model)
    {
        var colon = model.LastIndexOf(':');
        return Directory.Exists(model) ? [model]
            : !File.Exists(model) && colon > 1 ? [model[..colon]]
            : Quietly(model, path => [path, .. ModelInspector.Inspect(path).ExternalFiles]);
    }

    /// <summary>A file that cannot be understood is still one that is read; the evaluation says what is wrong with it.</summary>
    private static List<string> Quietly(string path, Func<string, IEnumerable<string>> find)
    {
        try
        {
            return [.. find(path)];
        }
        catch (AirbenchException)
        {
            return [path];
        }
    }
}
