namespace Airbench.Data;

/// <summary>Names of files in archives and directories: which are safe and which are no content.</summary>
internal static class EntryName
{
    /// <summary><paramref name="name"/> without "./", doubled and final slashes; empty for the root itself.</summary>
    /// <exception cref="DataException">The name is absolute or climbs out of the archive.</exception>
    public static string Normalize(string archive, string name)
    {
        var parts = name.Split('/', '\\');   // a backslash separates on Windows and in archives made there
        if (name.StartsWith('/') || name.StartsWith('\\') || (parts[0].Length == 2 && parts[0][1] == ':'))
        {
            throw Refused(archive, name, "an absolute path");
        }
        if (parts.Contains(".."))
        {
            throw Refused(archive, name, "a path with '..'");
        }
        if (name.Contains('\uFFFD', StringComparison.Ordinal))   // what a decoder puts in the place of bytes that mean nothing
        {
            throw new DataException($"{archive}: entry '{name.ReplaceLineEndings("\uFFFD")}' has a name that is not UTF-8. Repack with UTF-8 names");
        }
        return string.Join('/', parts.Where(part => part is not ("" or ".")));
    }

    /// <summary>Whether a path is what systems leave beside the content: .DS_Store, .git, __MACOSX.</summary>
    public static bool IsHidden(string path) => path.Split('/').Any(part => part.StartsWith('.') || part == "__MACOSX");

    /// <summary>The error for an entry that must not be unpacked.</summary>
    public static DataException Refused(string archive, string name, string what) =>
        new($"{archive}: entry '{name}' is {what}; such archives are refused. Repack plain files.");
}
