namespace Airbench.Data;

/// <summary>Facts about an original CIFAR binary archive, from https://www.cs.toronto.edu/~kriz/cifar.html.</summary>
internal sealed record CifarSet
{
    /// <summary>Where the archives are published.</summary>
    public static readonly Uri HomePage = new("https://www.cs.toronto.edu/~kriz/");

    /// <summary>10 classes, 5 x 10,000 training and 10,000 test records.</summary>
    public static readonly CifarSet Cifar10 = new()
    {
        FileName = "cifar-10-binary.tar.gz",
        Bytes = 170_052_171,
        Md5 = "c32a1d4ab5d03f1284b67883e8d87530",
        ClassesFile = "batches.meta.txt",
        TrainFiles = ["data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin", "data_batch_4.bin", "data_batch_5.bin"],
        TestFiles = ["test_batch.bin"],
        ClassCount = 10,
        LabelBytes = 1,
    };

    /// <summary>100 fine classes (a coarse label comes before each), 50,000 training and 10,000 test records.</summary>
    public static readonly CifarSet Cifar100 = new()
    {
        FileName = "cifar-100-binary.tar.gz",
        Bytes = 168_513_733,
        Md5 = "03b5dce01913d631647c71ecec9e9cb8",
        ClassesFile = "fine_label_names.txt",
        TrainFiles = ["train.bin"],
        TestFiles = ["test.bin"],
        ClassCount = 100,
        LabelBytes = 2,
    };

    /// <summary>Name of the archive.</summary>
    public required string FileName { get; init; }

    /// <summary>Its size.</summary>
    public required long Bytes { get; init; }

    /// <summary>Its MD5, lower-case hexadecimal: what the home page states.</summary>
    public required string Md5 { get; init; }

    /// <summary>Text file with one class name a line.</summary>
    public required string ClassesFile { get; init; }

    /// <summary>Files of records, in order.</summary>
    public required IReadOnlyList<string> TrainFiles { get; init; }

    /// <summary>Files of records, in order.</summary>
    public required IReadOnlyList<string> TestFiles { get; init; }

    /// <summary>Labels run from 0 to this, exclusive.</summary>
    public required int ClassCount { get; init; }

    /// <summary>Bytes before the pixels of a record; the last one is the label.</summary>
    public required int LabelBytes { get; init; }
}
