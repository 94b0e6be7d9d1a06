using System.Text;
using System.Xml;
using System.Xml.Linq;

namespace Airbench.Report;

/// <summary>Elements of a page. Text is text: whatever it holds is escaped when the page is written, and there is no other way in.</summary>
internal static class Html
{
    /// <summary>Elements that have no end tag in HTML.</summary>
    private static readonly HashSet<string> Void = ["meta", "img", "br", "hr", "col"];

    /// <summary>An element; strings among <paramref name="content"/> become text, attributes attributes, nulls nothing.</summary>
    public static XElement Tag(string name, params object?[] content) => new(name, content);

    /// <summary>An element with a class attribute.</summary>
    public static XElement Classed(string name, string cssClass, params object?[] content) => new(name, new XAttribute("class", cssClass), content);

    /// <summary>An attribute; numbers are written invariantly.</summary>
    public static XAttribute Set(string name, object value) => new(name, value is double number ? Format.Plain(number) : value);

    /// <summary>A number in the cell of a table, aligned by its right end.</summary>
    public static XElement Number(string text) => Classed("td", "n", text);

    /// <summary>A table in a box of its own that scrolls where a phone is narrower than the table.</summary>
    public static XElement Table(IReadOnlyList<string> columns, IEnumerable<XElement> rows, int firstNumber = 1) =>
        Classed("div", "scroll", Tag("table",
            Tag("thead", Tag("tr", columns.Select((column, i) => Classed("th", i >= firstNumber ? "n" : "t", column)))),
            Tag("tbody", rows)));

    /// <summary>The whole document, which is well-formed XML too.</summary>
    /// <param name="root">The html element.</param>
    public static string Write(XElement root)
    {
        var text = new StringBuilder("<!DOCTYPE html>\n");
        Write(root, text);
        return text.Append('\n').ToString();
    }

    private static void Write(XElement element, StringBuilder text)
    {
        var name = element.Name.LocalName;
        text.Append('<').Append(name);
        foreach (var attribute in element.Attributes())
        {
            text.Append(' ').Append(attribute.Name.LocalName).Append("=\"");
            Escape(attribute.Value, text);
            text.Append('"');
        }
        if (Void.Contains(name))
        {
            text.Append("/>");
            return;
        }
        text.Append('>');
        foreach (var node in element.Nodes())
        {
            switch (node)
            {
                case XElement child:
                    Write(child, text);
                    break;
                case XText run when name == "style":
                    text.Append(run.Value);   // raw text in HTML; ours has none of the characters that XML minds
                    break;
                case XText run:
                    Escape(run.Value, text);
                    break;
            }
        }
        text.Append("</").Append(name).Append('>');
        if (name is "section" or "tr" or "table" or "div" or "p" or "h2" or "h3" or "svg" or "style" or "meta" or "li")
        {
            text.Append('\n');   // pages are compared by people
        }
    }

    /// <summary>Characters that neither XML nor HTML allows become U+FFFD: a class name may hold anything.</summary>
    private static void Escape(string value, StringBuilder text)
    {
        for (var i = 0; i < value.Length; i++)
        {
            var c = value[i];
            switch (c)
            {
                case '&':
                    text.Append("&amp;");
                    break;
                case '<':
                    text.Append("&lt;");
                    break;
                case '>':
                    text.Append("&gt;");
                    break;
                case '"':
                    text.Append("&quot;");
                    break;
                case '\'':
                    text.Append("&#39;");
                    break;
                default:
                    if (i + 1 < value.Length && XmlConvert.IsXmlSurrogatePair(value[i + 1], c))
                    {
                        text.Append(c).Append(value[++i]);
                    }
                    else
                    {
                        text.Append(XmlConvert.IsXmlChar(c) ? c : '\uFFFD');
                    }
                    break;
            }
        }
    }
}
