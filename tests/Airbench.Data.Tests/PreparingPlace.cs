using Airbench.Data;

namespace Airbench.Tests;

/// <summary>A folder of images, and where they are prepared.</summary>
internal sealed class PreparingPlace : IDisposable
{
    public TemporaryFolder Root { get; } = new();

    public RecordedProgress Progress { get; } = new();

    public string Images => Root.File("images");

    public string Final => Root.File("data/set");

    public void Dispose() => Root.Dispose();

    /// <summary>Prepares the folder of images, or what <paramref name="change"/> makes of these options.</summary>
    public Dataset Prepare(Func<PrepareOptions, PrepareOptions>? change = null)
    {
        var options = new PrepareOptions { Source = DataSource.Folder, Path = Images };
        return Preparer.Prepare(change?.Invoke(options) ?? options, Final, Root.File("data"), 1, Progress, default);
    }

    /// <summary>Writes images of 32 x 32 pixels that follow from a seed.</summary>
    public void WriteImages(params (string Path, int Seed)[] images)
    {
        foreach (var (path, seed) in images)
        {
            Root.Write("images/" + path, TestImages.Png(seed));
        }
    }
}
