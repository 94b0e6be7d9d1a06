using System.Text;
using System.Text.RegularExpressions;

namespace Airbench.Pipeline;

/// <summary>
/// Records of stages as YAML: <c>&lt;pipeline&gt;.lock.yaml</c> beside the pipeline has those of the last results, an entry of the cache has its own.
/// </summary>
internal static partial class RecordFile
{
    // All values are read as texts, so numbers need no quotes; a colon or a hash would, and so would what YAML has a meaning for in front.
    [GeneratedRegex(@"^[A-Za-z0-9.][A-Za-z0-9_./+-]*( [A-Za-z0-9_./+-]+)*\z", RegexOptions.CultureInvariant)]
    private static partial Regex Plain { get; }

    /// <summary>Lock file of the pipeline called <paramref name="pipeline"/>.</summary>
    public static string LockName(string pipeline) => $"{pipeline}.lock.yaml";

    /// <summary><paramref name="text"/> as a YAML scalar; different texts never become the same.</summary>
    public static string Text(string text) => Plain.IsMatch(text) && text is not ("null" or "...") ? text : ResolvedYaml.Text(text);

    /// <summary>Writes the records, one a stage, in one step.</summary>
    public static void Write(string path, string comment, IEnumerable<(string Stage, ResultRecord Record)> records)
    {
        var text = new StringBuilder("# ").Append(comment).Append('\n');
        foreach (var (stage, record) in records)
        {
            text.Append(record.Write(stage));
        }

        AtomicFolder.WriteFile(path, text.ToString());
    }

    /// <summary>Reads a file of records.</summary>
    /// <param name="path">Where it is, or is not.</param>
    /// <param name="problem">Why nothing of it is used, where it is there and damaged; else null.</param>
    public static IReadOnlyDictionary<string, ResultRecord> Read(string path, out string? problem)
    {
        problem = null;
        var records = new Dictionary<string, ResultRecord>(StringComparer.Ordinal);
        try
        {
            var problems = new Problems();
            if (YamlReader.ReadFile(File.ReadAllText(path), Path.GetFileName(path), problems) is MapNode map)
            {
                foreach (var stage in map.Entries)
                {
                    records.Add(stage.Key, ResultRecord.Read(stage.Value as MapNode ?? throw new FormatException($"{stage.At}: found {stage.Value.Found}; expected a mapping")));
                }
            }
            problems.ThrowIfAny();
            return records;
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            problem = e.Message;
        }
        catch (Exception e) when (e is FormatException or ConfigurationException)
        {
            problem = Quote.OneLine(e.Message);
        }
        return new Dictionary<string, ResultRecord>();
    }
}
