namespace Airbench.Data;

/// <summary>
/// Which file belongs to which class and side, from paths and content hashes alone. <c>train/&lt;class&gt;/*</c> and
/// <c>test/&lt;class&gt;/*</c> say it themselves; where there is no <c>test/</c>, a file goes to the test side when its hash, read as
/// a fraction, is below the test fraction, so the same image lands on the same side whatever else is in the set.
/// </summary>
internal sealed class ClassLayout
{
    private readonly List<string> _warnings = [];
    private readonly Dictionary<string, int> _labels;

    private ClassLayout(
        string root, IReadOnlyList<ScannedFile> files, IReadOnlyCollection<string> folders, double testFraction, LeftOut leftOut)
    {
        var shape = TreeShape.Of([.. files.Select(f => f.Path)], folders);
        var places = files.Select(f => shape.Place(f.Path)).ToArray();
        (TestFolder, Expected) = (shape.TestFolder, shape.Expected);
        _warnings.AddRange(shape.Notes);
        foreach (var (file, _) in files.Zip(places).Where(f => f.Second is null))
        {
            leftOut.AddOutside(shape.Outside(file.Path), file.Path);
        }
        RefuseEmptyFolders(root, folders, shape, places, leftOut);

        var classes = Names(places.OfType<Place>().Where(p => p.Split != Split.Test));
        _labels = classes.Index().ToDictionary(c => c.Item, c => c.Index);
        Classes = classes;
        CheckClasses(root, shape, places);
        Placements = [.. places.Select(p => p is { } at ? new Placement(at.Split ?? Split.Train, _labels[at.Class]) : (Placement?)null)];
        if (TestFolder is null)
        {
            SplitByHash(files, testFraction);
        }
        if (!Placements.Any(p => p?.Split == Split.Test))
        {
            throw new DataException($"{root}: no image is left for the test split; add images, or a test/ folder");
        }
        WarnOfUntested();
    }

    /// <summary>Folder names in ordinal order; a label is an index into them.</summary>
    public IReadOnlyList<string> Classes { get; }

    /// <summary>The folder with the test split, such as test or val; null where there is none.</summary>
    public string? TestFolder { get; }

    /// <summary>Where images have to be.</summary>
    public string Expected { get; }

    /// <summary>For each file its place, or null where it is not part of the set.</summary>
    public Placement?[] Placements { get; }

    /// <summary>What the user should know.</summary>
    public IReadOnlyList<string> Warnings => _warnings;

    /// <summary>Decides for every file.</summary>
    /// <param name="root">The source, for messages.</param>
    /// <param name="files">Image files.</param>
    /// <param name="folders">Folders, so that empty ones are noticed.</param>
    /// <param name="testFraction">Share of the test side where there is no test/.</param>
    /// <param name="leftOut">Takes note of images outside of the class folders.</param>
    /// <exception cref="DataException">The folders do not make a data set; the message says what is missing.</exception>
    public static ClassLayout Of(
        string root, IReadOnlyList<ScannedFile> files, IReadOnlyCollection<string> folders, double testFraction, LeftOut leftOut)
    {
        if (files.Count > 0)
        {
            return new ClassLayout(root, files, folders, testFraction, leftOut);
        }
        throw new DataException($"{root}: holds no image; expected train/<class>/*, test/<class>/*, or <class>/*, of {ImageFormats.ReadNames}{Also(leftOut)}");
    }

    private static string Also(LeftOut leftOut) => string.Concat(leftOut.Lines().Select(line => $"; {line.Line}"));

    private static void RefuseEmptyFolders(string root, IReadOnlyCollection<string> folders, TreeShape shape, Place?[] places, LeftOut leftOut)
    {
        var filled = places.OfType<Place>().ToHashSet();
        foreach (var folder in folders.Order(StringComparer.Ordinal))
        {
            if (shape.ClassFolder(folder) is { } place && place.Split != Split.Test && !filled.Contains(place))
            {
                throw new DataException(
                    $"{root}: class folder '{folder}' holds no image that is read; add some ({ImageFormats.ReadNames}) or remove the folder{Also(leftOut)}");
            }
        }
    }

    private void CheckClasses(string root, TreeShape shape, Place?[] places)
    {
        if (TestFolder is not null && !shape.HasTrain)
        {
            throw new DataException($"{root}: has a {TestFolder}/ folder but no images in train/<class>/");
        }
        var untrained = Names(places.OfType<Place>().Where(p => !_labels.ContainsKey(p.Class)));
        if (untrained.Length > 0)
        {
            throw new DataException($"{root}: {TestFolder}/ has classes that train/ lacks: {Some(untrained)}");
        }
        if (Classes.Count < 2)
        {
            var found = Classes.Count == 0 ? "no class" : $"one class, '{Classes[0]}'";
            throw new DataException($"{root}: holds {found}; expected at least 2 folders with images, one per class");
        }
        if (Classes.FirstOrDefault(c => c.Any(char.IsControl)) is { } odd)
        {
            throw new DataException(
                $"{root}: the class folder '{odd}' has a control character in its name; rename it");
        }
    }

    private void SplitByHash(IReadOnlyList<ScannedFile> files, double testFraction)
    {
        var bound = testFraction * Math.Pow(2, 64);
        var byClass = files.Index()
            .Where(f => f.Item.Hash is not null && Placements[f.Index] is not null)
            .ToLookup(f => Placements[f.Index]!.Value.Label);
        List<string> moved = [], single = [];
        foreach (var label in Enumerable.Range(0, Classes.Count))
        {
            var hashes = byClass[label].Select(f => f.Item.Hash!.Value).Distinct().Order().ToArray();   // equal files stay together
            var testHashes = hashes.Count(h => h < bound);
            if (hashes.Length < 2)
            {
                testHashes = 0;
                single.Add(Classes[label]);
            }
            else if (testHashes == 0 || testHashes == hashes.Length)
            {
                testHashes = testHashes == 0 ? 1 : hashes.Length - 1;
                moved.Add(Classes[label]);
            }
            var test = hashes.AsSpan(0, testHashes);
            foreach (var (index, file) in byClass[label])
            {
                if (test.BinarySearch(file.Hash!.Value) >= 0)
                {
                    Placements[index] = new Placement(Split.Test, label);
                }
            }
        }
        if (moved.Count > 0)
        {
            _warnings.Add(
                $"one image each was moved so that training and test have some of {Some(moved)}: too few images for a split by hash");
        }
        if (single.Count > 0)
        {
            _warnings.Add($"a single image each, which goes to training: {Some(single)}");
        }
    }

    private void WarnOfUntested()
    {
        var tested = Placements.Where(p => p?.Split == Split.Test).Select(p => p!.Value.Label).ToHashSet();
        var untested = Classes.Where((_, label) => !tested.Contains(label)).ToArray();
        if (untested.Length > 0)
        {
            _warnings.Add($"no test images of {Some(untested)}: the test accuracy says nothing about them");
        }
    }

    private static string[] Names(IEnumerable<Place> places) => [.. places.Select(p => p.Class).Distinct().Order(StringComparer.Ordinal)];

    private static string Some(IReadOnlyCollection<string> names) =>
        string.Join(", ", names.Take(10)) + (names.Count > 10 ? $" and {names.Count - 10} more" : "");
}
