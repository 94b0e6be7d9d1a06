using Airbench.Onnx;

namespace Airbench.Tests;

/// <summary>What augmentation shows of an image.</summary>
public sealed class TrainingViewTests
{
    private const int Size = 32;

    [Fact]
    public void The_whole_is_the_image_and_its_mirror_image_is_mirrored()
    {
        var image = Noise();
        var whole = TrainingView.Whole(Size);

        Assert.Equal(image, Draw(whole, image));
        var mirrored = Draw(whole with { Mirror = true }, image);
        Assert.All(Enumerable.Range(0, image.Length), i => Assert.Equal(image[i], mirrored[(i / Size * Size) + (Size - 1 - (i % Size))]));
    }

    [Fact]
    public void A_crop_shows_its_part_alone()
    {
        var image = new byte[3 * Size * Size];
        for (var i = 0; i < image.Length; i++)
        {
            image[i] = (byte)(i % Size < 16 ? 10 : 200);   // left and right half
        }

        Assert.All(Draw(new TrainingView(0, 4, 16, 20, Mirror: false), image), pixel => Assert.Equal(10, pixel));
        Assert.All(Draw(new TrainingView(16, 0, 16, 16, Mirror: true), image), pixel => Assert.Equal(200, pixel));
    }

    [Fact]
    public void Crops_are_inside_and_a_seed_gives_an_image_the_same_ones()
    {
        var plan = new ViewPlan(Size, Mirror: true, Crops: 20, Seed: 3);

        var views = plan.Of(5).ToArray();
        Assert.Equal(plan.Count, views.Length);
        Assert.Equal(TrainingView.Whole(Size), views[0]);
        Assert.Equal(TrainingView.Whole(Size) with { Mirror = true }, views[1]);
        Assert.All(views, view => Assert.True(view.Left >= 0 && view.Top >= 0 && view.Left + view.Width <= Size && view.Top + view.Height <= Size));
        Assert.Equal(views, plan.Of(5));
        Assert.NotEqual(views[2..], plan.Of(6).Skip(2));
        Assert.Contains(views[2..], view => view.Mirror);
        Assert.DoesNotContain((plan with { Mirror = false }).Of(5), view => view.Mirror);
    }

    private static byte[] Noise()
    {
        var image = new byte[3 * Size * Size];
        new Random(1).NextBytes(image);
        return image;
    }

    private static byte[] Draw(TrainingView view, byte[] image)
    {
        var output = new byte[image.Length];
        view.Draw(image, Size, output);
        return output;
    }
}
