using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using TorchSharp;
using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace Airbench.Training;

/// <summary>Convolutions of images of few channels in fp32 on a CPU, forward only, as the definition says: all taps of an output at once.</summary>
/// <remarks>
/// Such a layer costs little next to the others. On processors that hide their caches (some virtual machines) the oneDNN of libtorch 2.10
/// computes these layers wrong with AVX-512, and writes over memory that is not its own.
/// </remarks>
internal abstract unsafe class DirectConvolution
{
    private const int MostTaps = 64;
    private const int PixelsAtOnce = 4;

    private static readonly DirectConvolution? _widest =
        Simd512.IsSupported ? new Of<Simd512, Vector512<float>>()
        : Simd256.IsSupported ? new Of<Simd256, Vector256<float>>()
        : null;

    /// <summary>For this processor, where it serves this layer on these images; otherwise null.</summary>
    public static DirectConvolution? For(ConvLayer layer, Tensor images) =>
        layer is { Stride: 1, Padding: 0 } && layer.In * layer.Kernel * layer.Kernel <= MostTaps
        && images.dtype == ScalarType.Float32 && images.device.type == DeviceType.CPU && OpenMp.IsAvailable
            ? _widest
            : null;

    /// <summary>(N, In, H, W) and (Out, In, k, k) -> (N, Out, H - k + 1, W - k + 1), channels_last.</summary>
    /// <param name="images">fp32.</param>
    /// <param name="weight">fp32.</param>
    /// <param name="bias">(Out), or null for none.</param>
    public abstract Tensor Convolve(Tensor images, Tensor weight, Tensor? bias);

    /// <summary>With vectors of one width.</summary>
    public sealed class Of<TSimd, TVector> : DirectConvolution
        where TSimd : struct, ISimd<TVector>
        where TVector : unmanaged
    {
        public override Tensor Convolve(Tensor images, Tensor weight, Tensor? bias)
        {
            using var scope = NewDisposeScope();
            using var noGradients = no_grad();
            var x = ChannelsLast.Pixels(images.detach());
            var shape = new Shape((int)x.shape[0], (int)x.shape[1], (int)x.shape[2], (int)x.shape[3], (int)weight.shape[0], (int)weight.shape[2]);
            var taps = Padded(weight.detach().permute(2, 3, 1, 0), shape);
            var start = Padded(bias?.detach() ?? zeros(shape.Out), shape);
            var y = empty([shape.Images, shape.OutHeight, shape.OutWidth, shape.Out]);
            var task = new Task { X = TorchPointers.Floats(x), Taps = TorchPointers.Floats(taps), Bias = TorchPointers.Floats(start), Y = TorchPointers.Floats(y), Shape = shape };
            OpenMp.Distribute(shape.Images, &ConvolveImages, &task);
            return y.permute(0, 3, 1, 2).MoveToOuterDisposeScope();
        }

        private static Tensor Padded(Tensor tensor, Shape shape) => F.pad(tensor, [0, shape.Columns - shape.Out]).contiguous();

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private static void ConvolveImages(void* state, int thread, int first, int end)
        {
            var task = (Task*)state;
            var shape = task->Shape;
            for (var row = first * shape.OutHeight; row < end * shape.OutHeight; row++)
            {
                var (image, top) = Math.DivRem(row, shape.OutHeight);
                var x = task->X + ((((long)image * shape.Height) + top) * shape.Width * shape.In);
                var y = task->Y + ((long)row * shape.OutWidth * shape.Out);
                for (var column = 0; column < shape.OutWidth; column += PixelsAtOnce)
                {
                    ConvolvePixels(task, x, y, column);
                }
            }
        }

        /// <summary>Four pixels of a row side by side, so that their sums do not wait for one another. Where the row ends, its last one again.</summary>
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private static void ConvolvePixels(Task* task, float* x, float* y, int column0)
        {
            var shape = task->Shape;
            var (columns, run, rowOfX, last) = (shape.Columns, shape.Kernel * shape.In, shape.Width * shape.In, shape.OutWidth - 1);
            var (column1, column2, column3) = (Math.Min(column0 + 1, last), Math.Min(column0 + 2, last), Math.Min(column0 + 3, last));
            for (var output = 0; output < shape.Out; output += TSimd.Lanes)
            {
                var sum0 = TSimd.Load(task->Bias + output);
                var (sum1, sum2, sum3) = (sum0, sum0, sum0);
                var taps = task->Taps + output;
                for (var k = 0; k < shape.Kernel; k++)
                {
                    var x0 = x + (k * rowOfX) + (column0 * shape.In);
                    var x1 = x + (k * rowOfX) + (column1 * shape.In);
                    var x2 = x + (k * rowOfX) + (column2 * shape.In);
                    var x3 = x + (k * rowOfX) + (column3 * shape.In);
                    for (var i = 0; i < run; i++, taps += columns)
                    {
                        var tap = TSimd.Load(taps);
                        sum0 = TSimd.MultiplyAdd(TSimd.All(x0[i]), tap, sum0);
                        sum1 = TSimd.MultiplyAdd(TSimd.All(x1[i]), tap, sum1);
                        sum2 = TSimd.MultiplyAdd(TSimd.All(x2[i]), tap, sum2);
                        sum3 = TSimd.MultiplyAdd(TSimd.All(x3[i]), tap, sum3);
                    }
                }
                var rest = shape.Out - output;
                Store(y + (column0 * shape.Out) + output, sum0, rest);
                Store(y + (column1 * shape.Out) + output, sum1, rest);
                Store(y + (column2 * shape.Out) + output, sum2, rest);
                Store(y + (column3 * shape.Out) + output, sum3, rest);
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private static void Store(float* y, TVector sum, int rest)
        {
            if (rest >= TSimd.Lanes)
            {
                TSimd.Store(y, sum);
            }
            else
            {
                TSimd.StoreFirst(y, sum, rest);
            }
        }

        private readonly record struct Shape(int Images, int Height, int Width, int In, int Out, int Kernel)
        {
            public int OutHeight => Height - Kernel + 1;

            public int OutWidth => Width - Kernel + 1;

            public int Columns => (Out + TSimd.Lanes - 1) / TSimd.Lanes * TSimd.Lanes;
        }

        private struct Task
        {
            public float* X, Taps, Bias, Y;
            public Shape Shape;
        }
    }
}
