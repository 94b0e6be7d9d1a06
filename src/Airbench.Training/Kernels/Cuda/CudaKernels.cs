using TorchSharp;
using static TorchSharp.torch;

namespace Airbench.Training;

/// <summary>Max pooling, batch normalization and activations in kernels of our own, on libtorch's tensors; see kernels.cu.</summary>
/// <remarks>All images here are (N, H, W, C), contiguous, in <see cref="Type"/>. Nothing waits for the device.</remarks>
internal sealed unsafe class CudaKernels : IDisposable
{
    private const int Threads = 256, Lanes = 8;   // of a block; channels of a thread
    private const int TableRows = 5;
    private const int MostSlices = 1024;
    private readonly KernelLibrary _library;
    private readonly Device _device;
    private readonly Tensor _partials;   // sums of the blocks of the kernel that runs; one stream, so one kernel at a time
    private readonly Tensor _counters;   // 0 between kernels

    /// <summary>Takes a library that is built for <paramref name="type"/>, bf16 or fp16.</summary>
    public CudaKernels(KernelLibrary library, Device device, ScalarType type)
    {
        (_library, _device, Type) = (library, device, type);
        _partials = empty([((library.Processors * 4) + MostSlices) * 16 * Lanes], ScalarType.Float32, device).DetachFromDisposeScope();
        _counters = zeros([MostSlices], ScalarType.Int32, device).DetachFromDisposeScope();
    }

    /// <summary>Of the images.</summary>
    public ScalarType Type { get; }

    /// <summary>What is kept of a batch norm for its gradients.</summary>
    /// <param name="X">Its input: (N, H, W, C).</param>
    /// <param name="Table">fp32 (5, C).</param>
    /// <param name="Places">Of the maxima, where a pool of 2 x 2 comes before it.</param>
    /// <param name="Height">Of the pool's input.</param>
    /// <param name="Width">Of the pool's input.</param>
    /// <param name="Activation">After it; null for none.</param>
    public sealed record Norm(Tensor X, Tensor Table, Tensor? Places, int Height, int Width, Activation? Activation) : IDisposable
    {
        public void Dispose()
        {
            X.Dispose();
            Table.Dispose();
            Places?.Dispose();
        }
    }

    /// <summary>Whether the kernels go over these images, (N, C, H, W), of any number of channels for <see cref="Whiten"/>, of whole vectors for others.</summary>
    public bool Reads(Tensor images, bool isFirst = false) =>
        images.dtype == Type && images.device.type == _device.type && (isFirst || images.shape[1] % Lanes == 0) && images.numel() is > 0 and < int.MaxValue;

    /// <summary>f(batch norm of x, or of its 2 x 2 maxima), and what its gradients need; updates the running statistics.</summary>
    /// <param name="x">(N, H, W, C).</param>
    /// <param name="isPooled">Whether the maxima of 2 x 2 pixels are normalized.</param>
    /// <param name="bias">fp32 (C).</param>
    /// <param name="runningMean">fp32 (C).</param>
    /// <param name="runningVariance">fp32 (C).</param>
    /// <param name="momentum">Share of this batch in the running statistics.</param>
    /// <param name="epsilon">Added to the variance.</param>
    /// <param name="activation">f; null for none.</param>
    public (Tensor Y, Norm Kept) Normalize(
        Tensor x, bool isPooled, Tensor bias, Tensor runningMean, Tensor runningVariance, double momentum, double epsilon, Activation? activation)
    {
        var (images, height, width, channels) = ((int)x.shape[0], (int)x.shape[1], (int)x.shape[2], (int)x.shape[3]);
        var (outHeight, outWidth) = isPooled ? (height / 2, width / 2) : (height, width);
        var rows = images * outHeight * outWidth;
        var table = empty([TableRows, channels], ScalarType.Float32, _device);
        nint[] sums =
        [
            TorchPointers.Of(_partials), TorchPointers.Of(_counters), TorchPointers.Of(bias), TorchPointers.Of(runningMean), TorchPointers.Of(runningVariance),
            TorchPointers.Of(table), Bits(momentum), Bits(epsilon),
        ];
        var input = x;
        Tensor? places = null;
        if (isPooled)
        {
            input = empty([images, outHeight, outWidth, channels], Type, _device);
            places = empty([rows, channels / Lanes], ScalarType.Int16, _device);
            Run("pool_moments", 3, rows, channels, [TorchPointers.Of(x), TorchPointers.Of(input), TorchPointers.Of(places), height, width, outHeight, outWidth], sums);
        }
        else
        {
            Run("moments", 3, rows, channels, [TorchPointers.Of(x)], sums);
        }
        var y = empty(input.shape, Type, _device);
        Run($"apply_{Suffix(activation)}", 4, rows, channels, [TorchPointers.Of(input), TorchPointers.Of(y)], [TorchPointers.Of(table)]);
        return (y, new Norm(input, table, places, height, width, activation));
    }

