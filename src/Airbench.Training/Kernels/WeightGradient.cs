using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using TorchSharp;
using static TorchSharp.torch;

namespace Airbench.Training;

/// <summary>The gradient of a convolution's weight in bf16 on a CPU, faster than oneDNN's own: matrix products over the pixels.</summary>
/// <remarks>
/// For each offset (i, j) in the kernel, dW is X^T dY, summed over the pixels of all images, with X shifted by (i, j). X^T is laid out once, with
/// zeros around each image, so that the shift is an offset in its rows, and stays in the cache for all offsets; dY is laid out alike, with
/// zeros for the pixels at the edges that are none. One zero column serves as the right edge of one row and the left edge of the next.
/// In narrow images with many outputs that column would be much of the work: there X^T is laid out once for each j instead, without it.
/// Sums are fp32, in the same order each time for the same number of threads.
/// </remarks>
internal static unsafe class WeightGradient
{
    private const int Lanes = 16;          // channels that one step lays out
    private const int Line = 32;           // bf16 numbers of a cache line: pixels that one step lays out
    private const int ShortestRun = 48;    // pixels below which the sums in C would move more than the products
    private const int ManyOutputs = 10;    // times the width of an image: from there on the products cost more than laying X out again

    /// <summary>Whether <see cref="Of"/> serves this layer on these images. Processors with AMX have oneDNN's own kernels for it.</summary>
    public static bool Serves(ConvLayer layer, Tensor images) =>
        images.dtype == ScalarType.BFloat16 && images.device.type == DeviceType.CPU
        && layer.Stride == 1 && layer.Padding < layer.Kernel && layer.In >= Lanes && layer.Out >= Lanes
        && images.shape[0] * (images.shape[2] + layer.Padding) * (images.shape[3] + layer.Padding) * Math.Max(layer.In, layer.Out) <= CpuKernel.LargestTensor / sizeof(ushort)
        && Avx512BW.IsSupported && !CpuFeatures.HasAmxBf16 && Brgemm.IsAvailable && OpenMp.IsAvailable;

    /// <summary>dW, fp32, (Out, In, k, k), channels_last.</summary>
    /// <param name="layer">The convolution.</param>
    /// <param name="input">X, bf16, (N, In, H, W).</param>
    /// <param name="gradient">dY, bf16, (N, Out, h, w).</param>
    public static Tensor Of(ConvLayer layer, Tensor input, Tensor gradient)
    {
        using var scope = NewDisposeScope();
        using var noGradients = no_grad();
        var (x, dy) = (ChannelsLast.Pixels(input), ChannelsLast.Pixels(gradient));
        var places = Places.For(layer, (int)x.shape[0], (int)x.shape[1], (int)x.shape[2]);
        var threads = OpenMp.ThreadsFor(places.Sizes.Groups);
        var sums = zeros([threads, layer.Kernel, layer.Kernel, layer.In, layer.Out]);
        var work = empty([threads, places.Sizes.Work], ScalarType.BFloat16);
        fixed (byte* xStart = x.bytes, dyStart = dy.bytes, workStart = work.bytes, sumsStart = sums.bytes)
        {
            fixed (int* xPixels = places.OfX, dyPixels = places.OfDY)
            {
                var task = new Task
                {
                    X = (ushort*)xStart,
                    DY = (ushort*)dyStart,
                    Work = (ushort*)workStart,
                    Sums = (float*)sumsStart,
                    PlacesOfX = xPixels,
                    PlacesOfDY = dyPixels,
                    Sizes = places.Sizes,
                };
                OpenMp.Run(places.Sizes.Groups, threads, &AddGroups, &task);
            }
        }
        var sum = threads == 1 ? sums[0] : sums.sum([0L]);
        return ChannelsLast.Of(sum.permute(3, 2, 0, 1)).MoveToOuterDisposeScope();
    }

