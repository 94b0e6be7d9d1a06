using System.Buffers;
using YamlDotNet.Core;
using YamlDotNet.Core.Events;

namespace Airbench.Pipeline;

/// <summary>
/// YAML text as a tree of positioned nodes, read from the parser's events. The library's own document tree recurses without
/// bound and stops at the first duplicate key; this one bounds the depth and gathers what is wrong. Anchors, aliases and tags
/// are refused: a pipeline needs none, and without them a small file cannot grow into a large tree.
/// </summary>
internal sealed class YamlReader
{
    public const int MaxCharacters = 1 << 20;
    private const int MaxDepth = 32;

    private static readonly SearchValues<char> Unprintable = SearchValues.Create(
        [.. Enumerable.Range(0, 0x80).Select(c => (char)c).Where(c => char.IsControl(c) && c is not ('\t' or '\n' or '\r'))]);

    private readonly Scanner _scanner;
    private readonly Parser _parser;
    private readonly Func<Mark, SourcePosition> _position;
    private readonly Problems _problems;

    private YamlReader(string text, Func<Mark, SourcePosition> position, Problems problems)
    {
        _scanner = new Scanner(new StringReader(text));
        _parser = new Parser(_scanner);
        _position = position;
        _problems = problems;
    }

    /// <summary>Reads a file's text; null where nothing can be made of it, and then a problem says why.</summary>
    public static Node? ReadFile(string text, string file, Problems problems)
    {
        var lines = new TextLines(text, file);
        return Read(text, mark => lines.At(mark.Index), problems);
    }

    /// <summary>Reads the value of a flag; empty text is null, as in a file.</summary>
    public static Node? ReadFlag(string text, string label, Problems problems) => string.IsNullOrWhiteSpace(text)
        ? new ScalarNode(SourcePosition.Flag(label), "", plain: true)
        : Read(text, _ => SourcePosition.Flag(label), problems);

    private static Node? Read(string text, Func<Mark, SourcePosition> position, Problems problems)
    {
        if (text.Length > MaxCharacters)
        {
            problems.Add(position(Mark.Empty), $"found {text.Length} characters; expected at most {MaxCharacters}");
            return null;
        }
        if (text.AsSpan().IndexOfAny(Unprintable) is >= 0 and var index)
        {
            // The library takes NUL for the end of the text, and would quietly drop what follows.
            problems.Add(position(new Mark(index, 1, 1)), $"found the control character U+{(int)text[index]:X4}; expected text");
            return null;
        }
        try
        {
            return new YamlReader(text, position, problems).Document();
        }
        catch (YamlException e)
        {
            var hint = text.Contains("${env:", StringComparison.Ordinal) ? "; inside of [ ] and { } a reference needs quotes: \"${env:NAME}\"" : "";
            problems.Add(position(e.Start), $"not valid YAML: {Quote.OneLine(e.Message)}{hint}");
            return null;
        }
    }

    private Node? Document()
    {
        Next<StreamStart>();
        if (!MoveNext() || _parser.Current is not DocumentStart)
        {
            _problems.Add(_position(Mark.Empty), "found nothing; expected a mapping");
            return null;
        }
        MoveNext();
        var root = ReadNode(0);
        Next<DocumentEnd>();
        if (MoveNext() && _parser.Current is DocumentStart second)
        {
            _problems.Add(_position(second.Start), "found a second document ('---'); expected one");
        }

        return root;
    }

    /// <summary>Reads the node whose first event is the current one; stays on its last event.</summary>
    private Node ReadNode(int depth)
    {
        var current = _parser.Current!;
        if (depth > MaxDepth)
        {
            throw new YamlException(current.Start, current.End, $"nested deeper than {MaxDepth} levels");
        }

        var at = _position(current.Start);
        if (current is NodeEvent { Anchor.IsEmpty: false })
        {
            _problems.Add(at, "found an anchor ('&'), which is not supported: write the value out where it is used");
        }

        if (current is NodeEvent { Tag.IsEmpty: false })
        {
            _problems.Add(at, "found a tag ('!'), which is not supported: the option decides the type");
        }

        switch (current)
        {
            case Scalar scalar:
                return new ScalarNode(at, scalar.Value, scalar.Style == ScalarStyle.Plain);
            case SequenceStart:
                var items = new List<Node>();
                while (MoveNext() && _parser.Current is not SequenceEnd)
                {
                    items.Add(ReadNode(depth + 1));
                }

                return new ListNode(at, items);
            case MappingStart:
                return ReadMap(at, depth);
            case AnchorAlias:
                _problems.Add(at, "found an alias ('*'), which is not supported: write the value out, or quote a text that begins so");
                return new ScalarNode(at, "", plain: true);
            default:
                throw new YamlException(current.Start, current.End, $"unexpected {current.GetType().Name}");
        }
    }

    private MapNode ReadMap(SourcePosition at, int depth)
    {
        var map = new MapNode(at);
        while (MoveNext() && _parser.Current is not MappingEnd)
        {
            var key = ReadNode(depth + 1);
            MoveNext();
            var value = ReadNode(depth + 1);
            if (key is not ScalarNode { IsNull: false } scalar)
            {
                _problems.Add(key.At, $"found {key.Found} as a key; expected a name");
            }
            else if (scalar is { Text: "<<", Plain: true })
            {
                _problems.Add(key.At, "found a merge key ('<<'), which is not supported: write the values out");
            }
            else if (map.Find(scalar.Text) is { } first)
            {
                _problems.Add(key.At, $"found the key {Quote.Show(scalar.Text)} a second time; the first is at {first.At}");
            }
            else
            {
                map.Set(new MapEntry(key.At, scalar.Text, value));
            }
        }
        return map;
    }

    private void Next<T>() where T : ParsingEvent
    {
        if (!MoveNext() || _parser.Current is not T)
        {
            var at = _scanner.CurrentPosition;
            throw new YamlException(at, at, $"expected {typeof(T).Name}");
        }
    }

    private bool MoveNext()
    {
        try
        {
            return _parser.MoveNext();
        }
        catch (Exception e) when (e is InvalidOperationException or ArgumentException)
        {
            // What the library throws for some broken texts: a flow collection that goes on left of its parent's indentation,
            // a tag that is no URI. Its own messages speak of its state and its parameters.
            var at = _scanner.CurrentPosition;
            throw new YamlException(at, at, "found a text that breaks YAML's rules of indentation or tags", e);
        }
    }
}
