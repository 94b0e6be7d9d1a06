using System.Text;
using Airbench.Data;
using Airbench.Pipeline;

namespace Airbench.Cli;

/// <summary>A name for the pipeline that is made from the images' own.</summary>
internal static class FolderName
{
    private const string Fallback = "images";
    private const int Longest = 48;

    /// <summary>
    /// "My Photos.tar.gz" is my-photos. Another number is put behind it where data/&lt;name&gt; holds the images themselves or anything else
    /// that preparing must not replace.
    /// </summary>
    /// <param name="images">Full path of the folder or archive.</param>
    /// <param name="root">Full path of the folder that holds data/.</param>
    public static string For(string images, string root)
    {
        var name = Slug(Preparer.DatasetName(new PrepareOptions { Source = File.Exists(images) ? DataSource.Archive : DataSource.Folder, Path = images }));
        return Enumerable.Range(1, int.MaxValue - 1)
            .Select(n => n == 1 ? name : FormattableString.Invariant($"{name}-{n}"))
            .First(candidate => IsFree(Path.Combine(root, "data", candidate), images));
    }

    private static bool IsFree(string folder, string images)
    {
        var isSet = File.Exists(Path.Combine(folder, Dataset.ManifestName));
        var isEmpty = !Path.Exists(folder) || (Directory.Exists(folder) && !Directory.EnumerateFileSystemEntries(folder).Any());
        var holdsImages = (images + Path.DirectorySeparatorChar).StartsWith(folder + Path.DirectorySeparatorChar, StringComparison.OrdinalIgnoreCase);
        return (isSet || isEmpty) && !holdsImages;
    }

    private static string Slug(string text)
    {
        var slug = new StringBuilder();
        foreach (var c in text.ToLowerInvariant())
        {
            if (char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c) || (c is '_' or '.' && slug.Length > 0))
            {
                slug.Append(c);
            }
            else if (slug.Length > 0 && slug[^1] != '-')
            {
                slug.Append('-');
            }
        }
        var name = slug.ToString()[..Math.Min(slug.Length, Longest)].TrimEnd('-', '.');
        return Names.Problem(name) is null ? name : Fallback;
    }
}
