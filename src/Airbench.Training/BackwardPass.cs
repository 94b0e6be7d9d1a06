using TorchSharp;
using static TorchSharp.torch;

namespace Airbench.Training;

/// <summary>
/// The gradients of one training step: libtorch's autograd, but for the weights of convolutions where <see cref="WeightGradient"/> is faster.
/// </summary>
/// <remarks>
/// Autograd sees such a convolution with a constant weight, and is asked for the gradient of its output instead, from which that of the weight
/// follows once the backward pass is over.
/// </remarks>
internal sealed class BackwardPass : IDisposable
{
    private readonly Dictionary<nint, Convolution> _ours = [];   // by the handle of the weight

    private sealed record Convolution(ConvLayer Layer, Tensor Input, Tensor Output);

    /// <summary>The convolution without its bias, in the input's type.</summary>
    public Tensor Convolve(ConvLayer layer, Tensor input, Tensor weight)
    {
        var isOurs = weight.requires_grad && WeightGradient.Serves(layer, input);
        using var cast = (isOurs ? weight.detach() : weight).to(input.dtype);
        var output = Network.Convolve(layer, input, cast);
        if (!isOurs)
        {
            return output;
        }
        output.requires_grad_();   // where nothing below learns, it is the first that does
        _ours.Add(weight.Handle, new(layer, input.detach(), output));
        return output.alias();     // whoever is next may dispose of it
    }

    /// <summary>Gradients of <paramref name="loss"/>, one for each of <paramref name="parameters"/>, in its shape and type.</summary>
    /// <param name="loss">A number; or any tensor, with the gradient that comes to it.</param>
    /// <param name="parameters">Which gradients.</param>
    /// <param name="gradient">In the shape of <paramref name="loss"/>.</param>
    public Tensor[] Of(Tensor loss, IList<Tensor> parameters, Tensor? gradient = null)
    {
        var convolutions = parameters.Select(parameter => _ours.GetValueOrDefault(parameter.Handle)).ToArray();
        var gradients = autograd.grad([loss], [.. convolutions.Zip(parameters, (convolution, parameter) => convolution?.Output ?? parameter)], gradient is null ? null : [gradient]);
        return
        [
            .. gradients.Select((gradient, i) => convolutions[i] is { } convolution
                ? WeightGradient.Of(convolution.Layer, convolution.Input, gradient).to(parameters[i].dtype)
                : gradient),
        ];
    }

    /// <summary>Lets go of the activations.</summary>
    public void Dispose()
    {
        foreach (var (_, input, output) in _ours.Values)
        {
            input.Dispose();
            output.Dispose();
        }
        _ours.Clear();
    }
}
