namespace Airbench.Data;

/// <summary>Archives that are read.</summary>
internal enum ArchiveKind
{
    /// <summary>.tar</summary>
    Tar,

    /// <summary>.tar.gz</summary>
    Gzip,

    /// <summary>.zip</summary>
    Zip,
}
