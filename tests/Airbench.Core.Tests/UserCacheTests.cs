namespace Airbench.Tests;

/// <summary>Where files go that can be made again, also for users without a home.</summary>
public sealed class UserCacheTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void The_chosen_folder_comes_before_that_of_the_user()
    {
        Assert.Equal(_folder.File("chosen"), UserCache.Use(_folder.File("chosen"), _folder.File("home"), Write));
        Assert.Equal(_folder.File("home", "airbench"), UserCache.Use("", _folder.File("home"), Write));
        Assert.Equal([_folder.File("chosen", "file"), _folder.File("home", "airbench", "file")], Directory.GetFiles(_folder.Path, "*", SearchOption.AllDirectories).Order());
    }

    /// <summary>Below a file nobody can write, not even root, for whom permissions are none.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Without_a_home_a_temporary_folder_takes_its_place_and_is_removed(bool isKnown)
    {
        var home = isKnown ? Path.Combine(_folder.Write("file", ""u8), "home") : "";
        var used = UserCache.Use(null, home, Write);
        Assert.StartsWith(Path.TrimEndingDirectorySeparator(Path.GetTempPath()), used, StringComparison.Ordinal);
        Assert.False(Directory.Exists(used));
    }

    [Fact]
    public void A_chosen_folder_that_cannot_be_written_is_an_error_that_names_the_variable()
    {
        var chosen = Path.Combine(_folder.Write("file", ""u8), "cache");
        var message = Assert.Throws<IOException>(() => UserCache.Use(chosen, _folder.File("home"), Write)).Message;
        Assert.StartsWith($"{chosen}: ", message, StringComparison.Ordinal);
        Assert.EndsWith("(AIRBENCH_CACHE names this folder; expected one that can be written)", message, StringComparison.Ordinal);
    }

    private static string Write(string folder)
    {
        AtomicFolder.WriteFile(Path.Combine(folder, "file"), "x");
        return folder;
    }
}
