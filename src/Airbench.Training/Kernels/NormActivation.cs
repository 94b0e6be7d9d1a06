using TorchSharp;
using static TorchSharp.torch;
using Table = Airbench.Training.NormActivationKernel.Table;
using Task = Airbench.Training.NormActivationKernel.Task;

namespace Airbench.Training;

/// <summary>
/// Batch normalization with the batch's own statistics and the activation after it, on a CPU:
/// y = f(z), z = weight (x - mean) / sqrt(variance + epsilon) + bias.
/// </summary>
/// <remarks>
/// What counts is how often a tensor passes through the memory. Here x is read twice forward (for the statistics and for y), and x and the
/// gradient of y twice backward (for two sums over dz and for the gradient of x); z is not stored but computed again. These four passes are
/// those of <see cref="NormActivationKernel"/>; here is what happens between them, to each channel.
/// </remarks>
internal sealed unsafe class NormActivation : autograd.SingleTensorFunction<NormActivation>
{
    public override string Name => nameof(NormActivation);

    /// <summary>The activation right after a batch norm, where <see cref="Of"/> serves the two on these images.</summary>
    public static ActivationLayer? After(IReadOnlyList<Layer> layers, int norm, Tensor images) =>
        layers[norm] is BatchNormLayer && norm + 1 < layers.Count
        && layers[norm + 1] is ActivationLayer { Input: null } activation && Serves(images)
            ? activation
            : null;

    /// <summary>Whether <see cref="Of"/> serves a batch norm before any activation on these images: in bf16 or fp32, as <see cref="CpuKernel.For"/> says.</summary>
    public static bool Serves(Tensor images) => CpuKernel.For(images) is not null;

    /// <summary>(N, C, H, W) -> (N, C, H, W), channels_last; updates the running statistics as libtorch does.</summary>
    /// <param name="images">Which it serves, at least two pixels.</param>
    /// <param name="runningMean">fp32, (C).</param>
    /// <param name="runningVariance">fp32, (C).</param>
    /// <param name="weight">fp32, (C); null for ones.</param>
    /// <param name="bias">fp32, (C).</param>
    /// <param name="momentum">Share of this batch in the running statistics.</param>
    /// <param name="epsilon">Added to the variance.</param>
    /// <param name="activation">f.</param>
    /// <param name="returned">Of the pass.</param>
    /// <param name="kernel">One that reads the images; null for the widest.</param>
    public static Tensor Of(
        Tensor images, Tensor runningMean, Tensor runningVariance, Tensor? weight, Tensor bias, double momentum, double epsilon, Activation activation,
        ReturnedGradients returned, CpuKernel? kernel = null)
    {
        using var one = weight is null ? ones(bias.shape) : null;
        var passes = (kernel ?? CpuKernel.For(images)!).NormActivation(activation);
        return CustomFunction.Apply(() => apply(images, weight ?? one!, bias, runningMean, runningVariance, momentum, epsilon, passes, returned));
    }

    public override Tensor forward(autograd.AutogradContext ctx, params object[] vars)
    {
        using var scope = NewDisposeScope();
        var (images, weight, bias, runningMean, runningVariance) = ((Tensor)vars[0], (Tensor)vars[1], (Tensor)vars[2], (Tensor)vars[3], (Tensor)vars[4]);
        var (momentum, epsilon, kernel) = ((double)vars[5], (double)vars[6], (NormActivationKernel)vars[7]);
        var x = ChannelsLast.Pixels(images.detach());
        var y = empty_like(x);
        var channels = (int)x.shape[3];
        var table = empty([Table.Rows, channels]);
        fixed (byte* xStart = x.bytes, yStart = y.bytes, tableStart = table.bytes)
        fixed (byte* w = weight.bytes, b = bias.bytes, means = runningMean.bytes, variances = runningVariance.bytes)
        {
            var rows = new Table((float*)tableStart, channels);
            for (var channel = 0; channel < channels; channel++)
            {
                // Any number near the mean will do: it keeps the variance from being a small difference of large sums.
                rows.Mean[kernel.Place(channel)] = kernel.At(xStart, channel);
            }
            var task = new Task(x, xStart, xStart, yStart, rows);
            var (sums, pixels) = kernel.SumMoments(&task);
            for (var channel = 0; channel < channels; channel++)
            {
                var at = kernel.Place(channel);
                var (offset, square) = (sums[at] / pixels, sums[channels + at] / pixels);
                var mean = rows.Mean[at] + offset;
                var variance = Math.Max(0, square - (offset * offset));
                var precision = 1 / Math.Sqrt(variance + epsilon);
                rows.Mean[at] = (float)mean;
                rows.Precision[at] = (float)precision;
                rows.Scale[at] = (float)(((float*)w)[channel] * precision);
                rows.Bias[at] = ((float*)b)[channel];
                Move(ref ((float*)means)[channel], mean);
                Move(ref ((float*)variances)[channel], variance * pixels / Math.Max(1, pixels - 1));   // of the population
            }
            kernel.WriteOutput(&task);
        }
        ctx.save_for_backward([images, table.MoveToOuterDisposeScope()]);
        ctx.save_data("kernel", kernel);
        ctx.save_data("returned", vars[8]);
        return y.permute(0, 3, 1, 2).MoveToOuterDisposeScope();

        void Move(ref float running, double batch) => running = (float)(((1 - momentum) * running) + (momentum * batch));
    }

    public override List<Tensor> backward(autograd.AutogradContext ctx, Tensor grad_output)
    {
        using var scope = NewDisposeScope();
        using var noGradients = no_grad();
        var saved = ctx.get_saved_variables();
        var kernel = (NormActivationKernel)ctx.get_data("kernel");
        var x = ChannelsLast.Pixels(saved[0].detach());
        var dy = ChannelsLast.Pixels(grad_output);
        var dx = empty_like(x);
        var channels = (int)x.shape[3];
        var (dWeight, dBias) = (empty(channels), empty(channels));
        fixed (byte* xStart = x.bytes, dyStart = dy.bytes, dxStart = dx.bytes, tableStart = saved[1].bytes, dw = dWeight.bytes, db = dBias.bytes)
        {
            var rows = new Table((float*)tableStart, channels);
            var task = new Task(x, xStart, dyStart, dxStart, rows);
            var (sums, pixels) = kernel.SumSlopes(&task);
            for (var channel = 0; channel < channels; channel++)
            {
                var at = kernel.Place(channel);
                var (dz, product) = (sums[at], sums[channels + at]);   // sums of dz and of dz (x - mean)
                ((float*)db)[channel] = (float)dz;
                ((float*)dw)[channel] = (float)(product * rows.Precision[at]);
                rows.MeanSlope[at] = (float)(dz / pixels);
                rows.Trend[at] = (float)(product / pixels * rows.Precision[at] * rows.Precision[at]);
            }
            kernel.WriteInputGradient(&task);
        }
        return ((ReturnedGradients)ctx.get_data("returned")).Return(
            grad_output, dx.permute(0, 3, 1, 2), dWeight, dBias, null, null, null, null, null, null);
    }
}
