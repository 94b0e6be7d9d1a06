namespace Airbench.Data;

/// <summary>How the folders of a source are meant: with train/ and test/ or without, below one common folder or not.</summary>
/// <remarks>
/// A folder called train, test, val, valid or validation is a split where it holds folders with images, and so are training and testing where
/// there is nothing but splits. Where none does, and it holds images itself, it is a class: trains beside buses and cars.
/// </remarks>
internal sealed class TreeShape
{
    private const string Train = "train";
    private const string Test = "test";
    private const string Training = "training";
    private const string Testing = "testing";
    private static readonly string[] Validations = ["val", "valid", "validation"];

    private readonly string _top;      // the common folder with its slash, or empty
    private readonly bool _isSplit;
    private readonly string _train;    // the folder with the training split, where there is one

    private TreeShape(IReadOnlyCollection<string> images, IReadOnlyCollection<string> folders)
    {
        _top = CommonTop(images);
        var parts = images.Concat(folders.Select(folder => folder + "/"))
            .Where(path => path.StartsWith(_top, StringComparison.Ordinal))
            .Select(path => path[_top.Length..].Split('/', 3)).ToList();
        var nested = Names(parts.Where(part => part.Length == 3));
        var direct = Names(parts.Where(part => part is [_, { Length: > 0 }]));
        var empty = Names(parts.Where(part => part is [_, ""])).Except(nested.Concat(direct), StringComparer.OrdinalIgnoreCase);

        var isAllSplits = nested.Concat(direct).All(IsReserved);
        _train = !nested.Contains(Train) && nested.Contains(Training) && isAllSplits ? Training : Train;
        HasTrain = nested.Contains(_train);
        var validation = Validations.Prepend(Testing).FirstOrDefault(name => nested.Contains(name) && (name == Testing ? isAllSplits : HasTrain || isAllSplits));
        TestFolder = nested.Contains(Test) ? Test : validation ?? (HasTrain && empty.Contains(Test, StringComparer.OrdinalIgnoreCase) ? Test : null);
        _isSplit = HasTrain || TestFolder is not null;
        Notes = [.. NotesOf(direct), .. TwoForms(images), .. Alike(images), .. Repeated(parts, direct)];
    }

    /// <summary>Whether there is train/.</summary>
    public bool HasTrain { get; }

    /// <summary>The folder with the test split, such as test or val; null where there is none.</summary>
    public string? TestFolder { get; }

    /// <summary>Where images have to be.</summary>
    public string Expected => _isSplit ? $"{_train}/<class>/ or {TestFolder ?? Test}/<class>/" : "<class>/";

    /// <summary>What the user should know of how the folders were understood.</summary>
    public IReadOnlyList<string> Notes { get; }

    /// <summary>Reads the shape off the paths of images, at least one of every folder that has some, and of folders.</summary>
    public static TreeShape Of(IReadOnlyCollection<string> images, IReadOnlyCollection<string> folders) => new(images, folders);

    /// <summary>Class and side of a file; null where it is outside the class folders.</summary>
    public Place? Place(string file) => Locate(file) is { } parts && parts.Length > ClassDepth ? PlaceOf(parts) : null;

    /// <summary>Class and side of a folder that is a class folder itself; null for any other.</summary>
    public Place? ClassFolder(string folder) => Locate(folder) is { } parts && parts.Length == ClassDepth ? PlaceOf(parts) : null;

    /// <summary>Where a file is that has no place: "in val/", "directly in test/", "above the class folders".</summary>
    public string Outside(string file)
    {
        var parts = file.StartsWith(_top, StringComparison.Ordinal) ? file[_top.Length..].Split('/', 3) : [file];
        return parts.Length == 1 ? "above the class folders"
            : SideOf(parts[0]) is not null ? $"directly in {parts[0]}/"
            : $"in {parts[0]}/";
    }

    private int ClassDepth => _isSplit ? 2 : 1;

    private string[]? Locate(string path)
    {
        if (!path.StartsWith(_top, StringComparison.Ordinal))
        {
            return null;
        }
        var parts = path[_top.Length..].Split('/');
        return !_isSplit || SideOf(parts[0]) is not null ? parts : null;
    }

    private Place PlaceOf(string[] parts) => new(NormalFormC.Of(parts[ClassDepth - 1]), TestFolder is null ? null : SideOf(parts[0]));

    private Split? SideOf(string folder) =>
        folder.Equals(_train, StringComparison.OrdinalIgnoreCase) ? Split.Train
        : folder.Equals(TestFolder, StringComparison.OrdinalIgnoreCase) ? Split.Test
        : null;

