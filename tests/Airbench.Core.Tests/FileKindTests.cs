namespace Airbench.Tests;

public sealed class FileKindTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Regular_files_and_links_to_them_and_nothing_at_all_are_usual()
    {
        var file = _folder.Write("a", [1]);
        File.CreateSymbolicLink(_folder.File("link"), file);
        Assert.All(new[] { file, _folder.File("link"), _folder.File("nothing"), "a\0b", "" }, path => Assert.Null(FileKind.Unusual(path)));
        Assert.Equal("a folder", FileKind.Unusual(_folder.Path));
    }

    [Fact]
    public void Pipes_and_devices_are_told_apart_without_being_opened()
    {
        var pipe = NamedPipes.Make(_folder.File("pipe"));
        File.CreateSymbolicLink(_folder.File("link"), pipe);
        Assert.Equal(["a named pipe", "a named pipe", "a device"], new[] { pipe, _folder.File("link"), "/dev/zero" }.Select(FileKind.Unusual));
    }

    [Fact]
    public void No_reader_of_artifacts_waits_at_a_pipe()
    {
        var pipe = NamedPipes.Make(_folder.File("dataset.json"));
        Action[] readers = [() => Dataset.Open(_folder.Path), () => Hash.OfFile(pipe), () => FileLength.Of(pipe), () => TensorFile.Open(pipe), () => _ = Csv.Read(pipe).First()];
        Assert.All(readers, read => Assert.Contains("is a named pipe; expected a file", Assert.Throws<InvalidFileException>(read).Message, StringComparison.Ordinal));
    }
}
