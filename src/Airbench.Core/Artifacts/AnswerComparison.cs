using System.ComponentModel.DataAnnotations;

namespace Airbench;

/// <summary>Answers of a model beside those of the one that it was made from, on the same images.</summary>
/// <param name="Count">Images n.</param>
/// <param name="Same">Images to which both give the same class.</param>
/// <param name="OnlyFirst">Images that the original alone gets right.</param>
/// <param name="OnlySecond">Images that the new model alone gets right.</param>
/// <param name="PValue">McNemar's exact test of the last two (<see cref="Metrics.McNemar"/>).</param>
public sealed record AnswerComparison(
    [property: Range(0, int.MaxValue)] int Count, [property: Range(0, int.MaxValue)] int Same, [property: Range(0, int.MaxValue)] int OnlyFirst, [property: Range(0, int.MaxValue)] int OnlySecond, [property: Range(0.0, 1.0)] double PValue)
{
    /// <summary>Compares answers image by image.</summary>
    /// <param name="first">Classes that the original gives.</param>
    /// <param name="second">Classes that the new model gives.</param>
    /// <param name="labels">The right ones; null where nobody knows.</param>
    public static AnswerComparison Of(IReadOnlyList<int> first, IReadOnlyList<int> second, IReadOnlyList<int>? labels)
    {
        var (same, onlyFirst, onlySecond) = (0, 0, 0);
        for (var i = 0; i < first.Count; i++)
        {
            same += first[i] == second[i] ? 1 : 0;
            if (labels is not null)
            {
                onlyFirst += first[i] == labels[i] && second[i] != labels[i] ? 1 : 0;
                onlySecond += first[i] != labels[i] && second[i] == labels[i] ? 1 : 0;
            }
        }
        return new AnswerComparison(first.Count, same, onlyFirst, onlySecond, Metrics.McNemar(onlyFirst, onlySecond));
    }
}
