namespace Airbench.Data;

/// <summary>Images that an evaluation can be of: its results say which they were.</summary>
public interface IEvaluationSource : IImageSource, IDisposable
{
    /// <summary>Name of the source in results.</summary>
    string Name { get; }

    /// <summary>SHA-256 that tells this source from another; see the classes for what it covers.</summary>
    string Sha256 { get; }

    /// <summary>Whether the images are drawn.</summary>
    bool Synthetic { get; }

    /// <summary>Height and width that the images have and keep, pixels, and how they became square; null where both can be asked for.</summary>
    (int Size, Fit Fit)? Prepared { get; }
}
