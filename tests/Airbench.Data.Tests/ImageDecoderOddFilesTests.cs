using Airbench.Data;

namespace Airbench.Tests;

/// <summary>Every odd file shows what it should or is refused by name.</summary>
public sealed class ImageDecoderOddFilesTests
{
    private static readonly OddImage[] All = [.. OddImages.All, .. OddTiffs.All];

    public static TheoryData<string> Names => [.. All.Select(image => image.Name)];

    [Theory]
    [MemberData(nameof(Names))]
    public void An_odd_file_shows_the_scene_or_is_refused(string name)
    {
        var image = All.First(i => i.Name == name);
        using var decoder = new ImageDecoder();
        var pixels = new byte[3 * OddImages.Height * OddImages.Height];   // the centre, in its own size
        if (image.Refusal is { } refusal)
        {
            Assert.Contains(refusal, Assert.Throws<DataException>(() => decoder.Decode(image.File, OddImages.Height, pixels)).Message);
            return;
        }
        decoder.Decode(image.File, OddImages.Height, pixels);
        Assert.Equal((OddImages.Width, OddImages.Height), ImageDecoder.HeaderOf(image.File) is var header ? (header.Width, header.Height) : default);
        const int Edge = 4, Side = OddImages.Height, Plane = Side * Side;   // JPEG and WebP blend colours across edges
        for (var i = 0; i < Plane; i++)
        {
            var (x, y) = (i % Side, i / Side);
            if (image.Tolerance > 0 && (Math.Abs(x - (Side / 2)) < Edge || Math.Abs(y - (Side / 2)) < Edge))
            {
                continue;
            }
            var (r, g, b) = OddImages.Scene(x + ((OddImages.Width - Side) / 2), y);
            int[] expected = image.IsGrey ? [r, r, r] : [r, g, b];
            Assert.All(expected.Index(), c => Assert.InRange(pixels[(c.Index * Plane) + i] - c.Item, -image.Tolerance, image.Tolerance));
        }
    }

    [Fact]
    public void Decoders_on_several_threads_give_what_one_gives()
    {
        var alone = All.Select(image => Outcome(image.File)).ToList();
        var together = new string[4 * All.Length];
        Parallel.For(0, together.Length, new ParallelOptions { MaxDegreeOfParallelism = 4 }, i => together[i] = Outcome(All[i % All.Length].File));
        Assert.All(together.Index(), outcome => Assert.Equal(alone[outcome.Index % All.Length], outcome.Item));

        static string Outcome(byte[] file)
        {
            using var decoder = new ImageDecoder();
            var pixels = new byte[3 * 8 * 8];
            try
            {
                decoder.Decode(file, 8, pixels);
                return Convert.ToHexString(pixels);
            }
            catch (DataException e)
            {
                return e.Message;
            }
        }
    }
}
