using System.Xml.Linq;
using static Airbench.Report.Html;

namespace Airbench.Report;

/// <summary>The frame of a page: one file, no script, and a policy under which a browser would load nothing from elsewhere.</summary>
internal static class Page
{
    public static string Write(string title, params object?[] content) => Html.Write(Tag("html", Set("lang", "en"),
        Tag("head",
            Tag("meta", Set("charset", "utf-8")),
            Tag("meta", Set("name", "viewport"), Set("content", "width=device-width, initial-scale=1")),
            Tag("meta", Set("name", "color-scheme"), Set("content", "light dark")),
            Tag("meta", Set("http-equiv", "Content-Security-Policy"), Set("content", "default-src 'none'; img-src data:; style-src 'unsafe-inline'")),
            Tag("title", title),
            Tag("style", Style())),
        Tag("body", Tag("main", content))));

    /// <summary>A part of the page that the menu leads to.</summary>
    public static XElement Section(string id, string title, params object?[] content) => Tag("section", Set("id", id), Tag("h2", title), content);

    /// <summary>Names and values, one below the other; those without a value are left out.</summary>
    public static XElement Facts(params ReadOnlySpan<(string Name, object? Value)> facts)
    {
        var rows = new List<XElement>();
        foreach (var (name, value) in facts)
        {
            if (value is not null and not "")
            {
                rows.Add(Tag("tr", Tag("th", name), Tag("td", value)));
            }
        }
        return Classed("div", "scroll", Classed("table", "facts", Tag("tbody", rows)));
    }

    private static string Style()
    {
        using var reader = new StreamReader(typeof(Page).Assembly.GetManifestResourceStream("style.css")!);
        return reader.ReadToEnd().ReplaceLineEndings("\n");
    }
}
