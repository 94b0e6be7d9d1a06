using System.Security.Cryptography;

namespace Airbench.FaultHost;

/// <summary>What every fast stage makes: some files, and a manifest with the hash of each.</summary>
internal abstract record Parts(string Folder) : Artifact(Folder)
{
    public const string ManifestName = "manifest.json";

    /// <summary>Hashes by file name.</summary>
    public sealed record Manifest(IReadOnlyDictionary<string, string> Files);

    /// <summary>Writes <paramref name="count"/> files that depend on nothing but <paramref name="key"/>.</summary>
    /// <returns>The folder.</returns>
    public static string Write(string folder, string key, FastOptions options, IProgress progress, CancellationToken cancel)
    {
        using var build = AtomicFolder.Create(folder);
        using var task = progress.Start("write", options.Files, "files");
        var files = new SortedDictionary<string, string>(StringComparer.Ordinal);
        for (var i = 0; i < options.Files; i++)
        {
            cancel.ThrowIfCancellationRequested();
            var name = FormattableString.Invariant($"part{i}.bin");
            // In pieces, so that a kill finds halves of files.
            using (var stream = System.IO.File.Create(build.File(name)))
            {
                var seed = SHA256.HashData(System.Text.Encoding.UTF8.GetBytes(FormattableString.Invariant($"{key}/{i}")));
                var bytes = new byte[options.Bytes];
                new Random(BitConverter.ToInt32(seed)).NextBytes(bytes);
                foreach (var piece in bytes.Chunk(Math.Max(1, options.Bytes / 4)))
                {
                    stream.Write(piece);
                    stream.Flush();
                }
            }
            Thread.Sleep(options.PauseMs);
            files.Add(name, Hash.OfFile(build.File(name)));
            task.Report(i + 1, $"of {key.Length} characters");
        }
        System.IO.File.WriteAllText(build.File(ManifestName), Json.Write(new Manifest(files)));
        return build.Commit();
    }

    /// <summary>The hash of all that lies in <paramref name="folder"/>.</summary>
    /// <exception cref="InvalidFileException">It is not what its manifest says: torn.</exception>
    public static string Check(string folder)
    {
        var manifest = Json.Read<Manifest>(Path.Combine(folder, ManifestName));
        foreach (var (name, hash) in manifest.Files)
        {
            var path = Path.Combine(folder, name);
            if (!System.IO.File.Exists(path) || Hash.OfFile(path) != hash)
            {
                throw new InvalidFileException(path, "is not what the manifest says");
            }
        }
        var found = Directory.GetFiles(folder).Length;
        return found == manifest.Files.Count + 1
            ? Hash.OfFile(Path.Combine(folder, ManifestName))
            : throw new InvalidFileException(folder, $"has {found} files; expected {manifest.Files.Count + 1}");
    }
}

internal sealed record Drawn(string Folder) : Parts(Folder);

internal sealed record Mixed(string Folder) : Parts(Folder);

internal sealed record Folded(string Folder) : Parts(Folder);

internal sealed record Scored(string Folder) : Parts(Folder);
