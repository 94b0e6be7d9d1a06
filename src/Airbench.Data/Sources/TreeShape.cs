namespace Airbench.Data;

/// <summary>How the folders of a source are meant: with train/ and test/ or without, below one common folder or not.</summary>
/// <param name="Top">The common folder with its slash, or empty.</param>
/// <param name="HasTrain">Whether there is train/.</param>
/// <param name="HasTest">Whether there is test/.</param>
internal sealed record TreeShape(string Top, bool HasTrain, bool HasTest)
{
    private int ClassDepth => HasTrain || HasTest ? 2 : 1;

    /// <summary>Where images have to be.</summary>
    public string Expected => HasTrain || HasTest ? "train/<class>/ or test/<class>/" : "<class>/";

    /// <summary>Reads the shape off the paths of images and folders.</summary>
    public static TreeShape Of(IReadOnlyCollection<string> images, IReadOnlyCollection<string> folders)
    {
        var top = CommonTop(images);
        var sides = images.Concat(folders.Select(f => f + "/"))
            .Where(p => p.StartsWith(top, StringComparison.Ordinal) && p.IndexOf('/', top.Length) > 0)
            .Select(p => SideOf(p[top.Length..p.IndexOf('/', top.Length)]))
            .ToHashSet();
        return new TreeShape(top, sides.Contains(Split.Train), sides.Contains(Split.Test));
    }

    /// <summary>Class and side of a file; null where it is outside the class folders.</summary>
    public Place? Place(string file) => Locate(file) is { } parts && parts.Length > ClassDepth ? PlaceOf(parts) : null;

    /// <summary>Class and side of a folder that is a class folder itself; null for any other.</summary>
    public Place? ClassFolder(string folder) => Locate(folder) is { } parts && parts.Length == ClassDepth ? PlaceOf(parts) : null;

    private string[]? Locate(string path)
    {
        if (!path.StartsWith(Top, StringComparison.Ordinal))
        {
            return null;
        }
        var parts = path[Top.Length..].Split('/');
        return ClassDepth == 1 || SideOf(parts[0]) is not null ? parts : null;
    }

    private Place PlaceOf(string[] parts) => new(parts[ClassDepth - 1], HasTest ? SideOf(parts[0]) : null);

    private static Split? SideOf(string folder) =>
        folder.Equals("train", StringComparison.OrdinalIgnoreCase) ? Split.Train
        : folder.Equals("test", StringComparison.OrdinalIgnoreCase) ? Split.Test
        : null;

    /// <summary>Archives often wrap everything in one folder: "pets/train/cat/1.jpg", "pets/cat/1.jpg".</summary>
    private static string CommonTop(IReadOnlyCollection<string> images)
    {
        var first = images.First().Split('/')[0];
        var top = first + "/";
        var isCommon = SideOf(first) is null && images.All(p => p.StartsWith(top, StringComparison.Ordinal) && p.Count(c => c == '/') >= 2);
        return isCommon ? top : "";
    }
}
