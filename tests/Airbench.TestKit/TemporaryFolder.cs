namespace Airbench.Tests;

/// <summary>A folder of its own for one test, removed with it.</summary>
/// <param name="inMemory">On a file system in memory, where the system has one.</param>
internal sealed class TemporaryFolder(bool inMemory = false) : IDisposable
{
    private const string Memory = "/dev/shm";

    public string Path { get; } = inMemory && Directory.Exists(Memory)
        ? Directory.CreateDirectory(System.IO.Path.Combine(Memory, $"airbench-test-{Guid.NewGuid():N}")).FullName
        : Directory.CreateTempSubdirectory("airbench-test-").FullName;

    /// <summary>Full path of a file in it.</summary>
    public string File(params string[] parts) => System.IO.Path.Combine([Path, .. parts]);

    /// <summary>Writes a file, with the folders above it; returns its full path.</summary>
    public string Write(string name, ReadOnlySpan<byte> content)
    {
        Directory.CreateDirectory(System.IO.Path.GetDirectoryName(File(name))!);
        System.IO.File.WriteAllBytes(File(name), content);
        return File(name);
    }

    public void Dispose() => Directory.Delete(Path, recursive: true);
}
