namespace Airbench.Data;

/// <summary>Last part of a path.</summary>
internal static class PathName
{
    /// <summary>Name of the file or folder that <paramref name="path"/> means from here, whether it ends in a separator or not.</summary>
    public static string Of(string path) => Path.GetFileName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(path)));
}