    /// <summary>f(batch norm of x, or of its 2 x 2 maxima) with running statistics.</summary>
    public Tensor NormalizeByRunning(Tensor x, bool isPooled, Tensor bias, Tensor runningMean, Tensor runningVariance, double epsilon, Activation? activation)
    {
        var (images, height, width, channels) = ((int)x.shape[0], (int)x.shape[1], (int)x.shape[2], (int)x.shape[3]);
        var (outHeight, outWidth) = isPooled ? (height / 2, width / 2) : (height, width);
        using var table = empty([TableRows, channels], ScalarType.Float32, _device);
        Launch(
            "freeze", 1, (channels + Threads - 1) / Threads, Threads,
            [TorchPointers.Of(bias), TorchPointers.Of(runningMean), TorchPointers.Of(runningVariance), TorchPointers.Of(table), channels, Bits(epsilon)]);
        var y = empty([images, outHeight, outWidth, channels], Type, _device);
        Run(
            $"{(isPooled ? "pool_" : "")}apply_{Suffix(activation)}", 4, images * outHeight * outWidth, channels,
            isPooled ? [TorchPointers.Of(x), TorchPointers.Of(y), height, width, outHeight, outWidth] : [TorchPointers.Of(x), TorchPointers.Of(y)], [TorchPointers.Of(table)]);
        return y;
    }

    /// <summary>Gradients of what was normalized (of the pool's input, where there is a pool) and of the bias.</summary>
    /// <param name="kept">Of the forward pass; its table is used up.</param>
    /// <param name="dy">In the shape of y.</param>
    public (Tensor DX, Tensor DBias) Gradients(Norm kept, Tensor dy)
    {
        var (x, table) = (kept.X, kept.Table);
        var (images, outHeight, outWidth, channels) = ((int)x.shape[0], (int)x.shape[1], (int)x.shape[2], (int)x.shape[3]);
        var rows = images * outHeight * outWidth;
        var dBias = empty([channels], ScalarType.Float32, _device);
        var (xAt, dyAt, tableAt) = (TorchPointers.Of(x), TorchPointers.Of(dy), TorchPointers.Of(table));
        var suffix = Suffix(kept.Activation);
        Run($"slopes_{suffix}", 3, rows, channels, [xAt, dyAt], [TorchPointers.Of(_partials), TorchPointers.Of(_counters), tableAt, TorchPointers.Of(dBias)]);
        var dx = empty([images, kept.Height, kept.Width, channels], Type, _device);
        var dxAt = TorchPointers.Of(dx);
        if (kept.Places is { } places)
        {
            Run($"pool_gradient_{suffix}", 3, rows, channels, [xAt, dyAt, TorchPointers.Of(places), dxAt, kept.Height, kept.Width, outHeight, outWidth], [tableAt]);
        }
        else
        {
            Run($"gradient_{suffix}", 3, rows, channels, [xAt, dyAt, dxAt], [tableAt]);
        }
        return (dx, dBias);
    }

    /// <summary>Maxima of <paramref name="size"/> x <paramref name="size"/> pixels, and their places, a byte each.</summary>
    public (Tensor Y, Tensor Places) Pool(Tensor x, int size)
    {
        var (images, height, width, channels) = ((int)x.shape[0], (int)x.shape[1], (int)x.shape[2], (int)x.shape[3]);
        var (outHeight, outWidth) = (height / size, width / size);
        var y = empty([images, outHeight, outWidth, channels], Type, _device);
        var places = empty(y.shape, ScalarType.Byte, _device);
        Run(
            "pool", 4, images * outHeight * outWidth, channels,
            [TorchPointers.Of(x), TorchPointers.Of(y), TorchPointers.Of(places), height, width, outHeight, outWidth, size], []);
        return (y, places);
    }

