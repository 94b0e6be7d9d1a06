namespace Airbench.Tests;

public sealed class AtomicFolderTests : IDisposable
{
    private readonly TemporaryFolder _root = new();

    private string Final => _root["set"];

    public void Dispose() => _root.Dispose();

    [Fact]
    public void Nothing_is_at_the_final_place_before_the_commit()
    {
        using var folder = AtomicFolder.Create(Final);
        File.WriteAllText(folder.File("a"), "1");
        Assert.False(Directory.Exists(Final));

        Assert.Equal(Final, folder.Commit());
        Assert.Equal("1", File.ReadAllText(Path.Combine(Final, "a")));
        Assert.Equal([Final], Directory.GetFileSystemEntries(_root.Path));
    }

    [Fact]
    public void A_commit_replaces_the_whole_earlier_content()
    {
        Commit("old", "1");
        Commit("new", "2");

        Assert.Equal(["new"], Directory.GetFiles(Final).Select(Path.GetFileName));
        Assert.Equal([Final], Directory.GetFileSystemEntries(_root.Path));
    }

    [Fact]
    public void Without_a_commit_the_earlier_content_stays()
    {
        Commit("old", "1");
        using (var folder = AtomicFolder.Create(Final))
        {
            File.WriteAllText(folder.File("new"), "2");
        }
        Assert.Equal(["old"], Directory.GetFiles(Final).Select(Path.GetFileName));
        Assert.Equal([Final], Directory.GetFileSystemEntries(_root.Path));
    }

    [Fact]
    public void Leftovers_of_killed_runs_go_with_the_next_commit_unless_they_are_young()
    {
        var old = Directory.CreateDirectory(_root[".set.tmp-dead"]).FullName;
        var young = Directory.CreateDirectory(_root[".set.tmp-alive"]).FullName;
        var other = Directory.CreateDirectory(_root[".other.tmp-dead"]).FullName;
        Directory.SetLastWriteTimeUtc(old, DateTime.UtcNow.AddDays(-2));
        Directory.SetLastWriteTimeUtc(other, DateTime.UtcNow.AddDays(-2));

        Commit("a", "1");

        Assert.False(Directory.Exists(old));
        Assert.True(Directory.Exists(young));
        Assert.True(Directory.Exists(other));
    }

    [Fact]
    public void A_file_is_replaced_as_a_whole()
    {
        var path = _root["deep/er/a.txt"];
        AtomicFolder.WriteFile(path, "a long first version");
        AtomicFolder.WriteFile(path, "second");
        Assert.Equal("second", File.ReadAllText(path));
        Assert.Single(Directory.GetFiles(Path.GetDirectoryName(path)!));
    }

    [Fact]
    public void A_file_whose_writing_fails_stays_as_it_was()
    {
        var path = _root["a.txt"];
        AtomicFolder.WriteFile(path, "first");
        Assert.Throws<InvalidOperationException>(() => AtomicFolder.WriteFile(path, stream =>
        {
            stream.WriteByte(1);
            throw new InvalidOperationException();
        }));
        Assert.Equal("first", File.ReadAllText(path));
        Assert.Single(Directory.GetFiles(_root.Path));
    }

    private void Commit(string file, string content)
    {
        using var folder = AtomicFolder.Create(Final);
        File.WriteAllText(folder.File(file), content);
        folder.Commit();
    }
}
