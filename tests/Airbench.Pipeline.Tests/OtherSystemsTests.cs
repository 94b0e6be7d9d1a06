using Airbench.Pipeline;
using CsCheck;

namespace Airbench.Tests;

/// <summary>What other systems than this one are told, or tell.</summary>
public sealed class OtherSystemsTests
{
    [Fact]
    public void A_folder_has_a_lock_of_its_own_whose_name_every_system_takes() =>
        Gen.OneOf("data", "/", "\u732B\u3068\u5199\u771F", "aux", ":", "?", ".", " ", "Photos", new string('x', 90)).Array[1, 8].Select(string.Concat).Array[2]
            .Sample(folders =>
            {
                Assert.All(folders, folder => Assert.Matches("^[A-Za-z0-9%._~-]{1,200}$", FolderLocks.LockName(folder)));
                Assert.Equal(folders[0] == folders[1], FolderLocks.LockName(folders[0]) == FolderLocks.LockName(folders[1]));
            }, iter: 1000, seed: "0000000000001");

    [Fact]
    public void A_file_has_a_stamp_where_the_system_has_no_statx()
    {
        var folder = Directory.CreateTempSubdirectory("airbench-stamp-").FullName;
        try
        {
            var (file, link) = (Path.Combine(folder, "file"), Path.Combine(folder, "link"));
            File.WriteAllText(file, "content");
            File.SetLastWriteTimeUtc(file, DateTime.UnixEpoch.AddSeconds(12));
            File.CreateSymbolicLink(link, file);

            Assert.Equal(new FileStamp(7, 12_000_000_000, 0, 0), FileStamp.Elsewhere(file));
            Assert.Equal(FileStamp.Elsewhere(file), FileStamp.Elsewhere(link));
            Assert.Null(FileStamp.Elsewhere(Path.Combine(folder, "missing")));
            Assert.Null(FileStamp.Elsewhere(Path.Combine(folder, "missing", "file")));
            Assert.Null(FileStamp.Elsewhere(folder));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Theory]
    [InlineData(0xC0000005, "ended with exit code 0xC0000005 (STATUS_ACCESS_VIOLATION)", "an invalid memory access")]
    [InlineData(0xC0000135, "ended with exit code 0xC0000135 (STATUS_DLL_NOT_FOUND)", "a library beside the program is missing")]
    [InlineData(0xFFFFFFFF, "ended with exit code 0xFFFFFFFF (-1)", "another process or user ended it")]
    [InlineData(0x00000007, "ended with exit code 0x00000007 and no message", "a native library called exit")]
    public void The_end_of_a_process_on_Windows_is_said_in_words(uint code, string end, string cause)
    {
        var described = ProcessDeath.DescribeStatus(unchecked((int)code));
        Assert.Equal(end, described.End);
        Assert.Contains(cause, described.Cause, StringComparison.Ordinal);
    }
}
