using Airbench.Data;

namespace Airbench.Tests;

/// <summary>A small drawn data set in a folder of its own, and options that train on it in about a second.</summary>
internal sealed class TinySet : IDisposable
{
    public TinySet(int train = 256, int test = 64, int imageSize = 32)
    {
        Root = Directory.CreateTempSubdirectory("airbench-").FullName;
        var data = Path.Combine(Root, "data");
        var options = new PrepareOptions { Source = DataSource.Synthetic, TrainCount = train, TestCount = test, ImageSize = imageSize };
        Dataset = Preparer.Prepare(options, Path.Combine(data, "tiny"), data, seed: 1, IProgress.Silent, CancellationToken.None);
    }

    public string Root { get; }

    public Dataset Dataset { get; }

    public static TrainOptions Options => new TrainOptions { Precision = Precision.Fp32, Threads = 2 }
        .Changing(recipe => recipe with { Widths = [4, 8, 8], BatchSize = 32, Epochs = 2 });

    public string ModelFolder(string name = "model") => Path.Combine(Root, "models", name);

    public TrainedModel Train(TrainOptions options, int seed = 1, string name = "model", IProgress? progress = null, CancellationToken cancel = default) =>
        Trainer.Train(Dataset, options, ModelFolder(name), "cpu", seed, progress ?? IProgress.Silent, cancel);

    /// <summary>With a choice of <c>precision: auto</c> that is given.</summary>
    public TrainedModel Train(
        TrainOptions options, AutoPrecision auto, string name = "model", IProgress? progress = null, bool startAnew = false, CancellationToken cancel = default) =>
        Trainer.Train(Dataset, options, ModelFolder(name), "cpu", seed: 1, progress ?? IProgress.Silent, auto, startAnew, cancel);

    public void Dispose() => Directory.Delete(Root, recursive: true);
}
