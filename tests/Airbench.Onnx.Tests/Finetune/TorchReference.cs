using Airbench.Onnx;
using Airbench.Training;
using TorchSharp;
using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace Airbench.Tests;

/// <summary>
/// What a training graph must compute, by TorchSharp's autograd: the same layers, batch norms that learn on the batch's statistics and
/// the others on the running ones, and plain Nesterov SGD.
/// </summary>
internal sealed class TorchReference : IDisposable
{
    private readonly TrainingSpec _spec;
    private readonly ScalarType _type;
    private readonly Dictionary<string, Tensor> _tensors;
    private readonly Dictionary<string, Tensor> _velocities;

    public TorchReference(TrainingSpec spec, Dictionary<string, float[]> weights, ScalarType type)
    {
        TorchRuntime.Load();
        set_num_threads(1);   // the networks are too small for more
        Libtorch.SkipWhereWrong();
        (_spec, _type) = (spec, type);
        _tensors = spec.Network.Parameters().ToDictionary(p => p.Name, p => tensor(weights[p.Name], p.Shape).to(type));
        _velocities = spec.Trained.ToDictionary(p => p.Name, p => zeros(p.Shape, type));
        foreach (var (name, _) in spec.Trained)
        {
            _tensors[name].requires_grad = true;
        }
    }

    /// <summary>Values of a tensor, or of the velocity of one.</summary>
    public double[] this[string name] => (name.EndsWith(TrainStep.Velocity, StringComparison.Ordinal)
        ? _velocities[name[..^TrainStep.Velocity.Length]] : _tensors[name]).detach().to(ScalarType.Float64).reshape(-1).data<double>().ToArray();

    public double Step(byte[] images, long[] labels, double lr, double momentum, double decay, out double[] logits, bool nesterov = true)
    {
        using var scope = NewDisposeScope();
        var scores = Forward(images, labels.Length);
        var loss = F.cross_entropy(scores, tensor(labels), label_smoothing: _spec.LabelSmoothing);
        logits = scores.detach().to(ScalarType.Float64).reshape(-1).data<double>().ToArray();
        var names = _spec.Trained.Select(p => p.Name).ToArray();
        var gradients = autograd.grad([loss], [.. names.Select(name => _tensors[name])]);
        using var _ = no_grad();
        for (var i = 0; i < names.Length; i++)
        {
            var (weight, velocity) = (_tensors[names[i]], _velocities[names[i]]);
            var gradient = gradients[i].Plus(weight.Times(decay));
            velocity.Scale(momentum).Accumulate(gradient);
            weight.Accumulate(nesterov ? gradient.Plus(velocity.Times(momentum)) : velocity, -lr);
        }
        return loss.to(ScalarType.Float64).item<double>();
    }

    public Tensor Forward(byte[] images, int count)
    {
        var network = _spec.Network;
        var (mean, std) = (tensor(network.Mean.ToArray(), [1, 3, 1, 1]), tensor(network.Std.ToArray(), [1, 3, 1, 1]));
        var x = (tensor(images, [count, 3, network.ImageSize, network.ImageSize]).to(ScalarType.Float64).Over(255) - mean).div(std).to(_type);
        var trained = _spec.Part.Layers(network);
        var outputs = new Dictionary<string, Tensor>();
        foreach (var layer in network.Layers())
        {
            var input = layer.Input is { } named ? outputs[named] : x;
            x = layer switch
            {
                ConvLayer conv => F.conv2d(
                    input, Of(conv, "weight"), conv.HasBias ? Of(conv, "bias") : null,
                    strides: [conv.Stride, conv.Stride], padding: [conv.Padding, conv.Padding]),
                MaxPoolLayer pool => F.max_pool2d(input, pool.Size),
                BatchNormLayer norm => F.batch_norm(
                    input, Of(norm, "running_mean"), Of(norm, "running_var"), norm.HasScale ? Of(norm, "weight") : null!, Of(norm, "bias"),
                    trained.Contains(norm.Name) && !_spec.FrozenStatistics, _spec.BatchNormMomentum, network.BatchNormEpsilon),
                ActivationLayer { Kind: Activation.Gelu } => F.gelu(input),
                ActivationLayer { Kind: Activation.Silu } => F.silu(input),
                ActivationLayer => F.relu(input),
                AddLayer add => input.Plus(outputs[add.From]),
                GlobalMaxPoolLayer => F.max_pool2d(input, input.shape[2]).flatten(1),
                GlobalAveragePoolLayer => input.mean([2, 3]),
                LinearLayer linear => F.linear(input, Of(linear, "weight"), linear.HasBias ? Of(linear, "bias") : null).Times(linear.Scale),
                _ => throw new NotSupportedException(layer.Name),
            };
            outputs[layer.Name] = x;
        }
        return x;
    }

    private Tensor Of(Layer layer, string name) => _tensors[$"{layer.Name}.{name}"];

    public void Dispose()
    {
        foreach (var tensor in _tensors.Values.Concat(_velocities.Values))
        {
            tensor.Dispose();
        }
    }
}
