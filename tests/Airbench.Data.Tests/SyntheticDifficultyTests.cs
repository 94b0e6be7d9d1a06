namespace Airbench.Tests;

/// <summary>
/// The synthetic images must need a network that sees form. Each bound comes with proof that the linear classifier behind it works:
/// it fits its training images well above chance, and it finds a leak that is planted for it.
/// </summary>
public class SyntheticDifficultyTests(ITestOutputHelper output)
{
    private const int TrainCount = 10_000, TestCount = 2_000;

    private static readonly Lazy<Samples> Train = new(() => Samples.Draw(Split.Train, TrainCount));
    private static readonly Lazy<Samples> Test = new(() => Samples.Draw(Split.Test, TestCount));

    [Fact]
    public void A_linear_classifier_on_the_pixels_stays_under_40_percent()
    {
        var (train, test) = FitAndScore(Train.Value, Test.Value, epochs: 12, rate: 1e-3f);
        Assert.True(train > 0.4, $"it fits {train:P1} of the training images: it was not trained enough to say anything");
        Assert.True(test is > 0.05 and < 0.4, $"it scores {test:P1} on the test images; expected less than 40 % (chance is 10 %)");
    }

    [Fact]
    public void The_linear_classifier_on_the_pixels_finds_a_planted_leak()
    {
        // A spot of 2x2 pixels, a fifth of the range brighter, whose place depends on the class.
        var (_, test) = FitAndScore(WithSpot(Train.Value), WithSpot(Test.Value), epochs: 12, rate: 1e-3f);
        Assert.True(test > 0.9, $"it scores {test:P1} although the pixels give the class away");
    }

    [Fact]
    public void Colour_brightness_contrast_and_histograms_tell_next_to_nothing()
    {
        var (_, test) = FitAndScore(ColourFeatures(Train.Value), ColourFeatures(Test.Value), epochs: 30, rate: 1e-2f);
        Assert.True(test < 0.15, $"a linear classifier on colour statistics scores {test:P1}; expected less than 15 % (chance is 10 %)");
    }

    [Fact]
    public void The_linear_classifier_on_colour_statistics_finds_a_planted_leak()
    {
        var (_, test) = FitAndScore(
            ColourFeatures(WithBrightness(Train.Value)), ColourFeatures(WithBrightness(Test.Value)), epochs: 30, rate: 1e-2f);
        Assert.True(test > 0.3, $"it scores {test:P1} although the brightness gives the class away");
    }

    private (double Train, double Test) FitAndScore(Samples train, Samples test, int epochs, float rate)
    {
        var scores = LinearClassifier.FitAndScore(train, test, epochs, rate);
        output.WriteLine($"training accuracy {scores.Train:P1}, test accuracy {scores.Test:P1}");
        return scores;
    }

    private static Samples WithSpot(Samples samples) => samples.Change((label, image) =>
    {
        for (var i = 0; i < image.Length; i++)
        {
            var (row, column) = (i / 32 % 32, i % 32);
            if (row is 4 or 5 && column / 2 == 3 + label)
            {
                image[i] = Math.Min(255, image[i] + 51);
            }
        }
    });

    private static Samples WithBrightness(Samples samples) => samples.Change((label, image) =>
    {
        for (var i = 0; i < image.Length; i++)
        {
            image[i] = Math.Clamp(image[i] + ((label - 4.5f) * 16), 0, 255);
        }
    });

    /// <summary>Per channel: mean, standard deviation and a histogram of 8 bins.</summary>
    private static Samples ColourFeatures(Samples samples) => samples.Select(image =>
    {
        const int bins = 8, plane = 32 * 32;
        var features = new float[3 * (2 + bins)];
        for (var channel = 0; channel < 3; channel++)
        {
            var pixels = image.AsSpan(channel * plane, plane);
            var own = features.AsSpan(channel * (2 + bins), 2 + bins);
            var (sum, squares) = (0f, 0f);
            foreach (var pixel in pixels)
            {
                sum += pixel;
                squares += pixel * pixel;
                own[2 + ((int)pixel * bins / 256)]++;
            }
            own[0] = sum / plane;
            own[1] = MathF.Sqrt(Math.Max(0, (squares / plane) - (own[0] * own[0])));
        }
        return features;
    });
}
