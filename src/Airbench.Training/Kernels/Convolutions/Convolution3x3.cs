using System.Runtime.Intrinsics;
using TorchSharp;
using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace Airbench.Training;

/// <summary>3x3 convolutions in fp32 on a CPU, forward and both gradients, after Winograd: a quarter of the multiplications.</summary>
/// <remarks>Each output is summed in the same order whatever the number of threads; a kernel's gradient in one for each number.</remarks>
internal abstract unsafe class Convolution3x3
{
    private static readonly Convolution3x3? _widest =
        Simd512.IsSupported ? new Of<Simd512, Vector512<float>, Products512, Products512Narrow>()
        : Simd256.IsSupported ? new Of<Simd256, Vector256<float>, Products256, Products256>()
        : null;

    /// <summary>For this processor, where it serves this layer on these images; otherwise null.</summary>
    public static Convolution3x3? For(ConvLayer layer, Tensor images) =>
        layer is { Kernel: 3, Stride: 1, Padding: <= 2 } && images.dtype == ScalarType.Float32 && images.device.type == DeviceType.CPU
        && images.shape[2] + (2 * layer.Padding) > 2 && images.shape[3] + (2 * layer.Padding) > 2
        && images.shape[0] * images.shape[2] * images.shape[3] < int.MaxValue
        && OpenMp.IsAvailable
            ? _widest
            : null;

    /// <summary>(N, In, H, W) and (Out, In, 3, 3) -> (N, Out, h, w), channels_last.</summary>
    public Tensor Convolve(Tensor images, Tensor weight, int padding)
    {
        using var scope = NewDisposeScope();
        using var noGradients = no_grad();
        return OutputOf(ChannelsLast.Pixels(images.detach()), weight.detach().permute(2, 3, 1, 0), padding).MoveToOuterDisposeScope();
    }

    /// <summary>The gradient of the images.</summary>
    /// <param name="gradient">Of the output, (N, Out, h, w).</param>
    /// <param name="weight">(Out, In, 3, 3).</param>
    /// <param name="padding">Of the convolution.</param>
    public Tensor InputGradient(Tensor gradient, Tensor weight, int padding)
    {
        using var scope = NewDisposeScope();
        using var noGradients = no_grad();
        return OutputOf(ChannelsLast.Pixels(gradient.detach()), weight.detach().permute(2, 3, 0, 1).flip(0, 1), 2 - padding).MoveToOuterDisposeScope();
    }

    /// <summary>The gradient of the weight, (Out, In, 3, 3), channels_last.</summary>
    /// <param name="images">(N, In, H, W).</param>
    /// <param name="gradient">Of the output, (N, Out, h, w).</param>
    /// <param name="padding">Of the convolution.</param>
    public Tensor WeightGradient(Tensor images, Tensor gradient, int padding)
    {
        using var scope = NewDisposeScope();
        using var noGradients = no_grad();
        return ChannelsLast.Of(
            KernelGradient(ChannelsLast.Pixels(images.detach()), ChannelsLast.Pixels(gradient.detach()), padding).permute(3, 2, 0, 1)).MoveToOuterDisposeScope();
    }

    /// <summary>(N, H, W, In) and (3, 3, In, Out) -> (N, Out, h, w).</summary>
    protected abstract Tensor OutputOf(Tensor pixels, Tensor kernel, int padding);

    /// <summary>(3, 3, In, Out).</summary>
    protected abstract Tensor KernelGradient(Tensor pixels, Tensor gradient, int padding);

