using System.Globalization;
using Airbench.Data;

namespace Airbench.Cli;

/// <summary>What would hurt a training on these images, in sentences that say what to do.</summary>
internal static class SurveyWarnings
{
    private const int FewImages = 20;
    private const int FewTestImages = 100;
    private const double StrongImbalance = 5;
    private const int TinySide = 16;
    private const int Named = 5;

    public static IEnumerable<string> Of(ImageSurvey survey) =>
        survey.Warnings
            .Concat(Broken(survey))
            .Concat(Classes(survey))
            .Concat(Duplicates(survey.Duplicates))
            .Concat(Sizes(survey))
            .Concat(Test(survey));

    private static IEnumerable<string> Broken(ImageSurvey survey)
    {
        if (survey.Broken.Count > 0)
        {
            yield return $"{Number(survey.Broken.Count)} of {Counted.Of(survey.Count, "file")} cannot be read and will be left out: "
                + Some(survey.Broken.Select(b => $"{b.Path} {b.Error}"), "; ");
        }
    }

    private static IEnumerable<string> Classes(ImageSurvey survey)
    {
        var few = survey.Classes.Where(c => c.Train < FewImages).ToList();
        if (few.Count > 0)
        {
            yield return $"fewer than {FewImages} training images: {Some(few.Select(c => $"{c.Name} ({c.Train})"))}. "
                + "They will hardly be learned; 100 per class is a start, 1,000 is good";
        }
        var (least, most) = (survey.Classes.MinBy(c => c.Train)!, survey.Classes.MaxBy(c => c.Train)!);
        if (most.Train >= StrongImbalance * least.Train)
        {
            yield return string.Create(CultureInfo.InvariantCulture, $"{most.Name} has {(double)most.Train / least.Train:0.#} times as many training images as ")
                + $"{least.Name}. The accuracy will mostly be that of the large classes: look at the per-class table, and add images of the small ones";
        }
    }

    private static IEnumerable<string> Duplicates(DuplicateFiles duplicates)
    {
        if (duplicates.AcrossClasses.Count > 0)
        {
            yield return $"the same file in two classes, one of which is wrong: {Some(duplicates.AcrossClasses.Select(p => $"{p.First} = {p.Second}"))}";
        }
        if (duplicates.AcrossSplits.Count > 0)
        {
            yield return "the same file in train/ and test/, which makes the accuracy look better than it is: "
                + Some(duplicates.AcrossSplits.Select(p => $"{p.Train} = {p.Test}"));
        }
    }

    private static IEnumerable<string> Sizes(ImageSurvey survey)
    {
        if (survey.ShortSide.Median < TinySide)
        {
            yield return $"half of the images are {survey.ShortSide.Median} pixels or less on their short side; they are enlarged to {NetworkSpec.MinImageSize}";
        }
        if (FolderChoices.For(survey).Fit.Value == Fit.Pad)
        {
            yield return string.Create(CultureInfo.InvariantCulture, $"{survey.LongShare:0%} of the images are much longer than wide or the other way round. ")
                + "They are padded with black (fit: pad), as a crop would lose a third or more of each: crop them yourself where a part shows what matters";
        }
    }

    private static IEnumerable<string> Test(ImageSurvey survey)
    {
        if (survey.TestCount < FewTestImages)
        {
            // Half the width of a 95% interval around 80%, normal approximation: to show the order of magnitude.
            var margin = 1.96 * Math.Sqrt(0.8 * 0.2 / survey.TestCount);
            yield return string.Create(CultureInfo.InvariantCulture, $"{Counted.Of(survey.TestCount, "test image")} {(survey.TestCount == 1 ? "is" : "are")} few: at 80% accuracy, the 95% interval is about ")
                + string.Create(CultureInfo.InvariantCulture, $"{100 * Math.Min(1, margin):0} points to either side");
        }
    }

    private static string Some(IEnumerable<string> all, string separator = ", ")
    {
        var list = all.ToList();
        return string.Join(separator, list.Take(Named)) + (list.Count > Named ? $"{separator}and {Number(list.Count - Named)} more" : "");
    }

    private static string Number(int value) => value.ToString("N0", CultureInfo.InvariantCulture);
}
