using System.Text;
using System.Text.RegularExpressions;

namespace Airbench.Pipeline;

/// <summary>A text with references as it was written, and the variables that it names.</summary>
internal sealed record EnvironmentText(string Text, IReadOnlyList<string> Names);

/// <summary>
/// <c>${env:NAME}</c> in the values of a pipeline: nothing else is put in place of anything. <c>$${</c> is the text <c>${</c>; of a row of
/// <c>$</c> before a brace every two are one.
/// </summary>
internal sealed partial class EnvironmentReferences(IReadOnlyCollection<string> declared, Func<string, string?> lookup)
{
    // A row of $ before {; where their number is odd, the last one begins a reference.
    [GeneratedRegex(@"(?<!\$)(?>\$+)\{", RegexOptions.CultureInvariant)]
    private static partial Regex Dollars { get; }

    [GeneratedRegex(@"\G\$\{env:([A-Za-z_][A-Za-z0-9_]{0,127})\}", RegexOptions.CultureInvariant)]
    private static partial Regex Reference { get; }

    [GeneratedRegex(@"^[A-Za-z_][A-Za-z0-9_]{0,127}\z", RegexOptions.CultureInvariant)]
    private static partial Regex NamePattern { get; }

    /// <summary>Regular expression of a name, for the schema.</summary>
    public const string NameExpression = "^[A-Za-z_][A-Za-z0-9_]{0,127}$";

    /// <summary>Regular expression of a value that is one reference, for the schema.</summary>
    public const string ReferenceExpression = @"^\$\{env:[A-Za-z_][A-Za-z0-9_]{0,127}\}$";

    /// <summary>Whether an environment variable can be called so here.</summary>
    public static bool IsName(string text) => NamePattern.IsMatch(text);

    /// <summary><paramref name="text"/> as it has to be written so that it is read as itself.</summary>
    public static string Escape(string text) => Dollars.Replace(text, row => new string('$', 2 * (row.Length - 1)) + "{");

    /// <summary>
    /// The node with every reference in its values, at any depth, replaced by the variable's value; keys stay as they are. A value whose
    /// reference cannot be taken says why (<see cref="ScalarNode.Problem"/>) to whoever binds it.
    /// </summary>
    public Node Expand(Node node)
    {
        switch (node)
        {
            case ScalarNode scalar:
                return Expand(scalar);
            case ListNode list:
                return new ListNode(list.At, [.. list.Items.Select(Expand)]);
            case MapNode map:
                foreach (var entry in map.Entries.ToList())
                {
                    map.Set(entry with { Value = Expand(entry.Value) });
                }

                return map;
            default:
                throw new ArgumentException($"{node.GetType().Name} holds no values", nameof(node));
        }
    }

    private ScalarNode Expand(ScalarNode scalar)
    {
        if (!scalar.Text.Contains("${", StringComparison.Ordinal))
        {
            return scalar;
        }

        var (names, result, position) = (new List<string>(), new StringBuilder(), 0);
        while (Dollars.Match(scalar.Text, position) is { Success: true } row)
        {
            var dollars = row.Length - 1;
            result.Append(scalar.Text, position, row.Index - position).Append('$', dollars / 2);
            position = row.Index + row.Length;
            if (dollars % 2 == 0)
            {
                result.Append('{');
                continue;
            }
            var start = row.Index + dollars - 1;
            var reference = Reference.Match(scalar.Text, start);
            var name = reference.Groups[1].Value;
            if (Problem(reference, scalar.Text, start) is { } problem)
            {
                return new ScalarNode(scalar.At, scalar.Text, scalar.Plain) { Problem = problem };
            }

            names.Add(name);
            result.Append(lookup(name));
            position = start + reference.Length;
        }
        result.Append(scalar.Text, position, scalar.Text.Length - position);
        // Quotes are needed around a reference in flow style, { epochs: "${env:EPOCHS}" }, and do not make a text of it.
        return names.Count > 0
            ? new ScalarNode(scalar.At, result.ToString(), plain: true) { Written = new EnvironmentText(scalar.Text, names) }
            : new ScalarNode(scalar.At, result.ToString(), plain: false);
    }

    private string? Problem(Match reference, string text, int start)
    {
        if (!reference.Success)
        {
            return $"found {Quote.Show(text[start..])}; expected ${{env:NAME}}, the only thing that is replaced here, or $${{ for the text ${{";
        }

        var name = reference.Groups[1].Value;
        return !declared.Contains(name)
                ? $"found ${{env:{name}}}, which is not declared{Suggestion.For(name, declared)}; add at the top: env: [{name}]"
            : lookup(name) is null ? $"the environment variable {name} is not set; expected a value (export {name}=...)"
            : null;
    }
}
