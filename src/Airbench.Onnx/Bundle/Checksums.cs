using System.Buffers;
using System.Text;

namespace Airbench.Onnx;

/// <summary><c>SHA256SUMS</c>: every other file of the bundle, in the form that <c>sha256sum --check</c> reads.</summary>
internal static class Checksums
{
    /// <summary>Name of the file.</summary>
    public const string FileName = "SHA256SUMS";

    private static readonly SearchValues<char> HexDigits = SearchValues.Create("0123456789abcdef");

    /// <summary>Where the commands of the model card put other people's packages; an export leaves nothing there.</summary>
    private static readonly string[] ForeignPlaces = ["web/ort/", "samples/javascript/node_modules/", "samples/javascript/package-lock.json"];

    /// <summary>Whether <paramref name="path"/> is where a user installs packages beside the samples and the page.</summary>
    public static bool IsForeign(string path) => ForeignPlaces.Any(place => path.StartsWith(place, StringComparison.Ordinal));

    /// <summary>Every file under <paramref name="folder"/>, relative, with slashes, in ordinal order.</summary>
    public static IReadOnlyList<string> Files(string folder) =>
    [
        .. Directory.EnumerateFiles(folder, "*", new EnumerationOptions { RecurseSubdirectories = true, AttributesToSkip = 0 })
            .Select(file => Path.GetRelativePath(folder, file).Replace(Path.DirectorySeparatorChar, '/'))
            .Order(StringComparer.Ordinal),
    ];

    /// <summary>Writes the sums of all files in <paramref name="folder"/>.</summary>
    public static void Write(string folder)
    {
        var text = new StringBuilder();
        foreach (var file in Files(folder).Where(file => file != FileName && !IsForeign(file)))
        {
            text.Append(Hash.OfFile(Path.Combine(folder, file))).Append("  ").Append(file).Append('\n');
        }
        File.WriteAllText(Path.Combine(folder, FileName), text.ToString());
    }

    /// <summary>What differs between the folder and its sums, one sentence a file; empty where nothing does.</summary>
    public static IEnumerable<string> Differences(string folder)
    {
        var sums = Path.Combine(folder, FileName);
        if (!File.Exists(sums))
        {
            yield return $"{FileName}: missing; without it the files cannot be checked";
            yield break;
        }
        FileKind.Require(sums);
        var expected = new Dictionary<string, string>(StringComparer.Ordinal);
        var lines = File.ReadAllText(sums, Encoding.Latin1).Split('\n');   // every byte is kept, whatever it is
        if (lines[^1].Length > 0)
        {
            yield return $"{FileName}: does not end with a line break: cut off or changed";
        }
        foreach (var (i, line) in lines.Take(lines.Length - (lines[^1].Length > 0 ? 0 : 1)).Index())
        {
            if (!IsEntry(line))
            {
                yield return $"{FileName}: line {i + 1} is not 64 lower-case hexadecimal digits, two spaces and a path";
            }
            else if (!expected.TryAdd(Encoding.UTF8.GetString(Encoding.Latin1.GetBytes(line[66..])), line[..64]))
            {
                yield return $"{FileName}: line {i + 1} names '{line[66..]}' again";
            }
        }
        var present = Files(folder).Where(file => file != FileName).ToHashSet(StringComparer.Ordinal);
        foreach (var (file, hash) in expected)
        {
            if (!present.Remove(file))
            {
                yield return $"{file}: missing; {FileName} lists it";
            }
            else if (Hash.OfFile(Path.Combine(folder, file)) is var found && found != hash)
            {
                yield return $"{file}: has sha256 {found}; {FileName} says {hash}: changed since the export";
            }
        }
        foreach (var file in present.Where(file => !IsForeign(file)).Order(StringComparer.Ordinal))
        {
            yield return $"{file}: extra; {FileName} does not list it";
        }
    }

    private static bool IsEntry(string line) =>
        line.Length > 66 && line[64] == ' ' && line[65] == ' ' && !line.AsSpan(0, 64).ContainsAnyExcept(HexDigits);
}