    /// <summary>Gradient of the input of <see cref="Pool"/>.</summary>
    public Tensor PoolGradient(Tensor dy, Tensor places, int height, int width, int size)
    {
        var (images, outHeight, outWidth, channels) = ((int)dy.shape[0], (int)dy.shape[1], (int)dy.shape[2], (int)dy.shape[3]);
        var dx = empty([images, height, width, channels], Type, _device);
        Run(
            "unpool", 4, images * height * width, channels,
            [TorchPointers.Of(dy), TorchPointers.Of(places), TorchPointers.Of(dx), height, width, outHeight, outWidth, size], []);
        return dx;
    }

    /// <summary>f(convolution of 2 x 2 of three channels + bias).</summary>
    /// <param name="x">(N, H, W, 3).</param>
    /// <param name="weight">fp32 (C, 2, 2, 3), contiguous; rounded to the images' type.</param>
    /// <param name="bias">fp32 (C).</param>
    /// <param name="activation">f; null for none.</param>
    public Tensor Whiten(Tensor x, Tensor weight, Tensor bias, Activation? activation)
    {
        var (images, height, width, channels) = ((int)x.shape[0], (int)x.shape[1], (int)x.shape[2], (int)weight.shape[0]);
        var y = empty([images, height - 1, width - 1, channels], Type, _device);
        var pixels = images * (height - 1) * (width - 1);
        var parts = channels / Lanes;
        var step = Math.Max(1, 192 / parts);
        var perBlock = Steps(pixels, _library.Processors * 2, step);
        Launch(
            $"whiten_{Suffix(activation)}", 1, (pixels + perBlock - 1) / perBlock, step * parts,
            [
                TorchPointers.Of(x), TorchPointers.Of(y), TorchPointers.Of(weight), TorchPointers.Of(bias), height, width, pixels, channels, perBlock, step * parts,
            ]);
        return y;
    }

    /// <summary>Gradient of the bias of <see cref="Whiten"/>.</summary>
    public Tensor WhitenGradient(Tensor x, Tensor weight, Tensor bias, Activation? activation, Tensor dy)
    {
        var (height, width, channels) = ((int)x.shape[1], (int)x.shape[2], (int)weight.shape[0]);
        var dBias = empty([channels], ScalarType.Float32, _device);
        Run(
            $"whiten_slopes_{Suffix(activation)}", 2, (int)(dy.numel() / channels), channels,
            [TorchPointers.Of(x), TorchPointers.Of(dy), TorchPointers.Of(weight), TorchPointers.Of(bias), height, width],
            [TorchPointers.Of(_partials), TorchPointers.Of(_counters), TorchPointers.Of(dBias)], mostPerRow: 0);
        return dBias;
    }

    public void Dispose()
    {
        _partials.Dispose();
        _counters.Dispose();
    }

    private static string Suffix(Activation? activation) => activation switch
    {
        null => "same",
        Activation.Gelu => "gelu",
        Activation.Silu => "silu",
        _ => throw new NotSupportedException($"activation {activation}"),
    };

    private static nint Bits(double value) => BitConverter.SingleToInt32Bits((float)value);

    /// <summary>Starts a kernel with as many blocks as the device takes at once: <paramref name="perProcessor"/> on each of its processors.</summary>
    private void Run(string kernel, int perProcessor, int rows, int channels, ReadOnlySpan<nint> before, ReadOnlySpan<nint> after, int mostPerRow = 3)
    {
        var perRow = Math.Min(mostPerRow, int.TrailingZeroCount(channels / Lanes));   // threads, as a power of two
        var slices = channels / Lanes >> perRow;
        var rowsPerBlock = Steps(rows, _library.Processors * perProcessor / slices, Threads >> perRow);
        Launch(kernel, slices, (rows + rowsPerBlock - 1) / rowsPerBlock, Threads, [.. before, rows, channels, perRow, rowsPerBlock, .. after]);
    }

    /// <summary>Rows of each of so many blocks, in whole steps.</summary>
    private static int Steps(int rows, int blocks, int step)
    {
        blocks = Math.Max(1, blocks);
        return (((rows + blocks - 1) / blocks) + step - 1) / step * step;
    }

    private void Launch(string kernel, int slices, int blocks, int threads, ReadOnlySpan<nint> values)
    {
        var addresses = stackalloc void*[values.Length];
        fixed (nint* start = values)
        {
            for (var i = 0; i < values.Length; i++)
            {
                addresses[i] = start + i;
            }
            _library.Launch(kernel, slices, blocks, threads, addresses);
        }
    }
}
