using TorchSharp;
using static TorchSharp.torch;

namespace Airbench.Training;

/// <summary>
/// Layers that follow each other and that <see cref="CudaKernels"/> does at once: max pool of 2 x 2, batch norm, activation, each but the
/// norm where it is there; or a max pool alone; or the whitening convolution, whose weight does not learn, and its activation.
/// </summary>
/// <param name="Count">How many layers.</param>
/// <param name="Norm">The batch norm, without learned scale; null where there is a pool alone.</param>
/// <param name="PoolSize">Of the pool; 0 for none.</param>
/// <param name="Activation">Null for none.</param>
/// <param name="Whiten">The convolution; null where there is none.</param>
/// <param name="IsGlobal">Whether the pool leaves one pixel, which is taken out of the image.</param>
internal sealed record FusedLayers(int Count, BatchNormLayer? Norm, int PoolSize, Activation? Activation, ConvLayer? Whiten = null, bool IsGlobal = false)
{
    private const int LargestPool = 15;   // its places fit a byte

    /// <summary>Those that begin at <paramref name="first"/>; null where libtorch's operators have to do.</summary>
    /// <param name="layers">The network's.</param>
    /// <param name="first">Index of the first.</param>
    /// <param name="images">What it reads: (N, C, H, W).</param>
    /// <param name="readLater">Layers whose outputs others read as well.</param>
    /// <param name="tensors">The network's, by name.</param>
    /// <param name="kernels">What there is to compute with.</param>
    public static FusedLayers? At(
        IReadOnlyList<Layer> layers, int first, Tensor images, IReadOnlySet<string> readLater, IReadOnlyDictionary<string, Tensor> tensors, CudaKernels kernels)
    {
        var last = first;
        if (layers[first] is ConvLayer conv)
        {
            if (!(conv is { In: 3, Kernel: 2, Stride: 1, Padding: 0, HasBias: true } && conv.Out % 8 == 0 && conv.Out * images.numel() / 3 < int.MaxValue
                && kernels.Reads(images, isFirst: true) && !images.requires_grad && !tensors[$"{conv.Name}.weight"].requires_grad))
            {
                return null;
            }
            var after = NextActivation();
            return new FusedLayers(after is null ? 1 : 2, null, 0, after, conv);
        }
        if (layers[first] is GlobalMaxPoolLayer)
        {
            var size = images.shape[2];
            return size is > 1 and <= LargestPool && size == images.shape[3] && kernels.Reads(images)
                ? new FusedLayers(1, null, (int)size, null, IsGlobal: true)
                : null;
        }
        if (layers[first] is not (MaxPoolLayer or BatchNormLayer) || !kernels.Reads(images))
        {
            return null;
        }
        var pool = layers[first] as MaxPoolLayer;
        var shape = images.shape;
        if (pool is not null && (pool.Size is < 2 or > LargestPool || shape[2] < pool.Size || shape[3] < pool.Size))
        {
            return null;
        }
        if (pool is { Size: 2 } && Next<BatchNormLayer>() is { HasScale: false })
        {
            last++;
        }
        if (layers[last] is not BatchNormLayer norm)
        {
            return new FusedLayers(1, null, pool!.Size, null);
        }
        if (norm.HasScale)
        {
            return null;
        }
        var activation = NextActivation();
        return new FusedLayers(last - first + (activation is null ? 1 : 2), norm, pool?.Size ?? 0, activation);

        Activation? NextActivation() => Next<ActivationLayer>() is { Kind: Airbench.Activation.Gelu or Airbench.Activation.Silu } next ? next.Kind : null;

        TLayer? Next<TLayer>()
            where TLayer : Layer =>
            last + 1 < layers.Count && layers[last + 1] is TLayer { Input: null } next && !readLater.Contains(layers[last].Name) ? next : null;
    }

