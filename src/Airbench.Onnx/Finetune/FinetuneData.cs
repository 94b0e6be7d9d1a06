namespace Airbench.Onnx;

/// <summary>Images of one data set, divided: what is learned from, what chooses the epoch, and the test split, which only the report sees.</summary>
internal sealed class FinetuneData : IDisposable
{
    /// <summary>Fewest images of a class, in both splits together.</summary>
    public const int MinImages = 5;

    private FinetuneData(Dataset dataset, int[] rows, ImageSplit train, ImageSplit test, int[] fit, int[] heldOut)
    {
        (Dataset, Rows, Train, Test, Fit, HeldOut) = (dataset, rows, train, test, fit, heldOut);
    }

    public Dataset Dataset { get; }

    /// <summary>Row of the head for each class of the data; -1 where there is none.</summary>
    public int[] Rows { get; }

    /// <summary>Classes that the head knows.</summary>
    public int ClassCount => Rows.Count(row => row >= 0);

    public ImageSplit Train { get; }

    public ImageSplit Test { get; }

    /// <summary>Training images to learn from.</summary>
    public int[] Fit { get; }

    /// <summary>Held-out training images.</summary>
    public int[] HeldOut { get; }

    /// <summary>Opens the new data.</summary>
    /// <param name="dataset">Prepared as the model takes images.</param>
    /// <param name="network">That of the model.</param>
    /// <param name="rows">Row of the head for each class.</param>
    /// <param name="heldOut">Share of each class's training images to hold out, at least one.</param>
    /// <param name="random">Decides which.</param>
    /// <exception cref="DataException">Too few classes or images, or it was prepared otherwise.</exception>
    public static FinetuneData OpenNew(Dataset dataset, NetworkSpec network, int[] rows, double heldOut, Random random)
    {
        var manifest = dataset.Manifest;
        if (manifest.Classes.Count < 2)
        {
            throw new DataException(
                $"{dataset.Folder} has only the class '{string.Join(", ", manifest.Classes)}'; fine-tuning needs at least two, as it learns to tell them apart: " +
                "add a folder of images of something else");
        }
        return Open(dataset, network, rows, heldOut, int.MaxValue, random, (train, test) =>
        {
            var counts = new int[manifest.Classes.Count];
            var trained = new int[manifest.Classes.Count];
            foreach (var label in train.Labels)
            {
                counts[label]++;
                trained[label]++;
            }
            foreach (var label in test.Labels)
            {
                counts[label]++;
            }
            var few = manifest.Classes.Index().Where(c => counts[c.Index] < MinImages || trained[c.Index] < 2).ToList();
            if (few.Count > 0)
            {
                throw new DataException(
                    $"{dataset.Folder} has too few images of {string.Join(", ", few.Take(10).Select(c => $"'{c.Item}' ({trained[c.Index]} to train, {counts[c.Index]} in all)"))}; " +
                    $"fine-tuning needs at least {MinImages} of each class, 2 of them in the training split: add images, or leave the class out");
            }
        });
    }

    /// <summary>Opens the old data; at most <paramref name="mostHeldOut"/> of its images judge the epochs.</summary>
    /// <exception cref="DataException">It was prepared otherwise, or none of its classes is in the head.</exception>
    public static FinetuneData OpenOld(Dataset dataset, NetworkSpec network, int[] rows, double heldOut, int mostHeldOut, Random random)
    {
        if (rows.All(row => row < 0))
        {
            throw new DataException(
                $"old data {dataset.Folder} has the classes {string.Join(", ", dataset.Manifest.Classes.Take(12))}, none of which the new head has: " +
                "keep them with keep_classes: true, or leave old_data out");
        }
        return Open(dataset, network, rows, heldOut, mostHeldOut, random, (_, _) => { });
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Train.Dispose();
        Test.Dispose();
    }

    private static FinetuneData Open(
        Dataset dataset, NetworkSpec network, int[] rows, double share, int most, Random random, Action<ImageSplit, ImageSplit> check)
    {
        if (dataset.Manifest.ImageSize != network.ImageSize)
        {
            throw new DataException(
                $"{dataset.Folder} has images of {dataset.Manifest.ImageSize} pixels; the model takes {network.ImageSize}: " +
                $"prepare it again with image_size: {network.ImageSize}, or give the folder of the images themselves");
        }
        if (dataset.Manifest.Fit != network.Fit)
        {
            var (made, taken) = (dataset.Manifest.Fit.ToString().ToLowerInvariant(), network.Fit.ToString().ToLowerInvariant());
            throw new DataException(
                $"{dataset.Folder} was prepared with fit: {made}; the model takes fit: {taken}: " +
                $"prepare it again with fit: {taken}, or give the folder of the images themselves");
        }
        var train = dataset.OpenSplit(Split.Train);
        try
        {
            var test = dataset.OpenSplit(Split.Test);
            try
            {
                check(train, test);
                var (fit, heldOut) = Divide(train.Labels, rows, share, most, random);
                return new FinetuneData(dataset, rows, train, test, fit, heldOut);
            }
            catch
            {
                test.Dispose();
                throw;
            }
        }
        catch
        {
            train.Dispose();
            throw;
        }
    }

    /// <summary>Class by class, so that each is on both sides.</summary>
    private static (int[] Fit, int[] HeldOut) Divide(long[] labels, int[] rows, double share, int most, Random random)
    {
        var (fit, heldOut) = (new List<int>(), new List<int>());
        var known = Enumerable.Range(0, labels.Length).Where(i => rows[labels[i]] >= 0).GroupBy(i => labels[i]).OrderBy(g => g.Key).ToList();
        foreach (var images in known.Select(group => group.ToArray()))
        {
            random.Shuffle(images);
            var aside = share == 0 ? 0 : Math.Clamp((int)Math.Round(share * images.Length), 1, Math.Min(images.Length - 1, Math.Max(1, most / known.Count)));
            heldOut.AddRange(images[..aside]);
            fit.AddRange(images[aside..]);
        }
        return ([.. fit.Order()], [.. heldOut.Order()]);
    }
}
