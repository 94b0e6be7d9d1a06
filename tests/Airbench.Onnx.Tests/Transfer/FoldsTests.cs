using Airbench.Onnx;
using CsCheck;

namespace Airbench.Tests;

/// <summary>Divisions of images.</summary>
public sealed class FoldsTests
{
    [Fact]
    public void Every_image_is_in_one_part_and_no_part_has_more_than_one_image_more_of_a_class_or_in_all() =>
        Gen.Select(Gen.Int[0, 4].Array[2, 60], Gen.Int[2, 7], Gen.Int[0, 1000]).Sample((labels, count, seed) =>
        {
            var fold = Folds.Stratified(labels, count, new Random(seed));

            Assert.All(fold, part => Assert.InRange(part, 0, count - 1));
            Assert.InRange(Spread(Enumerable.Range(0, labels.Length)), 0, 1);
            Assert.All(labels.Distinct(), label => Assert.InRange(Spread(Enumerable.Range(0, labels.Length).Where(i => labels[i] == label)), 0, 1));
            var (others, part) = Folds.Split(fold, 0);
            Assert.Equal(Enumerable.Range(0, labels.Length), others.Concat(part).Order());

            int Spread(IEnumerable<int> images)
            {
                var sizes = Enumerable.Range(0, count).Select(p => images.Count(i => fold[i] == p)).ToArray();
                return sizes.Max() - sizes.Min();
            }
        });

    [Fact]
    public void A_cross_validation_asks_each_image_once_of_what_did_not_learn_it()
    {
        var labels = Enumerable.Range(0, 23).Select(i => i % 3).ToArray();
        var asked = new List<int>();

        var divisions = CrossValidator.Run(labels, folds: 5, repeats: 2, seed: 1, (learned, left, _) =>
        {
            Assert.Empty(learned.Intersect(left));
            Assert.Equal(23, learned.Length + left.Length);
            asked.AddRange(left);
            return [.. left.SelectMany(i => Enumerable.Range(0, 3).Select(k => k == (i == 7 ? 0 : labels[i]) ? 1.0 : 0))];   // wrong for image 7 alone
        }, IProgress.Silent, default);

        Assert.Equal(Enumerable.Range(0, 23).SelectMany(i => new[] { i, i }), asked.Order());
        var summary = CrossValidator.Summarize(divisions);
        Assert.Equal((22, 23, 2), (summary.Accuracy.Correct, summary.Count, summary.Repeats));
        Assert.Equal([1.0, 7.0 / 8, 1.0], summary.Recalls.Select(recall => recall!.Value));
        Assert.Equal((1 + (7.0 / 8) + 1) / 3, summary.BalancedAccuracy, 1e-12);
    }
}
