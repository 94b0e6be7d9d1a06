using System.Xml.Linq;
using static Airbench.Report.Html;

namespace Airbench.Report;

/// <summary>Answers as pictures: where the model is wrong, and what it gets right.</summary>
internal static class ImageLists
{
    public static IEnumerable<XElement> Of(EvaluationData evaluation)
    {
        if (evaluation.Predictions is not { } predictions || !predictions.Shown.Any())
        {
            yield break;
        }
        if (predictions.Mistakes is { Count: > 0 } mistakes)
        {
            yield return Tag("h3", mistakes.Count == Predictions.MistakesShown ? $"The {mistakes.Count} most confident mistakes" : "All mistakes, the most confident first");
            yield return Classed("p", "muted", "Prediction, confidence and label. Look for wrong labels among them.");
            if (evaluation.Pictures.Missing is { } why)
            {
                yield return Classed("p", "note", $"{why}.");
            }
            yield return List(evaluation, mistakes);
        }
        else if (evaluation.Pictures.Missing is { } why)
        {
            yield return Classed("p", "note", $"{why}.");
        }
        if (predictions.Typical is { Count: > 0 } typical)
        {
            yield return Tag("h3", "Correct, with high confidence");
            yield return Classed("p", "muted",
                $"The most confident correct answer of each class{(predictions.TypicalIsAll ? "" : $", of the {Predictions.CorrectShown} classes where it is most confident")}; of equal ones the first in the data.");
            yield return List(evaluation, typical);
        }
        if (predictions.Doubtful is { Count: > 0 } doubtful)
        {
            yield return Tag("h3", "Correct, with low confidence");
            yield return Classed("p", "muted", "The least confident correct answers, the least confident first.");
            yield return List(evaluation, doubtful);
        }
    }

    // Names of scripts that run from right to left must not turn the numbers beside them around: bdi.
    private static XElement List(EvaluationData evaluation, IReadOnlyList<Answer> answers) => Classed("ul", "pictures", answers.Select(answer =>
    {
        var isWrong = answer.Predicted != answer.Label;
        return Tag("li",
            evaluation.Pictures.ByIndex.TryGetValue(answer.Index, out var picture)
                ? Images.Of(picture, isWrong ? $"{answer.Label}, predicted as {answer.Predicted}" : answer.Label, picture.MediaType == "image/png" ? "pixels" : "photo") : null,
            Tag("b", Tag("bdi", answer.Predicted)), $" {Format.Percent(answer.Confidence, 1)}", Tag("br"),
            isWrong ? (object[])["is ", Tag("b", Tag("bdi", answer.Label)), Tag("br")] : null,
            Classed("span", "muted small", answer.Path));
    }));
}
