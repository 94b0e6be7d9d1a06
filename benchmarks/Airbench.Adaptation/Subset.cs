using System.Text;

namespace Airbench.Adaptation;

/// <summary>Prepared sets made from a prepared set: some classes, some images of each, every image through a change.</summary>
internal static class Subset
{
    /// <summary>Changes one image [3,S,S] in place.</summary>
    public delegate void Change(Span<byte> image, int size);

    /// <summary>Writes the set to <paramref name="folder"/>; the same arguments give the same files.</summary>
    /// <param name="source">A prepared set.</param>
    /// <param name="folder">The new one.</param>
    /// <param name="classes">Its classes, in the order of the labels.</param>
    /// <param name="train">Training images of each class, at most.</param>
    /// <param name="test">Test images of each class, at most.</param>
    /// <param name="change">What happens to each image; null for nothing.</param>
    public static Dataset Write(Dataset source, string folder, IReadOnlyList<string> classes, int train, int test, Change? change = null)
    {
        using var build = AtomicFolder.Create(folder);
        var counts = new Dictionary<Split, int>();
        foreach (var (split, most) in ((Split, int)[])[(Split.Train, train), (Split.Test, test)])
        {
            using var images = source.OpenSplit(split);
            var chosen = Choose(images.Labels, [.. classes.Select(name => (long)source.Manifest.Classes.ToList().IndexOf(name))], most);
            var image = new byte[3 * images.ImageSize * images.ImageSize];
            using var writer = new TensorFileWriter(build.File(ImageSplit.FileName(split)));
            writer.Begin("images", TensorType.U8, 3, images.ImageSize, images.ImageSize);
            foreach (var (index, _) in chosen)
            {
                images.Images(index, 1).CopyTo(image);
                change?.Invoke(image, images.ImageSize);
                writer.Append<byte>(image);
            }
            writer.Begin("labels", TensorType.I64);
            writer.Append<long>([.. chosen.Select(c => c.Label)]);
            writer.Begin("paths", TensorType.U8);
            writer.Append<byte>(Encoding.UTF8.GetBytes(string.Concat(chosen.Select(c => $"{split}/{c.Index}\n"))));
            writer.Finish();
            counts[split] = chosen.Count;
        }
        var manifest = source.Manifest with
        {
            Name = Path.GetFileName(folder),
            Classes = classes,
            TrainCount = counts[Split.Train],
            TestCount = counts[Split.Test],
            DuplicatesAcrossSplits = 0,
            TrainSha256 = Hash.OfFile(build.File(ImageSplit.FileName(Split.Train))),
            TestSha256 = Hash.OfFile(build.File(ImageSplit.FileName(Split.Test))),
        };
        AtomicFolder.WriteFile(build.File(Dataset.ManifestName), Json.Write(manifest));
        return new Dataset(build.Commit(), manifest);
    }

    /// <summary>Spread evenly over the images of each class, which may be sorted by source.</summary>
    private static List<(int Index, long Label)> Choose(long[] labels, long[] wanted, int most)
    {
        var chosen = new List<(int Index, long Label)>();
        foreach (var (label, source) in wanted.Index())
        {
            var all = Enumerable.Range(0, labels.Length).Where(i => labels[i] == source).ToArray();
            var count = Math.Min(most, all.Length);
            chosen.AddRange(Enumerable.Range(0, count).Select(i => (all[(int)((long)i * all.Length / count)], (long)label)));
        }
        return [.. chosen.OrderBy(c => c.Index)];
    }

    /// <summary>Out of focus: a binomial filter of 5 x 5, twice.</summary>
    public static void Blur(Span<byte> image, int size)
    {
        for (var pass = 0; pass < 4; pass++)
        {
            var before = image.ToArray();
            var (dx, dy) = pass % 2 == 0 ? (1, 0) : (0, 1);
            for (var i = 0; i < image.Length; i++)
            {
                var (plane, y, x) = (i / (size * size) * size * size, i / size % size, i % size);
                var sum = 0;
                foreach (var (offset, weight) in ((int, int)[])[(-2, 1), (-1, 4), (0, 6), (1, 4), (2, 1)])
                {
                    sum += weight * before[plane + (Math.Clamp(y + (dy * offset), 0, size - 1) * size) + Math.Clamp(x + (dx * offset), 0, size - 1)];
                }
                image[i] = (byte)((sum + 8) / 16);
            }
        }
    }

    /// <summary>At dusk: a quarter of the light.</summary>
    public static void Darken(Span<byte> image, int size)
    {
        foreach (ref var value in image)
        {
            value = (byte)(value / 4);
        }
    }

    /// <summary>False colours: red, green and blue change places, and blue is inverted.</summary>
    public static void Recolour(Span<byte> image, int size)
    {
        var before = image.ToArray();
        var plane = size * size;
        for (var i = 0; i < plane; i++)
        {
            (image[i], image[plane + i], image[(2 * plane) + i]) = (before[plane + i], before[(2 * plane) + i], (byte)(255 - before[i]));
        }
    }
}
