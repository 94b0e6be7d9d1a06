using System.Globalization;
using Airbench.Data;

namespace Airbench.Cli;

/// <summary>A value of the pipeline and why it is this one, in one sentence for the comment above it.</summary>
internal sealed record Choice<T>(T Value, string Why);

/// <summary>What `airbench init` decides for somebody's images, from the survey alone.</summary>
internal sealed record FolderChoices
{
    /// <summary>Images that a training should see in all. CIFAR-10 by the paper: 500,000; fewer images tell less, however often they are seen.</summary>
    private const int ImagesToSee = 60_000;

    private const int FewestEpochs = 10;
    private const int MostEpochs = 100;
    private const int LargestBatch = 1024;
    private const int SmallestBatch = 16;
    private const int StepsPerEpoch = 8;

    /// <summary>Past this many training images 64 pixels cost hours on a CPU.</summary>
    private const int ManyImages = 20_000;

    private const double ManyLong = 0.1;
    private const int Small = 32;
    private const int Large = 64;

    public required Choice<int> ImageSize { get; init; }

    public required Choice<Fit> Fit { get; init; }

    public required Choice<double> MaxBadFraction { get; init; }

    public required Choice<int> Epochs { get; init; }

    public required Choice<int> BatchSize { get; init; }

    public static FolderChoices For(ImageSurvey survey) => new()
    {
        ImageSize = AreLong(survey)
            ? Size("long", survey.LongSide.Median, survey.TrainCount)
            : Size("short", survey.ShortSide.Median, survey.TrainCount),
        Fit = FitFor(survey),
        MaxBadFraction = BadFraction(survey.Broken.Count, survey.Count),
        Epochs = EpochsFor(survey.TrainCount),
        BatchSize = Batch(survey.TrainCount),
    };

    /// <summary>Whether many of the images would lose much to a crop.</summary>
    public static bool AreLong(ImageSurvey survey) => survey.LongShare > ManyLong;

    private static Choice<Fit> FitFor(ImageSurvey survey) => AreLong(survey)
        ? new(Airbench.Fit.Pad, string.Create(CultureInfo.InvariantCulture, $"{survey.LongShare:0%} of the images are much longer than wide or the other way round: ")
            + "crop would lose a third or more of each. pad keeps all of it, smaller, between black; stretch keeps it distorted.")
        : new(Airbench.Fit.Crop, "The square in the middle is used; few of the images are much longer than wide or the other way round. pad would keep all of them, with black beside.");

    /// <param name="which">The side that becomes this long: "short" or "long".</param>
    /// <param name="median">Its median, pixels.</param>
    /// <param name="trainCount">Training images.</param>
    private static Choice<int> Size(string which, int median, int trainCount)
    {
        var found = $"Half of the images have a {which} side of {Number(median)} pixels or less";
        if (median < NetworkSpec.MinImageSize)
        {
            return new(NetworkSpec.MinImageSize, $"{found}; {NetworkSpec.MinImageSize} is the least that the network takes.");
        }

        if (median < Small)
        {
            return new(median, $"{found}, so that nothing is gained from enlarging them.");
        }

        if (median < Large)
        {
            return new(Small, $"{found}. Time and memory grow with the square of this number.");
        }

        return trainCount > ManyImages
            ? new(Small, $"{found}, so {Large} may be more accurate; with {Number(trainCount)} training images it takes 4 times as long.")
            : new(Large, $"{found}. Time and memory grow with the square of this number: {Small} takes a quarter, 96 more than twice as much.");
    }

    private static Choice<double> BadFraction(int broken, int count)
    {
        // Twice what was found, or 1%: a broken file more must not stop a newcomer, a broken disk must.
        var share = Math.Min(1, Math.Max(0.01, Math.Ceiling(2000.0 * broken / count) / 1000));
        var found = broken == 0 ? "All files could be read." : $"{Number(broken)} of {Counted.Of(count, "file")} cannot be read.";
        return new(share, $"{found} Broken ones are left out and listed in prepare-errors.csv; more than this share fail the stage.");
    }

    private static Choice<int> EpochsFor(int trainCount)
    {
        var epochs = Math.Clamp((int)Math.Round((double)ImagesToSee / trainCount), FewestEpochs, MostEpochs);
        var why = epochs == FewestEpochs
            ? $"{Number(trainCount)} training images: as many passes as the recipe makes over CIFAR-10's 50,000."
            : $"{Number(trainCount)} training images are few, so each is seen often. More may be better, and takes proportionally longer.";
        return new(epochs, why);
    }

    private static Choice<int> Batch(int trainCount)
    {
        var batch = LargestBatch;
        while (batch > SmallestBatch && batch * StepsPerEpoch > trainCount)
        {
            batch /= 2;
        }

        batch = Math.Min(batch, Math.Max(2, trainCount));
        return new(batch, batch == LargestBatch
            ? "The recipe's value; the learning rate is per example and holds for any batch size."
            : $"{Number(trainCount / batch)} steps an epoch; the recipe's 1024 is for more images. The learning rate is per example and holds for any batch size.");
    }

    private static string Number(int value) => value.ToString("N0", CultureInfo.InvariantCulture);
}
