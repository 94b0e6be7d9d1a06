using Airbench.Data;

namespace Airbench.Tests;

/// <summary>Folders and archives of a test, and what is read from them.</summary>
internal sealed class SavedTrees : IDisposable
{
    /// <summary>The content of a small archive.</summary>
    public static readonly (string, byte[])[] Two = [("a/1.png", [1, 2, 3]), ("b/2.png", [4])];

    private int _files;

    public TemporaryFolder Folder { get; } = new();

    public void Dispose() => Folder.Dispose();

    /// <summary>Writes an archive to a file of a name that says nothing.</summary>
    public string Save(byte[] content)
    {
        var path = Folder.File($"{_files++}.archive");
        File.WriteAllBytes(path, content);
        return path;
    }

    /// <summary>"path=hexadecimal content" of every file.</summary>
    public static List<string> Files(string path, long maxUnpackedBytes = long.MaxValue, string? nameEncoding = null)
    {
        var buffer = Array.Empty<byte>();
        var files = new List<string>();
        foreach (var entry in FileTree.Open(path, maxUnpackedBytes, nameEncoding).Walk())
        {
            if (!entry.IsFolder)
            {
                files.Add($"{entry.Path}={Convert.ToHexString(entry.Read(ref buffer).Span)}");
            }
        }
        return files;
    }
}
