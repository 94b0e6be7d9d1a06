namespace Airbench.Pipeline;

/// <summary>
/// Lines and columns of a text as editors count them: a line ends with \n, \r\n or \r. The YAML library also ends lines at characters that
/// editors show as part of the line, and points past the end of the text.
/// </summary>
internal sealed class TextLines
{
    private readonly string _file;
    private readonly int _length;
    private readonly List<int> _starts = [0];

    public TextLines(string text, string file)
    {
        (_file, _length) = (file, text.Length);
        for (var i = 0; (i = IndexOfBreak(text, i)) >= 0;)
        {
            i += text[i] == '\r' && i + 1 < text.Length && text[i + 1] == '\n' ? 2 : 1;
            _starts.Add(i);
        }
    }

    /// <summary>Line and column, both from 1, of the character at <paramref name="index"/>; past the end, the end.</summary>
    public SourcePosition At(long index)
    {
        var inside = (int)Math.Clamp(index, 0, _length);
        var found = _starts.BinarySearch(inside);
        var line = found >= 0 ? found : ~found - 1;
        return new(_file, line + 1, inside - _starts[line] + 1);
    }

    private static int IndexOfBreak(string text, int from) =>
        text.AsSpan(from).IndexOfAny('\n', '\r') is >= 0 and var found ? from + found : -1;
}
