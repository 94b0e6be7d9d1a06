using Airbench.Data;
using static Airbench.Tests.SavedTrees;

namespace Airbench.Tests;

/// <summary>Names of entries: where they lead, and in which encoding they are written.</summary>
public sealed class ArchiveNamesTests : IDisposable
{
    private readonly SavedTrees _trees = new();

    public void Dispose() => _trees.Dispose();

    [Fact]
    public void Names_are_normalized()
    {
        Assert.Equal(["a/1.png=01", "b/2.png="], Files(_trees.Save(Archives.Tar([("./", []), ("./a/1.png", [1]), ("b//2.png", [])]))));
        Assert.Equal(["a/1.png=01"], Files(_trees.Save(Archives.Zip([("a\\1.png", [1])]))));
    }

    [Theory]
    [InlineData("../1.png", "'..'")]
    [InlineData("a/../../1.png", "'..'")]
    [InlineData("a/..", "'..'")]
    [InlineData("..\\1.png", "'..'")]
    [InlineData("/etc/1.png", "absolute")]
    [InlineData("\\1.png", "absolute")]
    [InlineData("C:\\1.png", "absolute")]
    [InlineData("C:/1.png", "absolute")]
    public void Names_that_leave_the_archive_are_refused(string name, string reason)
    {
        foreach (var archive in new[] { Archives.Tar([("a/0.png", [0]), (name, [1])]), Archives.Zip([("a/0.png", [0]), (name, [1])]) })
        {
            var error = Assert.Throws<DataException>(() => Files(_trees.Save(archive)));
            Assert.Contains($"entry '{name}'", error.Message);
            Assert.Contains(reason, error.Message);
        }
    }

    [Fact]
    public void Names_in_a_zip_that_are_not_marked_are_utf8_where_they_are_valid_and_otherwise_what_is_said()
    {
        byte[][] shiftJis = [[0x8C, 0xA2, .. "/1.png"u8], [0x95, 0x5C, .. "/2.png"u8]];   // 犬; 表, whose second byte is a backslash
        var japanese = _trees.Save(Archives.ZipOfNames(shiftJis.Select(name => (name, (byte[])[1]))));
        Assert.Equal(["犬/1.png=01", "表/2.png=01"], Files(japanese, nameEncoding: "shift_jis"));
        Assert.Equal(["犬/1.png=01", "表/2.png=01"], Files(japanese, nameEncoding: "cp932"));
        var german = _trees.Save(Archives.ZipOfNames([([(byte)'F', 0x81, .. "chse/1.png"u8], [1])]));
        Assert.Equal(["Füchse/1.png=01"], Files(german, nameEncoding: "cp437"));
        Assert.Equal(["né/1.png=01"], Files(_trees.Save(Archives.ZipOfNames([([.. "né/1.png"u8], [1])]))));
        Assert.Equal(["né/1.png=01"], Files(_trees.Save(Archives.Zip([("né/1.png", [1])])), nameEncoding: "cp437"));   // marked: the mark counts
    }

    [Fact]
    public void Names_in_a_zip_that_are_neither_are_refused_with_what_they_could_mean()
    {
        var zip = _trees.Save(Archives.ZipOfNames([([0x93, 0xFA, 0x96, 0x7B, .. "/1.png"u8], [1])]));
        var error = Assert.Throws<DataException>(() => Files(zip)).Message;
        Assert.Contains("bytes 93FA967B", error, StringComparison.Ordinal);
        Assert.Contains("name_encoding", error, StringComparison.Ordinal);
        Assert.Contains("as shift_jis it reads '日本/1.png'", error, StringComparison.Ordinal);
        var wrong = _trees.Save(Archives.ZipOfNames([([0xFF, 0xFF, .. "/1.png"u8], [1])]));
        Assert.Contains(
            "neither marked as UTF-8 nor valid gb18030", Assert.Throws<DataException>(() => Files(wrong, nameEncoding: "gb18030")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_name_that_is_no_text_is_refused()
    {
        var tar = Archives.Tar([("a\uFFFD/1.png", [1])]);
        Assert.Contains("a name that is not UTF-8", Assert.Throws<DataException>(() => Files(_trees.Save(tar))).Message, StringComparison.Ordinal);
    }
}
