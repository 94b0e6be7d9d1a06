namespace Airbench.Onnx;

/// <summary>Both splits of a data set, numbered through: training images first.</summary>
internal sealed class TransferImages : IDisposable
{
    private TransferImages(ImageSplit train, ImageSplit test, int classCount)
    {
        (Train, Test, ClassCount) = (train, test, classCount);
        Labels = [.. train.Labels.Concat(test.Labels).Select(label => (int)label)];
        TrainIndices = [.. Enumerable.Range(0, train.Count)];
        TestIndices = [.. Enumerable.Range(train.Count, test.Count)];
    }

    /// <summary>Opens them.</summary>
    public static TransferImages Open(Dataset dataset)
    {
        var train = dataset.OpenSplit(Split.Train);
        try
        {
            return new TransferImages(train, dataset.OpenSplit(Split.Test), dataset.Manifest.Classes.Count);
        }
        catch
        {
            train.Dispose();
            throw;
        }
    }

    /// <summary>The training split.</summary>
    public ImageSplit Train { get; }

    /// <summary>The test split.</summary>
    public ImageSplit Test { get; }

    /// <summary>Classes K.</summary>
    public int ClassCount { get; }

    /// <summary>Height and width S, pixels.</summary>
    public int Size => Train.ImageSize;

    /// <summary>Training images.</summary>
    public int TrainCount => Train.Count;

    /// <summary>All images.</summary>
    public int Count => Labels.Length;

    /// <summary>Class of each.</summary>
    public int[] Labels { get; }

    /// <summary>Numbers of the training images.</summary>
    public int[] TrainIndices { get; }

    /// <summary>Numbers of the test images.</summary>
    public int[] TestIndices { get; }

    /// <summary>Pixels of an image, [3,S,S].</summary>
    public ReadOnlySpan<byte> Pixels(int image) => image < Train.Count ? Train.Images(image, 1) : Test.Images(image - Train.Count, 1);

    /// <inheritdoc/>
    public void Dispose()
    {
        Train.Dispose();
        Test.Dispose();
    }
}
