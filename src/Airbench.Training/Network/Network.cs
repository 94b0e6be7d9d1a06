using TorchSharp;
using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace Airbench.Training;

/// <summary>The network of a <see cref="NetworkSpec"/> on a device: its tensors by name, and the forward pass over its layers.</summary>
/// <remarks>
/// Convolution and linear weights carry gradients; batch-norm statistics do not. Images and weights are channels_last
/// (NHWC in memory, NCHW in shape) throughout, the layout that convolutions of oneDNN and cuDNN want.
/// </remarks>
internal sealed class Network : IDisposable
{
    private readonly IReadOnlyList<Layer> _layers;
    private readonly HashSet<string> _readLater;
    private readonly double _batchNormEpsilon;
    private readonly double _batchNormMomentum;
    private readonly Dictionary<int, Tensor> _ones;   // by number of channels

    private Network(NetworkSpec spec, double batchNormMomentum, IReadOnlyDictionary<string, Tensor> tensors)
    {
        Spec = spec;
        Tensors = tensors;
        _layers = spec.Layers();
        _readLater = [.. _layers.OfType<AddLayer>().Select(add => add.From), .. _layers.Select(layer => layer.Input).OfType<string>()];
        _batchNormEpsilon = spec.BatchNormEpsilon;
        _batchNormMomentum = batchNormMomentum;
        // Without a scale libtorch's CUDA batch norm returns no gradient for the shift either, and autograd ends the process. A scale of 1 is the
        // same arithmetic, and lets cuDNN do it where it can.
        _ones = _layers.OfType<BatchNormLayer>()
            .Where(norm => !norm.HasScale && Tensor(norm, "bias").device_type == DeviceType.CUDA)
            .DistinctBy(norm => norm.Channels)
            .ToDictionary(norm => norm.Channels, norm => ones_like(Tensor(norm, "running_var")).DetachFromDisposeScope());
    }

    public NetworkSpec Spec { get; }

    /// <summary>What computes outside of the training, where no gradients are asked for; null for libtorch's operators. Training has those of its pass.</summary>
    public CudaKernels? InferenceKernels { get; set; }

    /// <summary>Every tensor by the names of <see cref="NetworkSpec.Parameters"/>.</summary>
    public IReadOnlyDictionary<string, Tensor> Tensors { get; }

    /// <summary>
    /// A network with fresh weights: PyTorch's default (uniform in +-1/sqrt(fan-in)), and what the recipe sets on top (paper,
    /// section 3.2; recipes.md). Numbers are drawn on the CPU, so that a seed means the same network on every device.
    /// </summary>
    public static Network Create(NetworkSpec spec, Recipe recipe, ComputeDevice device, Generator generator)
    {
        using var _ = no_grad();
        var tensors = new Dictionary<string, Tensor>();
        foreach (var layer in spec.Layers())
        {
            foreach (var (name, shape) in layer.Parameters())
            {
                using var scope = NewDisposeScope();
                tensors[name] = Place(layer, Initial(layer, name[(layer.Name.Length + 1)..], shape, recipe, generator), device).MoveToOuterDisposeScope();
            }
        }
        return new Network(spec, recipe.BatchNormMomentum, tensors) { InferenceKernels = device.Kernels };
    }