    /// <summary>(N, C, H, W) -> the last layer's output, channels_last.</summary>
    /// <param name="images">In the kernels' type.</param>
    /// <param name="tensors">The network's, by name.</param>
    /// <param name="momentum">Share of this batch in the running statistics.</param>
    /// <param name="epsilon">Added to the variance.</param>
    /// <param name="pass">Keeps what the gradients need.</param>
    public Tensor Forward(Tensor images, IReadOnlyDictionary<string, Tensor> tensors, double momentum, double epsilon, CudaPass pass)
    {
        if (Whiten is not null)
        {
            var (weight, bias) = (tensors[$"{Whiten.Name}.weight"], tensors[$"{Whiten.Name}.bias"]);
            return bias.requires_grad
                ? CustomFunction.Apply(() => WhitenFunction.apply(bias, new WhitenFunction.Settings(images, weight, Activation), pass))
                : Plain(images, weight, bias, Activation, pass.Kernels);
        }
        return IsGlobal
            ? CustomFunction.Apply(() => PoolFunction.apply(images, PoolSize, pass)).flatten(1)
            : Norm is null
            ? CustomFunction.Apply(() => PoolFunction.apply(images, PoolSize, pass))
            : CustomFunction.Apply(() => NormFunction.apply(
                images, tensors[$"{Norm.Name}.bias"],
                new NormFunction.Settings(this, tensors[$"{Norm.Name}.running_mean"], tensors[$"{Norm.Name}.running_var"], momentum, epsilon), pass));
    }

    /// <summary>As <see cref="Forward"/>, but with running statistics and without gradients.</summary>
    public Tensor Infer(Tensor images, IReadOnlyDictionary<string, Tensor> tensors, double epsilon, CudaKernels kernels)
    {
        using var scope = NewDisposeScope();
        if (Whiten is not null)
        {
            return Plain(images, tensors[$"{Whiten.Name}.weight"], tensors[$"{Whiten.Name}.bias"], Activation, kernels).MoveToOuterDisposeScope();
        }
        var x = ChannelsLast.Pixels(images);
        var y = Norm is null
            ? kernels.Pool(x, PoolSize).Y
            : kernels.NormalizeByRunning(
                x, PoolSize > 0, tensors[$"{Norm.Name}.bias"], tensors[$"{Norm.Name}.running_mean"], tensors[$"{Norm.Name}.running_var"], epsilon, Activation);
        y = y.permute(0, 3, 1, 2);
        return (IsGlobal ? y.flatten(1) : y).MoveToOuterDisposeScope();
    }

    private static Tensor Plain(Tensor images, Tensor weight, Tensor bias, Activation? activation, CudaKernels kernels)
    {
        using var scope = NewDisposeScope();
        using var none = no_grad();
        return kernels.Whiten(ChannelsLast.Pixels(images), ChannelsLast.Pixels(weight.to(ScalarType.Float32)), bias.to(ScalarType.Float32), activation)
            .permute(0, 3, 1, 2).MoveToOuterDisposeScope();
    }

    private sealed class WhitenFunction : autograd.SingleTensorFunction<WhitenFunction>
    {
        public override string Name => nameof(WhitenFunction);

        public sealed record Settings(Tensor Images, Tensor Weight, Activation? Activation);

        private sealed record Kept(Tensor X, Tensor Weight, Tensor Bias, Activation? Activation) : IDisposable
        {
            public void Dispose()
            {
                X.Dispose();
                Weight.Dispose();
                Bias.Dispose();
            }
        }

