using System.Xml.Linq;
using static Airbench.Report.Html;

namespace Airbench.Report;

/// <summary>Pictures inside of a page, which loads nothing.</summary>
internal static class Images
{
    /// <summary>The picture as an img element.</summary>
    /// <param name="picture">A whole file.</param>
    /// <param name="alternative">What it shows, for those who cannot see it.</param>
    /// <param name="cssClass">"pixels" and "augmented" show enlarged pixels as squares.</param>
    public static XElement Of(Picture picture, string alternative, string cssClass) => Tag("img",
        Set("src", $"data:{picture.MediaType};base64,{Convert.ToBase64String(picture.Bytes)}"), Set("alt", alternative), Set("class", cssClass));
}
