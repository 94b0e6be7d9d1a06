namespace Airbench.Pipeline;

/// <summary>The files of an artifact, by their paths inside of its folder, with '/'.</summary>
internal static class ArtifactFiles
{
    /// <summary>Every file below <paramref name="folder"/> in the order of the paths; none where it does not exist.</summary>
    public static IEnumerable<string> In(string folder) => Directory.Exists(folder)
        ? Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories)
            .Select(file => Path.GetRelativePath(folder, file).Replace(Path.DirectorySeparatorChar, '/'))
            .Order(StringComparer.Ordinal)
        : [];

    /// <summary>Hashes of all files.</summary>
    /// <exception cref="IOException">A file cannot be read, or went away.</exception>
    public static SortedDictionary<string, string> Hashes(string folder, HashIndex index)
    {
        var hashes = new SortedDictionary<string, string>(StringComparer.Ordinal);
        foreach (var name in In(folder))
        {
            hashes.Add(name, index.Of(Path.Combine(folder, name)) ?? throw new IOException($"{Path.Combine(folder, name)}: disappeared while it was read"));
        }

        return hashes;
    }

    /// <summary>The first file below <paramref name="folder"/> that is not as <paramref name="outputs"/> say, and how: "model.onnx changed"; null where all are.</summary>
    public static string? Difference(string folder, IReadOnlyDictionary<string, string> outputs, HashIndex index)
    {
        if (!Directory.Exists(folder))
        {
            return "is gone";
        }

        foreach (var (name, hash) in outputs.OrderBy(output => output.Key, StringComparer.Ordinal))
        {
            var found = index.Of(Path.Combine(folder, name));
            if (found != hash)
            {
                return $"{name} {(found is null ? "is gone" : "changed")}";
            }
        }
        return null;
    }
}