        public override Tensor forward(autograd.AutogradContext ctx, params object[] vars)
        {
            using var scope = NewDisposeScope();
            var (bias, settings, pass) = ((Tensor)vars[0], (Settings)vars[1], (CudaPass)vars[2]);
            var kept = new Kept(
                ChannelsLast.Pixels(settings.Images.detach()), ChannelsLast.Pixels(settings.Weight.detach().to(ScalarType.Float32)), bias.detach().to(ScalarType.Float32),
                settings.Activation);
            var y = pass.Kernels.Whiten(kept.X, kept.Weight, kept.Bias, kept.Activation);
            ctx.save_data("kept", pass.Keep(kept, kept.X, kept.Weight, kept.Bias));
            ctx.save_data("pass", pass);
            ctx.save_data("type", bias.dtype);
            return y.permute(0, 3, 1, 2).MoveToOuterDisposeScope();
        }

        public override List<Tensor> backward(autograd.AutogradContext ctx, Tensor grad_output)
        {
            var pass = (CudaPass)ctx.get_data("pass");
            return pass.Backward(grad_output, 3, dy =>
            {
                using var kept = (Kept)ctx.get_data("kept");
                return [pass.Kernels.WhitenGradient(kept.X, kept.Weight, kept.Bias, kept.Activation, dy).to((ScalarType)ctx.get_data("type"))];
            });
        }
    }

    private sealed class NormFunction : autograd.SingleTensorFunction<NormFunction>
    {
        public override string Name => nameof(NormFunction);

        public sealed record Settings(FusedLayers Layers, Tensor RunningMean, Tensor RunningVariance, double Momentum, double Epsilon);

        public override Tensor forward(autograd.AutogradContext ctx, params object[] vars)
        {
            using var scope = NewDisposeScope();
            var (images, bias, settings, pass) = ((Tensor)vars[0], (Tensor)vars[1], (Settings)vars[2], (CudaPass)vars[3]);
            var (y, kept) = pass.Kernels.Normalize(
                ChannelsLast.Pixels(images.detach()), settings.Layers.PoolSize > 0, bias.detach(), settings.RunningMean, settings.RunningVariance,
                settings.Momentum, settings.Epsilon, settings.Layers.Activation);
            ctx.save_data("kept", pass.Keep(kept, kept.X, kept.Table, kept.Places));
            ctx.save_data("pass", pass);
            return y.permute(0, 3, 1, 2).MoveToOuterDisposeScope();
        }

        public override List<Tensor> backward(autograd.AutogradContext ctx, Tensor grad_output)
        {
            var pass = (CudaPass)ctx.get_data("pass");
            return pass.Backward(grad_output, 4, dy =>
            {
                using var kept = (CudaKernels.Norm)ctx.get_data("kept");
                var (dx, dBias) = pass.Kernels.Gradients(kept, dy);
                return [dx.permute(0, 3, 1, 2), dBias];
            });
        }
    }

    private sealed class PoolFunction : autograd.SingleTensorFunction<PoolFunction>
    {
        public override string Name => nameof(PoolFunction);

        private sealed record Kept(Tensor Places, int Height, int Width, int Size) : IDisposable
        {
            public void Dispose() => Places.Dispose();
        }

        public override Tensor forward(autograd.AutogradContext ctx, params object[] vars)
        {
            using var scope = NewDisposeScope();
            var (images, size, pass) = ((Tensor)vars[0], (int)vars[1], (CudaPass)vars[2]);
            var x = ChannelsLast.Pixels(images.detach());
            var (y, places) = pass.Kernels.Pool(x, size);
            ctx.save_data("kept", pass.Keep(new Kept(places, (int)x.shape[1], (int)x.shape[2], size), places));
            ctx.save_data("pass", pass);
            return y.permute(0, 3, 1, 2).MoveToOuterDisposeScope();
        }

        public override List<Tensor> backward(autograd.AutogradContext ctx, Tensor grad_output)
        {
            var pass = (CudaPass)ctx.get_data("pass");
            return pass.Backward(grad_output, 3, dy =>
            {
                using var kept = (Kept)ctx.get_data("kept");
                return [pass.Kernels.PoolGradient(dy, kept.Places, kept.Height, kept.Width, kept.Size).permute(0, 3, 1, 2)];
            });
        }
    }
}
