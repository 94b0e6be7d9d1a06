namespace Airbench.Tests;

public sealed class AtomicFolderTests : IDisposable
{
    private readonly TemporaryFolder _root = new();

    private string Final => _root.File("set");

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
    public void What_killed_runs_left_goes_with_the_next_build_and_what_others_are_building_stays()
    {
        var dead = Directory.CreateDirectory(_root.File(".set.tmp-dead")).FullName;
        File.WriteAllText(Path.Combine(dead, "half"), "1");
        File.WriteAllText(_root.File(".set.tmp-dead.lock"), "");
        File.WriteAllText(_root.File(".set.tmp-killed-before-its-folder.lock"), "");
        var other = Directory.CreateDirectory(_root.File(".other.tmp-dead")).FullName;
        using var alive = AtomicFolder.Create(Final);
        File.WriteAllText(alive.File("a"), "2");

        Commit("a", "1");

        Assert.False(Directory.Exists(dead));
        Assert.Equal(["a"], Directory.GetFiles(alive.Path).Select(Path.GetFileName));
        Assert.Equal(
            [other, alive.Path, alive.Path + ".lock", Final],
            Directory.GetFileSystemEntries(_root.Path).OrderBy(path => path == Final).ThenBy(path => path, StringComparer.Ordinal));
        alive.Commit();
        Assert.Equal("2", File.ReadAllText(Path.Combine(Final, "a")));
        Assert.Equal([other, Final], Directory.GetFileSystemEntries(_root.Path).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Content_that_a_kill_between_two_renames_moved_away_comes_back()
    {
        Commit("a", "1");
        Directory.Move(Final, _root.File(".set.old-1"));

        using (AtomicFolder.Create(Final))
        {
            Assert.Equal("1", File.ReadAllText(Path.Combine(Final, "a")));
        }

        Directory.CreateDirectory(_root.File(".set.old-2"));   // the kill came after the second rename
        using (AtomicFolder.Create(Final))
        {
            Assert.Equal("1", File.ReadAllText(Path.Combine(Final, "a")));
        }
        Assert.Equal([Final], Directory.GetFileSystemEntries(_root.Path));
    }

    [Fact]
    public void A_file_that_a_killed_run_was_writing_goes_with_the_next()
    {
        File.WriteAllText(_root.File(".a.txt.tmp-dead"), "ha");
        AtomicFolder.WriteFile(_root.File("a.txt"), "whole");
        Assert.Equal([_root.File("a.txt")], Directory.GetFileSystemEntries(_root.Path));
    }

    /// <summary>Each removes leftovers while others take a name, lock it, write and let go of it.</summary>
    [Fact]
    public async Task Many_who_write_one_file_at_once_leave_one_whole_file()
    {
        var path = _root.File("a.txt");
        using var start = new Barrier(8);
        await Task.WhenAll(Enumerable.Range(0, start.ParticipantCount).Select(writer => Task.Factory.StartNew(
            () =>
            {
                start.SignalAndWait();
                for (var i = 0; i < 50; i++)
                {
                    AtomicFolder.WriteFile(path, new string((char)('a' + writer), 1000));
                }
            },
            CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default)));
        var text = File.ReadAllText(path);
        Assert.Equal(new string(text[0], 1000), text);
        Assert.Equal([path], Directory.GetFileSystemEntries(_root.Path));
    }

    [Fact]
    public void A_place_that_cannot_be_written_is_named()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "the kernel's words are compared");
        var proc = Assert.Throws<IOException>(() => AtomicFolder.Create("/proc/set")).Message;
        Assert.StartsWith("/proc/set: cannot be written: ", proc, StringComparison.Ordinal);
    }

    [Fact]
    public void A_file_is_replaced_as_a_whole()
    {
        var path = _root.File("deep/er/a.txt");
        AtomicFolder.WriteFile(path, "a long first version");
        AtomicFolder.WriteFile(path, "second");
        Assert.Equal("second", File.ReadAllText(path));
        Assert.Single(Directory.GetFiles(Path.GetDirectoryName(path)!));
    }

    [Fact]
    public void A_file_whose_writing_fails_stays_as_it_was()
    {
        var path = _root.File("a.txt");
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
