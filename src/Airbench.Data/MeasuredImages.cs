using System.Buffers.Binary;
using System.Security.Cryptography;

namespace Airbench.Data;

/// <summary>A source whose pixels are measured as they are decoded, on the threads that decode.</summary>
internal sealed class MeasuredImages(IImageSource images) : IImageSource
{
    private readonly Lock _hashing = new();
    private readonly List<UInt128> _trainHashes = [];   // first halves of SHA-256
    private readonly List<UInt128> _testHashes = [];

    /// <inheritdoc/>
    public IReadOnlyList<string> Classes => images.Classes;

    /// <inheritdoc/>
    public int Count => images.Count;

    /// <summary>Statistics of the training images decoded so far.</summary>
    public ChannelStatistics TrainStatistics { get; } = new();

    /// <inheritdoc/>
    public IEnumerable<SourceImage> Read(Func<int, bool> wanted) => images.Read(wanted);

    /// <inheritdoc/>
    public void Decode(SourceImage image, ImageDecoder decoder, int size, Span<byte> planarRgb)
    {
        images.Decode(image, decoder, size, planarRgb);
        Span<byte> sha256 = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(planarRgb, sha256);
        var hash = BinaryPrimitives.ReadUInt128BigEndian(sha256);
        if (image.Split == Split.Train)
        {
            TrainStatistics.Add(planarRgb);
        }
        lock (_hashing)
        {
            (image.Split == Split.Train ? _trainHashes : _testHashes).Add(hash);
        }
    }

    /// <summary>How many of the test images also occur in the training split, pixel for pixel.</summary>
    public int CountDuplicates()
    {
        var trained = _trainHashes.ToHashSet();
        return _testHashes.Count(trained.Contains);
    }
}
