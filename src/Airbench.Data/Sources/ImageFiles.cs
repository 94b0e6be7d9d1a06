namespace Airbench.Data;

/// <summary>An image file and the class it is said to be of; null where nothing is said.</summary>
internal readonly record struct ImageFile(TreeEntry Entry, string? Class);

/// <summary>Image files in a fixed order, from wherever, one at a time; can be walked more than once.</summary>
internal abstract class ImageFiles
{
    /// <summary>What the user named, for messages.</summary>
    public abstract string Root { get; }

    /// <summary>Every image. An entry can be read until the next is asked for.</summary>
    public abstract IEnumerable<ImageFile> Walk();

    /// <summary>A file whose bytes are all the content, an archive; null where the content lies in files of its own.</summary>
    public virtual string? Container => null;

    /// <summary>Said once about the whole.</summary>
    public virtual IReadOnlyList<string> Warnings => [];
}

/// <summary>A directory or archive, its classes (if <paramref name="labelled"/>) by folders as <see cref="ClassLayout"/> reads them.</summary>
/// <param name="tree">Where the files are.</param>
/// <param name="labelled">Whether the folders are classes.</param>
/// <param name="split">Which side is taken where there is train/ or test/.</param>
/// <param name="prefix">Stands before each path, with its separator.</param>
internal sealed class TreeFiles(FileTree tree, bool labelled, Split split, string prefix = "") : ImageFiles
{
    private readonly List<string> _warnings = [];
    private TreeShape? _shape;

    /// <inheritdoc/>
    public override string Root => tree.Root;

    /// <inheritdoc/>
    public override string? Container => tree is FolderTree ? null : tree.Root;

    /// <inheritdoc/>
    public override IReadOnlyList<string> Warnings => _warnings;

    /// <inheritdoc/>
    public override IEnumerable<ImageFile> Walk() => labelled ? WalkClasses() : Images().Select(entry => new ImageFile(Named(entry), null));

    private IEnumerable<ImageFile> WalkClasses()
    {
        var shape = _shape ??= FindShape();
        foreach (var entry in Images())
        {
            if (shape.Place(entry.Path) is { } place && (place.Split ?? split) == split)
            {
                yield return new ImageFile(Named(entry), place.Class);
            }
        }
    }

    /// <summary>Reads the meaning of the folders off one file of each: memory goes with folders, not with images.</summary>
    private TreeShape FindShape()
    {
        var examples = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var entry in Images())
        {
            examples.TryAdd(entry.Path[..(entry.Path.LastIndexOf('/') + 1)], entry.Path);
        }
        if (examples.Count == 0)
        {
            throw new DataException($"{Root}: holds no .jpg, .jpeg or .png file; expected <class>/*, or test/<class>/*");
        }
        var shape = TreeShape.Of(examples.Values, []);
        var outside = examples.Values.Where(path => shape.Place(path) is null).ToList();
        if (outside.Count > 0)
        {
            _warnings.Add($"images that do not lie in {shape.Expected} are left out, for example {outside[0]}");
        }
        return shape;
    }

    private IEnumerable<TreeEntry> Images() =>
        tree.Walk().Where(entry => !entry.IsFolder && !EntryName.IsHidden(entry.Path) && ImageDecoder.HasImageExtension(entry.Path));

    private TreeEntry Named(TreeEntry entry) => prefix.Length == 0 ? entry : entry with { Path = prefix + entry.Path };
}

/// <summary>One file by its name; it need not exist: that is for its row to say.</summary>
internal sealed class SingleFile(string path) : ImageFiles
{
    /// <inheritdoc/>
    public override string Root => path;

    /// <inheritdoc/>
    public override IEnumerable<ImageFile> Walk() => [new ImageFile(new Entry(path), null)];

    private sealed record Entry(string Name) : LooseFile(Name, false, 1, Name);
}

/// <summary>Several, one after the other.</summary>
internal sealed class JoinedFiles(IReadOnlyList<ImageFiles> parts) : ImageFiles
{
    /// <inheritdoc/>
    public override string Root => string.Join(", ", parts.Select(part => part.Root));

    /// <inheritdoc/>
    public override IReadOnlyList<string> Warnings => [.. parts.SelectMany(part => part.Warnings)];

    /// <inheritdoc/>
    public override IEnumerable<ImageFile> Walk() => parts.SelectMany(part => part.Walk());
}
