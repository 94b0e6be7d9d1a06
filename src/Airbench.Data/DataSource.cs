namespace Airbench.Data;

/// <summary>Where labelled images come from.</summary>
public enum DataSource
{
    /// <summary>The original CIFAR-10 binary archive.</summary>
    Cifar10,

    /// <summary>The original CIFAR-100 binary archive, fine labels.</summary>
    Cifar100,

    /// <summary>A .tar, .tar.gz, .tgz or .zip of class folders.</summary>
    Archive,

    /// <summary>A directory of class folders.</summary>
    Folder,

    /// <summary>Images drawn by the product itself.</summary>
    Synthetic,
}
