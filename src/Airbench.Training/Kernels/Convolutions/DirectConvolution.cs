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
            var (run, pixels) = (shape.Kernel * shape.In, shape.OutHeight * shape.OutWidth);
            var y = task->Y + ((long)first * pixels * shape.Out);
            for (var pixel = (long)first * pixels; pixel < (long)end * pixels; pixel++, y += shape.Out)
            {
                var (image, place) = ((int)(pixel / pixels), (int)(pixel % pixels));
                var corner = ((((long)image * shape.Height) + (place / shape.OutWidth)) * shape.Width) + (place % shape.OutWidth);
                for (var output = 0; output < shape.Out; output += TSimd.Lanes)
                {
                    var (sum, tap) = (TSimd.Load(task->Bias + output), 0);
                    for (var row = 0; row < shape.Kernel; row++)
                    {
                        var x = task->X + ((corner + ((long)row * shape.Width)) * shape.In);
                        for (var i = 0; i < run; i++, tap++)
                        {
                            sum = TSimd.MultiplyAdd(TSimd.All(x[i]), TSimd.Load(task->Taps + (tap * shape.Columns) + output), sum);
                        }
                    }
                    if (output + TSimd.Lanes <= shape.Out)
                    {
                        TSimd.Store(y + output, sum);
                    }
                    else
                    {
                        TSimd.StoreFirst(y + output, sum, shape.Out - output);
                    }
                }
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
