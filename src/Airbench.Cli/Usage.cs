using System.CommandLine;
using System.CommandLine.Parsing;
using Airbench.Pipeline;

namespace Airbench.Cli;

/// <summary>Words for a command line that cannot be understood: what is unknown, what was probably meant, what there is.</summary>
internal static class Usage
{
    private const string UnknownOptionText = "unknown option";

    /// <summary>A sentence for each problem; empty where there is none.</summary>
    public static IReadOnlyList<string> Problems(ParseResult parsed)
    {
        var command = parsed.CommandResult.Command;
        var messages = parsed.Errors.Select(error => error.Message).Distinct().ToList();
        if (messages.FindAll(message => message.StartsWith(UnknownOptionText, StringComparison.Ordinal)) is { Count: > 0 } taken)
        {
            return taken;   // for file names; a value behind one is left over
        }
        var unknown = Unknown(command, parsed.UnmatchedTokens).ToList();
        if (unknown.Count > 0)
        {
            return unknown;   // what else is missing may follow from them
        }
        if (IsVerbMissing(parsed))
        {
            return [$"found no command; expected `{Path(command)} COMMAND`, one of: {string.Join(", ", Verbs(command))}"];
        }
        return messages;
    }

    /// <summary>Where to read on.</summary>
    public static string Help(ParseResult parsed) => $"`{Path(parsed.CommandResult.Command)} --help` shows the usage.";

    /// <summary>An option that <paramref name="command"/> does not have.</summary>
    public static string UnknownOption(Command command, string option)
    {
        var known = Chain(command).SelectMany(one => one.Options).Where(one => !one.Hidden).SelectMany(one => one.Aliases.Prepend(one.Name));
        return $"{UnknownOptionText} '{option}'{Suggestion.For(option, known)}";
    }

    private static IEnumerable<string> Unknown(Command command, IReadOnlyList<string> tokens)
    {
        var isValue = false;   // of an option that is not known
        foreach (var token in tokens)
        {
            if (token.StartsWith('-') && token.Length > 1)
            {
                isValue = !token.Contains('=', StringComparison.Ordinal);
                yield return UnknownOption(command, token.Split('=')[0]);
                continue;
            }
            if (!isValue)
            {
                var verbs = Verbs(command).ToList();
                yield return verbs.Count > 0
                    ? $"unknown command '{token}'{Suggestion.For(token, verbs)}; expected one of: {string.Join(", ", verbs)}"
                    : $"unexpected argument '{token}'";
            }
            isValue = false;
        }
    }

    private static bool IsVerbMissing(ParseResult parsed) => parsed.Errors.Count > 0 && parsed.CommandResult.Command is { Action: null, Subcommands.Count: > 0 };

    private static IEnumerable<string> Verbs(Command command) => command.Subcommands.Where(verb => !verb.Hidden).Select(verb => verb.Name);

    private static string Path(Command command) => string.Join(' ', Chain(command).Reverse().Select(one => one is RootCommand ? "airbench" : one.Name));

    /// <summary>The command, the one that it belongs to, and so on to the root.</summary>
    private static IEnumerable<Command> Chain(Command command)
    {
        for (Command? one = command; one is not null; one = one.Parents.OfType<Command>().FirstOrDefault())
        {
            yield return one;
        }
    }
}
