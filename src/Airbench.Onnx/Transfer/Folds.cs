namespace Airbench.Onnx;

/// <summary>Divides images into parts of nearly the same number of each class.</summary>
internal static class Folds
{
    /// <summary>The part of each image, 0 to <paramref name="count"/> - 1.</summary>
    /// <param name="labels">Class of each image.</param>
    /// <param name="count">Parts, at least 2.</param>
    /// <param name="random">Shuffles each class.</param>
    public static int[] Stratified(IReadOnlyList<int> labels, int count, Random random)
    {
        var (fold, next) = (new int[labels.Count], 0);
        foreach (var images in Enumerable.Range(0, labels.Count).GroupBy(i => labels[i]).OrderBy(group => group.Key))
        {
            var shuffled = images.ToArray();
            random.Shuffle(shuffled);
            foreach (var image in shuffled)
            {
                fold[image] = next++ % count;   // goes on where the class before ended: parts differ by one image at most
            }
        }
        return fold;
    }

    /// <summary>The images inside and outside of a part.</summary>
    public static (int[] Others, int[] Part) Split(int[] fold, int part) =>
        ([.. Enumerable.Range(0, fold.Length).Where(i => fold[i] != part)], [.. Enumerable.Range(0, fold.Length).Where(i => fold[i] == part)]);
}