    /// <summary>Logits, fp32 (N, K), of normalized images (N, 3, S, S) in the compute type.</summary>
    /// <param name="images">Their type decides the arithmetic: weights are cast to it.</param>
    /// <param name="training">Batch statistics, and running ones updated; otherwise running statistics.</param>
    /// <param name="pass">Who is asked for the gradients afterwards; null for autograd alone.</param>
    public Tensor Forward(Tensor images, bool training, BackwardPass? pass = null)
    {
        var compute = images.dtype;
        var kernels = training ? pass?.Cuda?.Kernels : is_grad_enabled() ? null : InferenceKernels;
        var x = images;
        var isOurs = false;   // whether nobody reads x after the next layer
        var kept = new Dictionary<string, Tensor>();
        for (var i = 0; i < _layers.Count; i++)
        {
            var layer = _layers[i];
            var input = layer.Input is null ? x : kept[layer.Input];
            var block = kernels is null ? null : FusedLayers.At(_layers, i, input, _readLater, Tensors, kernels);
            var fused = block is not null || pass is null || !training || _readLater.Contains(layer.Name) ? null : NormActivation.After(_layers, i, input);
            var output = layer switch
            {
                _ when block is not null && !training => block.Infer(input, Tensors, _batchNormEpsilon, kernels!),
                _ when block is not null => block.Forward(input, Tensors, _batchNormMomentum, _batchNormEpsilon, pass!.Cuda!),
                ConvLayer { HasBias: false } conv when pass is not null => pass.Convolve(conv, input, Tensor(conv, "weight")),
                ConvLayer conv => Convolve(conv, input, Tensor(conv, "weight").to(compute), conv.HasBias ? Tensor(conv, "bias").to(compute) : null),
                MaxPoolLayer pool when pass is not null && MaxPool.Serves(pool, input) => MaxPool.Of(pool, input, pass.Returned),
                MaxPoolLayer pool => F.max_pool2d(input, pool.Size),
                BatchNormLayer norm when fused is not null => NormActivation.Of(
                    input, Tensor(norm, "running_mean"), Tensor(norm, "running_var"), norm.HasScale ? Tensor(norm, "weight") : null, Tensor(norm, "bias"),
                    _batchNormMomentum, _batchNormEpsilon, fused.Kind, pass!.Returned),
                BatchNormLayer norm => F.batch_norm(
                    input, Tensor(norm, "running_mean"), Tensor(norm, "running_var"), Scale(norm)!, Tensor(norm, "bias"),
                    training, _batchNormMomentum, _batchNormEpsilon),
                ActivationLayer { Kind: Activation.Gelu } => F.gelu(input),
                ActivationLayer { Kind: Activation.Silu } => F.silu(input),
                ActivationLayer { Kind: Activation.Relu } => F.relu(input),
                AddLayer add => input.Plus(kept[add.From]),
                GlobalMaxPoolLayer => F.max_pool2d(input, input.shape[2]).flatten(1),
                GlobalAveragePoolLayer => input.mean([2, 3]),
                LinearLayer linear => F.linear(
                    input.to(ScalarType.Float32), Tensor(linear, "weight").to(ScalarType.Float32),
                    linear.HasBias ? Tensor(linear, "bias").to(ScalarType.Float32) : null).Times(linear.Scale),
                _ => throw new NotSupportedException($"layer {layer.Name} ({layer.GetType().Name})"),
            };
            if (isOurs)
            {
                x.Dispose();   // what the backward pass needs it holds itself, and lets go of as it goes
            }
            if (fused is not null)
            {
                layer = _layers[++i];
            }
            if (block is not null)
            {
                i += block.Count - 1;
                layer = _layers[i];
            }
            x = output;
            isOurs = !_readLater.Contains(layer.Name);
            if (!isOurs)
            {
                kept[layer.Name] = x;
            }
        }
        foreach (var tensor in kept.Values)
        {
            tensor.Dispose();
        }
        return x;
    }

    /// <summary>The convolution; everything in the input's type. Where no gradients are asked for, by kernels of ours where they serve.</summary>
    public static Tensor Convolve(ConvLayer layer, Tensor input, Tensor weight, Tensor? bias = null)
    {
        if (!is_grad_enabled() || !(input.requires_grad || weight.requires_grad))
        {
            if (DirectConvolution.For(layer, input) is { } direct)
            {
                var biasLearns = is_grad_enabled() && bias is { requires_grad: true };
                return biasLearns ? direct.Convolve(input, weight, null).Plus(bias!.view(1, -1, 1, 1)) : direct.Convolve(input, weight, bias);
            }
            if (bias is null && Convolution3x3.For(layer, input) is { } winograd)
            {
                return winograd.Convolve(input, weight, layer.Padding);
            }
        }
        return F.conv2d(input, weight, bias, strides: [layer.Stride, layer.Stride], padding: [layer.Padding, layer.Padding]);
    }

    public void Dispose()
    {
        foreach (var tensor in Tensors.Values.Concat(_ones.Values))
        {
            tensor.Dispose();
        }
    }

    private Tensor? Scale(BatchNormLayer norm) => norm.HasScale ? Tensor(norm, "weight") : _ones.GetValueOrDefault(norm.Channels);

    private Tensor Tensor(Layer layer, string name) => Tensors[$"{layer.Name}.{name}"];

    private static Tensor Initial(Layer layer, string parameter, long[] shape, Recipe recipe, Generator generator)
    {
        switch (layer, parameter)
        {
            case (ConvLayer conv, "weight"):
                var weight = Uniform(shape, (long)conv.In * conv.Kernel * conv.Kernel, generator);
                if (conv.Kernel == 3 && recipe.Init == Init.Dirac)
                {
                    nn.init.dirac_(weight.narrow(0, 0, Math.Min(conv.In, conv.Out)));   // the first filters are the identity
                }
                return weight;
            case (ConvLayer conv, _):
                return recipe is { Whiten: true, ZeroWhitenBias: true } ? zeros(shape) : Uniform(shape, (long)conv.In * conv.Kernel * conv.Kernel, generator);
            case (LinearLayer linear, _):
                var head = Uniform(shape, linear.In, generator);
                return parameter == "weight" && recipe.NormalizeHead ? head / head.std() : head;
            case (_, "weight" or "running_var"):
                return ones(shape);
            default:
                return zeros(shape);
        }
    }

    /// <summary>PyTorch's default for convolutions and linear layers: uniform in +-1/sqrt(fan-in).</summary>
    private static Tensor Uniform(long[] shape, long fanIn, Generator generator) =>
        rand(shape, generator: generator).Times(2.0).Plus(-1.0).Over(Math.Sqrt(fanIn));

    private static Tensor Place(Layer layer, Tensor tensor, ComputeDevice device) => layer switch
    {
        ConvLayer when tensor.dim() == 4 => ChannelsLast.Of(tensor.to(device.WeightType, device.Device)),
        ConvLayer or LinearLayer => tensor.to(device.WeightType, device.Device),
        _ => tensor.to(device.Device),
    };
}
