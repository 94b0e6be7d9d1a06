using Airbench.Training;
using CsCheck;

namespace Airbench.Tests;

public sealed class ElfVersionPatchTests
{
    private const string Needed = "GLIBCXX_3.4.32";
    private static readonly string Bridge = Path.Combine(AppContext.BaseDirectory, "runtimes", "linux-x64", "native", "libLibTorchSharp.so");

    [Fact]
    public void Only_the_weak_flag_of_the_one_version_changes()
    {
        var shipped = File.ReadAllBytes(Bridge);
        var patched = ElfVersionPatch.MakeWeak(shipped, Needed);
        var changed = Enumerable.Range(0, shipped.Length).Where(i => shipped[i] != patched[i]).ToList();
        Assert.Equal(shipped.Length, patched.Length);
        var only = Assert.Single(changed);
        Assert.Equal(shipped[only] | 2, patched[only]);
    }

    [Fact]
    public void Patching_twice_is_patching_once()
    {
        var once = ElfVersionPatch.MakeWeak(File.ReadAllBytes(Bridge), Needed);
        Assert.Equal(once, ElfVersionPatch.MakeWeak(once, Needed));
    }

    [Fact]
    public void A_version_that_the_library_does_not_need_is_an_error() =>
        Assert.Throws<FormatException>(() => ElfVersionPatch.MakeWeak(File.ReadAllBytes(Bridge), "GLIBCXX_9.9.9"));

    [Fact]
    public void Any_other_file_is_refused_without_a_crash()
    {
        Gen.Byte.Array[0, 200].ForEachCase(bytes => Assert.Throws<FormatException>(() => ElfVersionPatch.MakeWeak(bytes, Needed)), cases: 200);
    }

    [Fact]
    public void A_damaged_header_is_refused_or_harmless()
    {
        var shipped = File.ReadAllBytes(Bridge);
        Gen.Select(Gen.Int[0, 63], Gen.Byte).ForEachCase(
            mutation =>
            {
                var damaged = shipped.ToArray();
                damaged[mutation.Item1] = mutation.Item2;
                try
                {
                    Assert.Equal(damaged.Length, ElfVersionPatch.MakeWeak(damaged, Needed).Length);
                }
                catch (FormatException)
                {
                    // the promised error
                }
            },
            cases: 300);
    }
}
