using System.Globalization;
using Airbench.Data;
using Airbench.Onnx;
using Airbench.Training;

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

    /// <summary>Past this many training images 64 pixels cost hours on a CPU, and a network of one's own learns to see by itself.</summary>
    private const int ManyImages = 20_000;

    /// <summary>Smaller images are not what a network for photos has learned: enlarged they are blurred.</summary>
    private const int SmallestPhoto = 96;

    /// <summary>The most frequent class has so many times as many images as the rarest: from here on rare classes are learned as if they were frequent.</summary>
    private const double Imbalance = 2;

    /// <summary>Test images that give a number good to about two points; with fewer, cross-validation does.</summary>
    private const int EnoughTestImages = 1_000;

    /// <summary>Where there is no backbone.</summary>
    public const string Recipe = "airbench94";

    private const double ManyLong = 0.1;
    private const int Small = 32;
    private const int Large = 64;

    public required Choice<int> ImageSize { get; init; }

    public required Choice<Fit> Fit { get; init; }

    public required Choice<double> MaxBadFraction { get; init; }

    /// <summary>A network that has learned to see; null for one that learns these images alone.</summary>
    public required Choice<string?> Backbone { get; init; }

    /// <summary>With a backbone.</summary>
    public required Choice<ClassWeights> ClassWeights { get; init; }

    /// <summary>With a backbone: parts of the cross-validation.</summary>
    public required Choice<int> Folds { get; init; }

    /// <summary>Without a backbone.</summary>
    public required Choice<int> Epochs { get; init; }

    /// <summary>Without a backbone.</summary>
    public required Choice<int> BatchSize { get; init; }

    /// <summary>Without a backbone; null for images of about the recipe's own size.</summary>
    public Choice<IReadOnlyList<int>>? Widths { get; private init; }

    /// <inheritdoc cref="Widths"/>
    public Choice<IReadOnlyList<double>>? Resolutions { get; private init; }

    /// <inheritdoc cref="Widths"/>
    public Choice<int>? Translate { get; private init; }

    public static FolderChoices For(ImageSurvey survey)
    {
        var choices = new FolderChoices
        {
            ImageSize = IsForBackbone(survey)
                ? new(Backbones.ImageSize(Backbones.Resnet18), "What the backbone below has learned with.")
                : Size(Side(survey).Name, Side(survey).Median, survey.TrainCount),
            Backbone = BackboneFor(survey),
            ClassWeights = Weights(survey),
            Folds = FoldsFor(survey.TestCount),
            Fit = FitFor(survey),
            MaxBadFraction = BadFraction(survey.Broken.Count, survey.Count),
            Epochs = EpochsFor(survey.TrainCount),
            BatchSize = Batch(survey.TrainCount, StepsPerEpoch),
        };
        return choices.ImageSize.Value < LargerImages.Smallest ? choices : choices with
        {
            BatchSize = Batch(survey.TrainCount, LargerImages.StepsPerEpoch),
            Widths = new(LargerImages.Widths(Airbench.Recipe.All[Recipe]), "The recipe's 64, 256, 256 are for 32 pixels. Half as many channels where the image is still large take 0.4 of the arithmetic; three sets were learned as well or better, with more epochs, in the same time."),
            Resolutions = new(LargerImages.Resolutions, "Shares of the image size, each for a third of the epochs: 0.6 of the arithmetic. With many epochs nothing was lost; for a training of under 100 steps, or to see what it costs here: []."),
            Translate = new(
                LargerImages.Translate(choices.ImageSize.Value),
                "Pixels that an image is shifted by, at random: the recipe's share of a larger image."),
        };
    }

    /// <summary>Whether many of the images would lose much to a crop.</summary>
    public static bool AreLong(ImageSurvey survey) => survey.LongShare > ManyLong;

    private static (string Name, int Median) Side(ImageSurvey survey) =>
        AreLong(survey) ? ("long", survey.LongSide.Median) : ("short", survey.ShortSide.Median);

    /// <summary>Whether a network that has learned to see is better: photos, and not so many that their own network would be.</summary>
    private static bool IsForBackbone(ImageSurvey survey) => Side(survey).Median > SmallestPhoto && survey.TrainCount < ManyImages;

    private static Choice<string?> BackboneFor(ImageSurvey survey)
    {
        var (side, median) = Side(survey);
        return IsForBackbone(survey)
            ? new(Backbones.Resnet18, $"{Number(survey.TrainCount)} photos are few to learn to see from. ResNet-18 has learned it from a million (ImageNet); a new last layer on its features "
                + "is fitted in seconds. train: last_block learns more of it, in minutes; with few photos that gained nothing. Pictures unlike photos of things (textures, scans) may do as well without this line: then an airbench network is trained from scratch, with image_size: 64 above.")
            : new(null, survey.TrainCount >= ManyImages
                ? $"{Number(survey.TrainCount)} images are enough for a network of their own; backbone: resnet18 with image_size: 224 would start from ImageNet."
                : $"Half of the images have a {side} side of {Number(median)} pixels or less: too small for a network that has learned on photos.");
    }

    private static Choice<ClassWeights> Weights(ImageSurvey survey)
    {
        var (least, most) = (Math.Max(1, survey.Classes.Min(c => c.Train)), survey.Classes.Max(c => c.Train));
        return most >= Imbalance * least
            ? new(Airbench.ClassWeights.Balanced, string.Create(CultureInfo.InvariantCulture, $"The largest class has {(double)most / least:0.#} times as many images as the smallest. balanced lets each class count alike, so that rare ones are found; ")
                + "none aims at the most right answers on images of these proportions.")
            : new(Airbench.ClassWeights.None, "The classes are of similar size; balanced would let each count alike.");
    }

    private static Choice<int> FoldsFor(int testCount) => testCount < EnoughTestImages
        ? new(5, $"{Counted.Of(testCount, "test image")} {(testCount == 1 ? "gives" : "give")} a rough number. All images, in 5 parts, each asked of a model that learned the other four, give a better one.")
        : new(0, $"{Number(testCount)} test images tell enough; 5 would add a cross-validation.");

    private static Choice<Fit> FitFor(ImageSurvey survey) => IsForBackbone(survey)
        ? new(Airbench.Fit.Crop, "The square in the middle is used, as when the backbone learned: black beside an image (pad) is strange to it, and stretch bends what it knows. "
            + (AreLong(survey) ? string.Create(CultureInfo.InvariantCulture, $"{survey.LongShare:0%} of the images lose a third or more so; where that matters, try stretch.") : "Few of the images lose much."))
        : AreLong(survey)
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

    private static Choice<int> Batch(int trainCount, int stepsPerEpoch)
    {
        var batch = LargestBatch;
        while (batch > SmallestBatch && batch * stepsPerEpoch > trainCount)
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
