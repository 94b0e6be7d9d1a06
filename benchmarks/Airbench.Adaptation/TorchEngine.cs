using Airbench.Onnx;
using Airbench.Training;
using TorchSharp;
using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace Airbench.Adaptation;

/// <summary>The same steps in TorchSharp, fp32, with the network, memory format and optimizer of the product's own training.</summary>
internal sealed class TorchEngine : IFinetuneEngine
{
    private readonly FinetuneRequest _request;
    private readonly Network _network;
    private readonly string[] _trained;
    private readonly Tensor[] _parameters;
    private readonly Tensor[] _velocities;
    private readonly Tensor _scale;
    private readonly Tensor _shift;
    private readonly bool _isTraining;

    private TorchEngine(FinetuneRequest request, Network network, string[] trained)
    {
        (_request, _network, _trained) = (request, network, trained);
        _parameters = [.. trained.Select(name => network.Tensors[name].requires_grad_())];
        _velocities = [.. _parameters.Select(parameter => zeros_like(parameter))];
        var spec = request.Network;
        _scale = tensor(spec.Std.Select(std => (float)(1 / (255 * std))).ToArray());
        _shift = tensor(spec.Mean.Zip(spec.Std, (mean, std) => (float)(-mean / std)).ToArray());
        _isTraining = request.Part is TrainedPart.HeadBn or TrainedPart.All && !request.FrozenStatistics;
    }

    public string Description => $"TorchSharp {__version__}, fp32, {get_num_threads()} threads";

    /// <summary>A network with the weights of the request.</summary>
    public static TorchEngine Open(FinetuneRequest request)
    {
        if (request.Part == TrainedPart.LastGroup)
        {
            throw new NotSupportedException("last_group: the product's network has one mode for all batch norms");
        }
        var device = ComputeDevice.Resolve("cpu", Precision.Fp32);
        if (request.Threads > 0)
        {
            set_num_threads(request.Threads);
        }
        using var generator = new Generator(1, CPU);
        var recipe = Recipe.All[request.Network.Architecture == Architecture.Resnet18 ? "resnet18" : "airbench94"] with { BatchNormMomentum = 0.1 };
        var network = Network.Create(request.Network, recipe, device, generator);
        using var weights = TensorFile.Open(request.WeightsFile);
        foreach (var (name, shape) in request.Network.Parameters())
        {
            using var values = tensor(weights.Read<float>(weights.Tensors[name]).ToArray(), shape);
            network.Tensors[name].copy_(values);
        }
        var layers = request.Part.Layers(request.Network);
        return new TorchEngine(request, network, [.. request.Network.Layers().Where(layer => layers.Contains(layer.Name))
            .SelectMany(layer => layer.Parameters()).Select(p => p.Name).Where(name => !name.Contains(".running_", StringComparison.Ordinal))]);
    }

    public float Step(ReadOnlySpan<byte> images, ReadOnlySpan<long> labels, StepSettings settings)
    {
        using var scope = NewDisposeScope();
        var loss = F.cross_entropy(
            _network.Forward(Normalize(images, labels.Length), _isTraining), tensor(labels.ToArray()), label_smoothing: _request.LabelSmoothing);
        var gradients = autograd.grad([loss], _parameters);
        using var _ = no_grad();
        Foreach.Nesterov(_parameters, [.. gradients], _velocities, settings.WeightDecay, settings.Momentum, settings.Lr);
        return loss.item<float>();
    }

    public void Answer(ReadOnlySpan<byte> images, int count, Span<float> logits)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        _network.Forward(Normalize(images, count), training: false).contiguous().data<float>().ToArray().CopyTo(logits);
    }

    public Dictionary<string, float[]> ReadWeights() => _network.Spec.Parameters()
        .Where(p => _trained.Contains(p.Name) || p.Name.Contains(".running_", StringComparison.Ordinal))
        .ToDictionary(p => p.Name, p =>
        {
            using var scope = NewDisposeScope();
            return _network.Tensors[p.Name].detach().contiguous().data<float>().ToArray();
        });

    public void Dispose()
    {
        _network.Dispose();
        foreach (var velocity in _velocities)
        {
            velocity.Dispose();
        }
        _scale.Dispose();
        _shift.Dispose();
    }

    /// <summary>(N, 3, S, S) fp32 in channels_last.</summary>
    private Tensor Normalize(ReadOnlySpan<byte> images, int count)
    {
        var size = _request.Network.ImageSize;
        var planar = empty([count, 3, size, size], ScalarType.Byte);
        images.CopyTo(planar.bytes);
        return (planar.permute(0, 2, 3, 1).contiguous().to(ScalarType.Float32) * _scale).add_(_shift).permute(0, 3, 1, 2);
    }
}