    private IEnumerable<string> NotesOf(HashSet<string> direct)
    {
        if (HasTrain && _train != Train)
        {
            yield return $"{_train}/ is taken for the training split, as there is no train/ with classes";
        }
        if (TestFolder is not (null or Test))
        {
            yield return $"{TestFolder}/ is taken for the test split, as there is no test/ with classes";
        }
        foreach (var name in direct.Where(name => !_isSplit && IsReserved(name)).Order(StringComparer.Ordinal))
        {
            yield return $"{name}/ holds images itself, no class folders: it is taken for a class, not for a split";
        }
    }

    /// <summary>Two folders whose names differ in their bytes alone: macOS stores "é" as a letter and an accent, other systems as one.</summary>
    private IEnumerable<string> TwoForms(IReadOnlyCollection<string> images)
    {
        foreach (var group in ClassFolders(images).GroupBy(NormalFormC.Of, StringComparer.Ordinal).Where(group => group.Count() > 1).OrderBy(group => group.Key, StringComparer.Ordinal))
        {
            yield return $"{string.Join(" and ", group.Order(StringComparer.Ordinal).Select(Escaped))} are one name in two Unicode forms: taken for one class, {group.Key}";
        }
    }

    /// <summary>Names that people and some file systems take for the same.</summary>
    private IEnumerable<string> Alike(IReadOnlyCollection<string> images)
    {
        var names = ClassFolders(images).Select(folder => NormalFormC.Of(folder.Split('/')[^1])).Distinct(StringComparer.Ordinal);
        foreach (var group in names.GroupBy(name => name.Trim(), StringComparer.OrdinalIgnoreCase).Where(group => group.Count() > 1).OrderBy(group => group.Key, StringComparer.Ordinal))
        {
            yield return $"{string.Join(" and ", group.Order(StringComparer.Ordinal).Select(Quote.Show))} differ in case or spaces alone: they are taken for {group.Count()} classes; rename one if they are one";
        }
    }

    /// <summary>Folders that look like splits under names that are not known: cats and dogs in every one of them.</summary>
    private IEnumerable<string> Repeated(List<string[]> parts, HashSet<string> direct)
    {
        var inside = parts.Where(part => part.Length == 3).GroupBy(part => part[0], StringComparer.Ordinal)
            .Select(folder => (Name: folder.Key, Classes: folder.Select(part => part[1]).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal).ToList())).ToList();
        if (!_isSplit && direct.Count == 0 && inside.Count is 2 or 3 && inside[0].Classes.Count > 1 && inside.TrueForAll(folder => folder.Classes.SequenceEqual(inside[0].Classes)))
        {
            yield return $"{string.Join("/, ", inside.Select(folder => folder.Name).Order(StringComparer.Ordinal))}/ hold folders of the same names ({string.Join(", ", inside[0].Classes.Take(5))}) "
                + "and are taken for the classes. If they are splits, rename them to train/ and test/";
        }
    }

    private IEnumerable<string> ClassFolders(IReadOnlyCollection<string> images) =>
        images.Select(Locate).OfType<string[]>().Where(parts => parts.Length > ClassDepth)
            .Select(parts => string.Join('/', parts.Take(ClassDepth))).Distinct(StringComparer.Ordinal);

    private static string Escaped(string text) => string.Concat(text.Select(c => char.IsAscii(c) ? $"{c}" : FormattableString.Invariant($"\\u{(int)c:X4}")));

    private static bool IsReserved(string folder) =>
        Validations.Concat([Train, Test, Training, Testing]).Contains(folder, StringComparer.OrdinalIgnoreCase);

    private static HashSet<string> Names(IEnumerable<string[]> parts) => parts.Select(part => part[0]).ToHashSet(StringComparer.OrdinalIgnoreCase);

    /// <summary>Archives often wrap everything in one folder: "pets/train/cat/1.jpg", "pets/cat/1.jpg". An image beside it is in no class anyway.</summary>
    private static string CommonTop(IReadOnlyCollection<string> images)
    {
        var inside = images.Where(path => path.Contains('/', StringComparison.Ordinal)).ToList();
        if (inside.Count == 0)
        {
            return "";
        }
        var first = inside[0].Split('/')[0];
        var top = first + "/";
        var isCommon = !IsReserved(first) && inside.All(path => path.StartsWith(top, StringComparison.Ordinal) && path.AsSpan().Count('/') >= 2);
        return isCommon ? top : "";
    }
}