    /// <summary>The products of one thread's groups of images, into sums of its own.</summary>
    private static void AddGroups(void* state, int thread, int first, int end)
    {
        ref readonly var task = ref *(Task*)state;
        ref readonly var sizes = ref task.Sizes;
        var rows = task.Work + ((long)thread * sizes.Work);
        var pairs = rows + ((long)sizes.In * sizes.Row);
        var none = pairs + ((long)sizes.Out * sizes.Run);   // a pixel of zeros
        Unsafe.InitBlockUnaligned(none, 0, (uint)(Math.Max(sizes.In, sizes.Out) * sizeof(ushort)));
        var product = (long)sizes.In * sizes.Out;
        var sums = task.Sums + (thread * sizes.Kernel * sizes.Kernel * product);
        for (var group = first; group < end; group++)
        {
            var start = (long)group * sizes.Group;
            var images = (int)Math.Min(sizes.Group, sizes.Images - start);
            LayOutRows(new(task.X + (start * sizes.PixelsOfX * sizes.In), sizes.In, images * sizes.PixelsOfX, none), task.PlacesOfX, rows, sizes.Row);
            LayOutPairs(new(task.DY + (start * sizes.PixelsOfDY * sizes.Out), sizes.Out, images * sizes.PixelsOfDY, none), task.PlacesOfDY, pairs, sizes.Run);
            for (var i = 0; i < sizes.Kernel; i++)
            {
                for (var j = 0; j < sizes.Kernel; j++)
                {
                    var shifted = rows + (i * sizes.Pitch) + (j * sizes.Step);
                    Brgemm.Accumulate(sizes.In, sizes.Out, sizes.Run, shifted, sizes.Row, pairs, sums + (((i * sizes.Kernel) + j) * product));
                }
            }
        }
    }

    /// <summary>Writes (channels, positions): at each position the pixel that the table names.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]   // the first step is as long as the others
    private static void LayOutRows(Pixels pixels, int* table, ushort* rows, int positions)
    {
        var pairs = stackalloc Vector512<uint>[Lanes];
        for (var position = 0; position < positions; position += 2 * Lanes)
        {
            for (var step = 0; step < pixels.Channels; step += Lanes)
            {
                var channel = Math.Min(step, pixels.Channels - Lanes);   // the last step may do some again
                for (var pair = 0; pair < Lanes; pair++)
                {
                    var at = table + position + (2 * pair);
                    pairs[pair] = Pair(pixels.At(at[0]) + channel, pixels.At(at[1]) + channel);
                }
                Transpose(pairs, (uint*)(rows + ((long)channel * positions) + position), positions / 2);
            }
        }
    }

    /// <summary>Writes (positions / 2, channels, 2).</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]   // the first step is as long as the others
    private static void LayOutPairs(Pixels pixels, int* table, ushort* pairs, int positions)
    {
        for (var position = 0; position < positions; position += 2)
        {
            var first = pixels.At(table[position]);
            var second = pixels.At(table[position + 1]);
            for (var step = 0; step < pixels.Channels; step += Lanes)
            {
                var channel = Math.Min(step, pixels.Channels - Lanes);
                Pair(first + channel, second + channel).Store((uint*)(pairs + ((long)position * pixels.Channels) + (2 * channel)));
            }
        }
    }

    /// <summary>Sixteen channels of two pixels, side by side: the first in the lower halves.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<uint> Pair(ushort* first, ushort* second) =>
        Avx512F.ConvertToVector512UInt32(Vector256.Load(first)) | (Avx512F.ConvertToVector512UInt32(Vector256.Load(second)) << 16);

    /// <summary>Writes sixteen vectors as the columns of sixteen rows.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Transpose(Vector512<uint>* v, uint* rows, int row)
    {
        for (var i = 0; i < Lanes; i += 4)
        {
            // Within 128 bits: v[i + c] gets column c of each lane, of four vectors.
            var (low01, high01) = (Avx512F.UnpackLow(v[i], v[i + 1]).AsUInt64(), Avx512F.UnpackHigh(v[i], v[i + 1]).AsUInt64());
            var (low23, high23) = (Avx512F.UnpackLow(v[i + 2], v[i + 3]).AsUInt64(), Avx512F.UnpackHigh(v[i + 2], v[i + 3]).AsUInt64());
            v[i] = Avx512F.UnpackLow(low01, low23).AsUInt32();
            v[i + 1] = Avx512F.UnpackHigh(low01, low23).AsUInt32();
            v[i + 2] = Avx512F.UnpackLow(high01, high23).AsUInt32();
            v[i + 3] = Avx512F.UnpackHigh(high01, high23).AsUInt32();
        }
        for (var c = 0; c < 4; c++)
        {
            // Between the lanes of 128 bits: a four by four transpose of them.
            const byte even = 0x88, odd = 0xdd;
            var (even01, odd01) = (Avx512F.Shuffle4x128(v[c], v[c + 4], even), Avx512F.Shuffle4x128(v[c], v[c + 4], odd));
            var (even23, odd23) = (Avx512F.Shuffle4x128(v[c + 8], v[c + 12], even), Avx512F.Shuffle4x128(v[c + 8], v[c + 12], odd));
            Avx512F.Shuffle4x128(even01, even23, even).Store(rows + ((long)c * row));
            Avx512F.Shuffle4x128(odd01, odd23, even).Store(rows + ((long)(c + 4) * row));
            Avx512F.Shuffle4x128(even01, even23, odd).Store(rows + ((long)(c + 8) * row));
            Avx512F.Shuffle4x128(odd01, odd23, odd).Store(rows + ((long)(c + 12) * row));
        }
    }

