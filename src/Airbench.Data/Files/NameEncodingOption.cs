namespace Airbench.Data;

/// <summary>The option name_encoding, which every verb has that takes archives.</summary>
public static class NameEncodingOption
{
    /// <summary>For help texts and the schema.</summary>
    public const string Description =
        "Encoding of the names in a .zip that are not marked as UTF-8, for example cp437 or shift_jis; by default they must be UTF-8.";

    /// <summary>What is wrong with <paramref name="name"/>, as "key: found; expected"; null where it is none or one that is known.</summary>
    public static string? Problem(string? name) => name is null || ZipNames.IsKnown(name)
        ? null
        : $"name_encoding: found '{name}'; expected an encoding, such as cp437, shift_jis, gb18030 or windows-1252";

    /// <summary>Refuses the option where it would do nothing: whoever sets it believes that it does.</summary>
    /// <exception cref="ConfigurationException">It is set, and none of <paramref name="paths"/> is a .zip.</exception>
    internal static void RequireZip(string? name, params IEnumerable<string> paths)
    {
        if (name is not null && !paths.Any(IsZip))
        {
            throw new ConfigurationException($"name_encoding: does nothing for {string.Join(", ", paths)}, which {(paths.Count() == 1 ? "is" : "are")} no .zip; leave it out (--name-encoding)");
        }
    }

    private static bool IsZip(string path) =>
        File.Exists(path) && FileKind.Unusual(path) is null && FileTree.ArchiveKindOf(GivenFile.HeadOf(path)) == ArchiveKind.Zip;
}