    /// <summary>With vectors of one width.</summary>
    /// <typeparam name="TSimd">Their arithmetic.</typeparam>
    /// <typeparam name="TVector">The vectors.</typeparam>
    /// <typeparam name="TWide">Products in the widest panels.</typeparam>
    /// <typeparam name="TNarrow">Those where fewer outputs are computed in vain.</typeparam>
    public sealed class Of<TSimd, TVector, TWide, TNarrow> : Convolution3x3
        where TSimd : struct, ISimd<TVector>
        where TVector : unmanaged
        where TWide : struct, IProducts
        where TNarrow : struct, IProducts
    {
        protected override Tensor OutputOf(Tensor pixels, Tensor kernel, int padding) =>
            IsWide(kernel.shape[3]) ? OutputOf<TWide>(pixels, kernel, padding) : OutputOf<TNarrow>(pixels, kernel, padding);

        protected override Tensor KernelGradient(Tensor pixels, Tensor gradient, int padding) =>
            IsWide(gradient.shape[3]) ? KernelGradient<TWide>(pixels, gradient, padding) : KernelGradient<TNarrow>(pixels, gradient, padding);

        private static bool IsWide(long outputs) =>
            WinogradKernel<TSimd, TVector, TWide>.ColumnsOf((int)outputs) <= WinogradKernel<TSimd, TVector, TNarrow>.ColumnsOf((int)outputs);

        private static Tensor OutputOf<TProducts>(Tensor pixels, Tensor kernel, int padding)
            where TProducts : struct, IProducts
        {
            var shape = Shape(pixels, (int)kernel.shape[3], padding);
            var columns = WinogradKernel<TSimd, TVector, TProducts>.ColumnsOf(shape.Out);
            var taps = (columns == shape.Out ? kernel : F.pad(kernel, [0, columns - shape.Out])).contiguous();
            var factors = empty(WinogradKernel<TSimd, TVector, TProducts>.KernelSize(shape.In, shape.Out));
            var y = empty([shape.Images, shape.OutHeight, shape.OutWidth, shape.Out]);
            var task = new WinogradKernel<TSimd, TVector, TProducts>.Task(shape, WinogradKernel<TSimd, TVector, TProducts>.TilesToConvolve(shape));
            var work = empty([OpenMp.ThreadsFor(Math.Max(task.Blocks, shape.In)), task.WorkSize]);
            task.X = TorchPointers.Floats(taps);
            task.Kernel = TorchPointers.Floats(factors);
            task.Work = TorchPointers.Floats(work);
            OpenMp.Distribute(shape.In, &WinogradKernel<TSimd, TVector, TProducts>.ReadKernel, &task);
            task.X = TorchPointers.Floats(pixels);
            task.Y = TorchPointers.Floats(y);
            OpenMp.Distribute(task.Blocks, &WinogradKernel<TSimd, TVector, TProducts>.Convolve, &task);
            return y.permute(0, 3, 1, 2);
        }

        private static Tensor KernelGradient<TProducts>(Tensor pixels, Tensor gradient, int padding)
            where TProducts : struct, IProducts
        {
            var shape = Shape(pixels, (int)gradient.shape[3], padding);
            var columns = WinogradKernel<TSimd, TVector, TProducts>.ColumnsOf(shape.Out);
            var task = new WinogradKernel<TSimd, TVector, TProducts>.Task(shape, WinogradKernel<TSimd, TVector, TProducts>.TilesToSum(shape));
            var threads = OpenMp.ThreadsFor(task.Blocks);
            var sums = zeros([threads, WinogradKernel<TSimd, TVector, TProducts>.KernelSize(shape.In, shape.Out)]);
            var work = empty([OpenMp.ThreadsFor(Math.Max(task.Blocks, shape.In)), task.WorkSize]);
            var result = empty([3, 3, shape.In, columns]);
            task.X = TorchPointers.Floats(pixels);
            task.Y = TorchPointers.Floats(gradient);
            task.Kernel = TorchPointers.Floats(sums);
            task.Work = TorchPointers.Floats(work);
            OpenMp.Run(task.Blocks, threads, &WinogradKernel<TSimd, TVector, TProducts>.SumKernelGradients, &task);
            var sum = threads == 1 ? sums[0] : sums.sum([0L]);
            task.Y = TorchPointers.Floats(result);
            task.Kernel = TorchPointers.Floats(sum);
            OpenMp.Distribute(shape.In, &WinogradKernel<TSimd, TVector, TProducts>.WriteKernelGradient, &task);
            return columns == shape.Out ? result : result.narrow(3, 0, shape.Out);
        }

        private static WinogradShape Shape(Tensor pixels, int outputs, int padding) =>
            new((int)pixels.shape[0], (int)pixels.shape[1], (int)pixels.shape[2], padding, (int)pixels.shape[3], outputs);
    }
}