    private struct Task
    {
        public ushort* X, DY, Work;
        public float* Sums;
        public int* PlacesOfX, PlacesOfDY;
        public Sizes Sizes;
    }

    /// <summary>Pixels in memory, channel by channel, and one of zeros for all that are none.</summary>
    private readonly struct Pixels(ushort* first, int channels, int count, ushort* none)
    {
        public int Channels => channels;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public ushort* At(int pixel) => (uint)pixel < (uint)count ? first + ((long)pixel * channels) : none;
    }

    /// <param name="In">Channels of X.</param>
    /// <param name="Out">Channels of dY.</param>
    /// <param name="Kernel">Height and width of the kernel.</param>
    /// <param name="Images">In the batch.</param>
    /// <param name="Group">Images that are laid out and multiplied at once: one, or several small ones.</param>
    /// <param name="PixelsOfX">Of one image.</param>
    /// <param name="PixelsOfDY">Of one image.</param>
    /// <param name="Pitch">Positions from one row of pixels to the next.</param>
    /// <param name="Step">Positions from X for one j to X for the next: 1, or those of a whole layout.</param>
    /// <param name="Run">Positions that a product sums over, even.</param>
    /// <param name="Row">Positions of X, of all layouts: each with those that the last offset reaches, in whole blocks.</param>
    private readonly record struct Sizes(
        int In, int Out, int Kernel, int Images, int Group, int PixelsOfX, int PixelsOfDY, int Pitch, int Step, int Run, int Row)
    {
        public int Groups => (Images + Group - 1) / Group;

        /// <summary>Numbers that a thread lays out, in whole cache lines.</summary>
        public int Work => ((In * Row) + (Out * Run) + Math.Max(In, Out) + Line - 1) / Line * Line;
    }

    /// <summary>Which pixel of a group stands at each position, or -1 for none.</summary>
    private sealed record Places(Sizes Sizes, int[] OfX, int[] OfDY)
    {
        public static Places For(ConvLayer layer, int images, int height, int width)
        {
            var (pad, kernel) = (layer.Padding, layer.Kernel);
            var (outHeight, outWidth) = (height + (2 * pad) - kernel + 1, width + (2 * pad) - kernel + 1);
            var layouts = outWidth < width + pad && layer.Out >= ManyOutputs * width ? kernel : 1;
            var pitch = layouts > 1 ? outWidth : width + pad;
            var perImage = (height + pad) * pitch;
            var group = 1;
            while (RunOf(group) < ShortestRun && group < images)
            {
                group++;
            }
            var run = (RunOf(group) + 1) / 2 * 2;
            var layout = (run + ((kernel - 1) * (layouts > 1 ? pitch : pitch + 1)) + Line - 1) / Line * Line;
            var sizes = new Sizes(
                layer.In, layer.Out, kernel, images, group, height * width, outHeight * outWidth, pitch, layouts > 1 ? layout : 1, run, layouts * layout);
            var (ofX, ofDY) = (new int[sizes.Row], new int[run]);
            for (var j = 0; j < layouts; j++)
            {
                LayOut(ofX.AsSpan(j * layout, layout), height, width, pad, pad - j);
            }
            LayOut(ofDY, outHeight, outWidth, 0, 0);
            return new Places(sizes, ofX, ofDY);

            int RunOf(int group) => ((group - 1) * perImage) + (outHeight * pitch);

            void LayOut(Span<int> places, int height, int width, int down, int right)
            {
                places.Fill(-1);
                for (var pixel = 0; pixel < group * height * width; pixel++)
                {
                    var (image, y, x) = (pixel / (height * width), pixel / width % height, (pixel % width) + right);
                    if (x >= 0 && x < pitch)
                    {
                        places[(image * perImage) + ((y + down) * pitch) + x] = pixel;
                    }
                }
            }
        }
    }
}
