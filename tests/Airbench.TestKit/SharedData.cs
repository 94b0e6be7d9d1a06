namespace Airbench.Tests;

/// <summary>Data beside the repository, which tests use where they are: ../shared/data.</summary>
internal static class SharedData
{
    /// <summary>A folder of it; null where it is not there.</summary>
    public static string? Folder(string name)
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (Path.Combine(folder.FullName, "shared", "data", name) is var path && Directory.Exists(path))
            {
                return path;
            }
        }
        return null;
    }
}
