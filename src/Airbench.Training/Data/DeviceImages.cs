using static TorchSharp.torch;

namespace Airbench.Training;

/// <summary>A whole split on the device: uint8 images, reflect-padded once, and labels.</summary>
/// <remarks>
/// Kept as bytes in NHWC: a quarter of the memory of fp32, and every crop of every image is a strided view
/// (<see cref="Crops"/>), so one gather does permutation and translation for a batch.
/// </remarks>
internal sealed class DeviceImages : IDisposable
{
    private const int Chunk = 4096;
    private readonly Tensor _padded;   // (N, S+2p, S+2p, 3) uint8
    private readonly Tensor _windows;  // (N, 2p+1, 2p+1, S, S, 3) uint8, a view of _padded
    private readonly Tensor _scale;    // (3) fp32
    private readonly Tensor _shift;    // (3) fp32

    private DeviceImages(Tensor padded, Tensor labels, int size, int padding, NetworkSpec spec)
    {
        _padded = padded;
        Labels = labels;
        Count = (int)labels.shape[0];
        (Size, Padding) = (size, padding);
        var (row, pixel, image) = (3L * (size + (2 * padding)), 3L, 3L * (size + (2 * padding)) * (size + (2 * padding)));
        var shifts = (2 * padding) + 1;
        _windows = padded.as_strided([Count, shifts, shifts, size, size, 3], [image, row, pixel, row, pixel, 1]);
        // (pixel / 255 - mean) / std as one multiplication and one addition.
        _scale = tensor(spec.Std.Select(std => (float)(1 / (255 * std))).ToArray(), device: padded.device);
        _shift = tensor(spec.Mean.Zip(spec.Std, (mean, std) => (float)(-mean / std)).ToArray(), device: padded.device);
    }

    /// <summary>Images N.</summary>
    public int Count { get; }

    /// <summary>Height and width S of an image.</summary>
    public int Size { get; }

    /// <summary>Pixels of reflection on each side.</summary>
    public int Padding { get; }

    /// <summary>Classes, int64 (N).</summary>
    public Tensor Labels { get; }

    /// <summary>Copies a split to the device.</summary>
    /// <param name="images">The mapped split.</param>
    /// <param name="spec">Its mean and std normalize batches.</param>
    /// <param name="padding">Pixels of reflect padding on each side, less than the image size.</param>
    /// <param name="device">Where to.</param>
    public static DeviceImages Load(ImageSplit images, NetworkSpec spec, int padding, Device device)
    {
        var size = images.ImageSize;
        var padded = empty([images.Count, size + (2 * padding), size + (2 * padding), 3], ScalarType.Byte, device);
        for (var first = 0; first < images.Count; first += Chunk)
        {
            using var scope = NewDisposeScope();
            var count = Math.Min(Chunk, images.Count - first);
            var planar = empty([count, 3, size, size], ScalarType.Byte);
            images.Images(first, count).CopyTo(planar.bytes);
            padded.narrow(0, first, count).copy_(ReflectPad(planar.permute(0, 2, 3, 1), padding));
        }
        return new DeviceImages(padded, tensor(images.Labels, device: device), size, padding, spec);
    }

    /// <summary>Pixels and labels drawn at random, by a generator of the CPU.</summary>
    public static DeviceImages OfNoise(int count, NetworkSpec spec, int padding, Device device, Generator generator)
    {
        var side = spec.ImageSize + (2 * padding);
        var padded = randint(0, 256, [count, side, side, 3], ScalarType.Byte, generator: generator).to(device);
        var labels = randint(0, spec.ClassCount, [count], ScalarType.Int64, generator: generator).to(device);
        return new DeviceImages(padded, labels, spec.ImageSize, padding, spec);
    }

    /// <summary>
    /// uint8 (B, S, S, 3): images <paramref name="index"/> (int64 (B)), each cropped from the padded image at
    /// <paramref name="top"/> and <paramref name="left"/> (int64 (B), 0 to 2p).
    /// </summary>
    public Tensor Crops(Tensor index, Tensor top, Tensor left) =>
        _windows.index(TensorIndex.Tensor(index), TensorIndex.Tensor(top), TensorIndex.Tensor(left));

    /// <summary>uint8 (B, S, S, 3): images first to first + count, the padded image cropped at (top, left); (p, p) is the image itself.</summary>
    public Tensor Crop(int first, int count, int top, int left) => _windows.narrow(0, first, count).select(1, top).select(1, left);

    /// <summary>uint8 (B, S, S, 3): as above, images <paramref name="index"/> (int64 (B)).</summary>
    public Tensor Crop(Tensor index, int top, int left) => _windows.select(1, top).select(1, left).index_select(0, index);

    /// <summary>Normalized (B, 3, S, S), channels_last, of uint8 (B, S, S, 3).</summary>
    public Tensor Normalize(Tensor crops, ScalarType type) => (crops.to(ScalarType.Float32) * _scale).Accumulate(_shift).to(type).permute(0, 3, 1, 2);

    public void Dispose()
    {
        _windows.Dispose();
        _padded.Dispose();
        Labels.Dispose();
        _scale.Dispose();
        _shift.Dispose();
    }

    /// <summary>Reflection without repeating the border, as PyTorch's <c>reflect</c>, which does not take uint8. (N, H, W, C).</summary>
    private static Tensor ReflectPad(Tensor images, int padding)
    {
        if (padding == 0)
        {
            return images;
        }
        var size = (int)images.shape[1];
        if (padding >= size)
        {
            throw new ConfigurationException($"translate: {padding} pixels do not fit images of {size} pixels; expected less than {size}");
        }
        var index = tensor([.. Enumerable.Range(-padding, size + (2 * padding)).Select(i => (long)(i < 0 ? -i : i >= size ? (2 * size) - 2 - i : i))]);
        return images.index_select(1, index).index_select(2, index);
    }
}
