using TorchSharp;
using static TorchSharp.torch;

namespace Airbench.Training;

/// <summary>
/// The gradients of one training step: libtorch's autograd, but for convolutions in fp32 (<see cref="Convolution3x3"/>), and the weights of those
/// in bf16 where <see cref="WeightGradient"/> is faster.
/// </summary>
/// <remarks>
/// Autograd sees such a convolution with a constant weight. When the gradient of its output comes by, that of the weight is computed on the
/// spot: the one is still in the cache, and need not be kept.
/// </remarks>
/// <param name="kernels">CUDA kernels of ours for the layers between the convolutions; null for libtorch's.</param>
internal sealed class BackwardPass(CudaKernels? kernels = null) : IDisposable
{
    private readonly Dictionary<nint, Convolution> _ours = [];   // by the handle of the weight
    private Tensor? _first;   // output of the first of them: every other one is between it and the loss

    /// <summary>Of the custom functions of this pass.</summary>
    public ReturnedGradients Returned { get; } = new();

    /// <summary>Of the <see cref="FusedLayers"/>; null where there are none.</summary>
    public CudaPass? Cuda => field ??= kernels is null ? null : new CudaPass(kernels, Returned);

    /// <param name="Layer">Its shapes.</param>
    /// <param name="Input">What it is applied to.</param>
    /// <param name="Weight">Its kernel.</param>
    /// <param name="Winograd">What computes it, or null for libtorch.</param>
    private sealed record Convolution(ConvLayer Layer, Tensor Input, Tensor Weight, Convolution3x3? Winograd)
    {
        /// <summary>Of the weight.</summary>
        public Tensor? Gradient { get; private set; }

        public void TakeGradient(Tensor output)
        {
            Gradient = (Winograd is null ? WeightGradient.Of(Layer, Input, output) : Winograd.WeightGradient(Input, output, Layer.Padding)).MoveToOuterDisposeScope();
            Input.Dispose();
        }
    }

    /// <summary>The convolution without its bias, in the input's type.</summary>
    public Tensor Convolve(ConvLayer layer, Tensor input, Tensor weight)
    {
        var winograd = weight.requires_grad ? Convolution3x3.For(layer, input) : null;
        var isOurs = weight.requires_grad && (winograd is not null || WeightGradient.Serves(layer, input));
        using var cast = (isOurs ? weight.detach() : weight).to(input.dtype);
        if (!isOurs)
        {
            return Network.Convolve(layer, input, cast);
        }
        var convolution = new Convolution(layer, input.detach(), weight, winograd);
        _ours.Add(weight.Handle, convolution);
        if (winograd is not null && input.requires_grad)
        {
            return WinogradFunction.Of(input, convolution, Returned);
        }
        var output = Network.Convolve(layer, input, cast);
        output.requires_grad_();   // where nothing below learns, it is the first that does
        var watched = GradientWatch.Of(output, convolution, Returned);
        if (_first is null)
        {
            _first = output;
        }
        else
        {
            output.Dispose();
        }
        return watched;
    }

    /// <summary>Gradients of <paramref name="loss"/>, one for each of <paramref name="parameters"/>, in its shape and type.</summary>
    /// <param name="loss">A number; or any tensor, with the gradient that comes to it.</param>
    /// <param name="parameters">Which gradients.</param>
    /// <param name="gradient">In the shape of <paramref name="loss"/>.</param>
    public Tensor[] Of(Tensor loss, IList<Tensor> parameters, Tensor? gradient = null)
    {
        Tensor[] others = [.. parameters.Where(parameter => !_ours.ContainsKey(parameter.Handle))];
        var gradients = autograd.grad([loss], _first is null ? others : [.. others, _first], gradient is null ? null : [gradient]);
        Returned.Dispose();
        Cuda?.Check();
        var next = 0;
        return [.. parameters.Select(parameter => _ours.TryGetValue(parameter.Handle, out var convolution)
            ? convolution.Gradient!.to(parameter.dtype)
            : gradients[next++])];
    }

    /// <summary>Lets go of the activations.</summary>
    public void Dispose()
    {
        foreach (var convolution in _ours.Values)
        {
            convolution.Input.Dispose();
        }
        _ours.Clear();
        Cuda?.Dispose();
        Returned.Dispose();
        _first?.Dispose();
        _first = null;
    }

    /// <summary>Does nothing but to compute the gradient of a convolution's weight when that of its output comes by.</summary>
    private sealed class GradientWatch : autograd.SingleTensorFunction<GradientWatch>
    {
        public override string Name => nameof(GradientWatch);

        public static Tensor Of(Tensor output, Convolution convolution, ReturnedGradients returned) =>
            CustomFunction.Apply(() => apply(output, convolution, returned));

        public override Tensor forward(autograd.AutogradContext ctx, params object[] vars)
        {
            ctx.save_data("convolution", vars[1]);
            ctx.save_data("returned", vars[2]);
            return ((Tensor)vars[0]).detach();
        }

        public override List<Tensor> backward(autograd.AutogradContext ctx, Tensor grad_output)
        {
            using var scope = NewDisposeScope();
            var convolution = (Convolution)ctx.get_data("convolution");
            convolution.TakeGradient(grad_output);
            return ((ReturnedGradients)ctx.get_data("returned")).Return(grad_output, grad_output.alias(), null, null);
        }
    }
    /// <summary>A convolution whose input needs a gradient too.</summary>
    private sealed class WinogradFunction : autograd.SingleTensorFunction<WinogradFunction>
    {
        public override string Name => nameof(WinogradFunction);

        public static Tensor Of(Tensor input, Convolution convolution, ReturnedGradients returned) =>
            CustomFunction.Apply(() => apply(input, convolution, returned));

        public override Tensor forward(autograd.AutogradContext ctx, params object[] vars)
        {
            var convolution = (Convolution)vars[1];
            ctx.save_data("convolution", convolution);
            ctx.save_data("returned", vars[2]);
            return convolution.Winograd!.Convolve(convolution.Input, convolution.Weight, convolution.Layer.Padding);
        }

        public override List<Tensor> backward(autograd.AutogradContext ctx, Tensor grad_output)
        {
            using var scope = NewDisposeScope();
            var convolution = (Convolution)ctx.get_data("convolution");
            convolution.TakeGradient(grad_output);
            var input = convolution.Winograd!.InputGradient(grad_output, convolution.Weight, convolution.Layer.Padding);
            return ((ReturnedGradients)ctx.get_data("returned")).Return(grad_output, input, null, null);
        }
    }
}
