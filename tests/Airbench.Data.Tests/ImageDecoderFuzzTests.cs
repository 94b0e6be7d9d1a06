using Airbench.Data;

namespace Airbench.Tests;

/// <summary>Damage of any kind, to a file of any format, ends in pixels or in the one error, within bounds of memory.</summary>
public sealed class ImageDecoderFuzzTests(ITestOutputHelper output)
{
    private const int Side = 16;

    /// <summary>A declared size may be up to 100 megapixels of 4 bytes, and a TIFF has its pixels on the managed heap.</summary>
    private const long MostAllocated = 4 * ImageDecoder.MaxPixels * 3;

    private static readonly byte[][] Seeds = [.. OddImages.All.Concat(OddTiffs.All).Select(image => image.File).Where(file => file.Length > 16)];

    [Fact]
    public void Damaged_files_end_in_pixels_or_in_the_one_error() => Fuzz(cases: 10_000);

    [Fact]
    public void Many_damaged_files_end_in_pixels_or_in_the_one_error()
    {
        Assert.SkipUnless(LongForm.IsAskedFor, "takes minutes: AIRBENCH_LONG=1");
        Fuzz(int.TryParse(Environment.GetEnvironmentVariable("AIRBENCH_FUZZ_CASES"), out var cases) ? cases : 200_000);
    }

    private void Fuzz(int cases)
    {
        using var decoder = new ImageDecoder();
        var pixels = new byte[3 * Side * Side];
        var (decoded, refused) = (0, 0);
        for (var i = 0; i < cases; i++)
        {
            var file = Damaged(new Random(i));
            var before = GC.GetAllocatedBytesForCurrentThread();
            try
            {
                decoder.Decode(file, Side, pixels);
                decoded++;
            }
            catch (DataException)
            {
                refused++;
            }
            catch (Exception e)
            {
                Assert.Fail($"case {i} ({ImageFormats.Of(file)}): {e}");
            }
            Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, MostAllocated);
        }
        output.WriteLine($"{decoded} decoded, {refused} refused");
        Assert.True(decoded > cases / 20 && refused > cases / 20, $"{decoded} decoded, {refused} refused: the damage is too strong or too weak");
    }

    /// <summary>One to three changes, most of them near the beginning, where headers are.</summary>
    private static byte[] Damaged(Random random)
    {
        var file = Seeds[random.Next(Seeds.Length)].ToArray();
        for (var n = random.Next(1, 4); n > 0; n--)
        {
            var at = random.Next(random.Next(2) == 0 ? file.Length : Math.Min(file.Length, 200));
            switch (random.Next(6))
            {
                case 0:
                    file = file[..Math.Max(16, at)];
                    break;
                case 1:
                    var other = Seeds[random.Next(Seeds.Length)];
                    var from = random.Next(other.Length);
                    other.AsSpan(from, Math.Min(random.Next(1, 64), Math.Min(other.Length - from, file.Length - at))).CopyTo(file.AsSpan(at));
                    break;
                case 2:
                    file[at] = random.Next(2) == 0 ? (byte)0 : (byte)0xFF;
                    break;
                case 3:
                    file = [.. file[..at], .. file[(at + ((file.Length - at) / 2))..]];
                    break;
                case 4:
                    file[at] ^= (byte)(1 << random.Next(8));
                    break;
                default:
                    file[at] = (byte)random.Next(256);
                    break;
            }
            if (file.Length < 16)
            {
                break;
            }
        }
        return file;
    }
}
