// What a training step of a recipe costs at least on this machine, operator by operator: the best time of each of its layers alone,
// forward and backward, and the rate of the convolutions. Usage: floor [recipe] [rounds] [bf16|fp32]
using System.Diagnostics;
using Airbench;
using Airbench.Training;
using TorchSharp;
using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

var recipe = Recipe.All[args.Length > 0 ? args[0] : "airbench94"];
var rounds = args.Length > 1 ? int.Parse(args[1], System.Globalization.CultureInfo.InvariantCulture) : 7;
var precision = args.Length > 2 ? Enum.Parse<Precision>(args[2], ignoreCase: true) : CpuFeatures.HasAvx512Bf16 ? Precision.Bf16 : Precision.Fp32;
var device = ComputeDevice.Resolve("cpu", precision);
var type = device.ComputeType;
var spec = recipe.Network(32, 10, [0.5, 0.5, 0.5], [0.25, 0.25, 0.25]);
long batch = recipe.BatchSize;
Console.WriteLine($"{recipe.Name}, batch {batch}, {type}, {get_num_threads()} threads; best of {rounds}");
Console.WriteLine($"{"layer",-24} {"output",-22} {"forward ms",10} {"backward ms",11} {"GFLOP/s",8} {"GFLOP/s",8}");

var outputs = new Dictionary<string, long[]>();
var last = new long[] { batch, 3, 32, 32 };
var (total, convolutions, flops) = (0.0, 0.0, 0.0);
var best = 0.0;
var layers = spec.Layers();
for (var at = 0; at < layers.Count; at++)
{
    var layer = layers[at];
    using var scope = NewDisposeScope();
    var input = layer.Input is { } name ? outputs[name] : last;
    var x = Fresh(input).requires_grad_(layer.Name != "whiten" && layer.Name != "stem.conv");
    Tensor[] weights = layer switch
    {
        ConvLayer conv => [Fresh([conv.Out, conv.In, conv.Kernel, conv.Kernel]).requires_grad_(layer.Name != "whiten")],
        BatchNormLayer norm => [zeros(norm.Channels).requires_grad_()],
        LinearLayer linear => [zeros(linear.Out, linear.In).requires_grad_()],
        _ => [],
    };
    var other = layer is AddLayer ? Fresh(input) : null;
    var activation = NormActivation.After(layers, at, x);
    var (mean, variance) = layer is BatchNormLayer ? (zeros(input[1]), ones(input[1])) : (null, null);
    using var pass = new BackwardPass();
    Tensor Forward() => layer switch
    {
        ConvLayer conv => pass.Convolve(conv, x, weights[0]),
        BatchNormLayer when activation is not null => NormActivation.Of(x, mean!, variance!, null, weights[0], 0.4, 1e-5, activation.Kind, pass.Returned),
        BatchNormLayer => F.batch_norm(x, mean!, variance!, null!, weights[0], true, 0.4, 1e-5),
        ActivationLayer { Kind: Activation.Gelu } => F.gelu(x),
        ActivationLayer { Kind: Activation.Silu } => F.silu(x),
        ActivationLayer => F.relu(x),
        MaxPoolLayer pool => MaxPool.Serves(pool, x) ? MaxPool.Of(pool, x, pass.Returned) : F.max_pool2d(x, pool.Size),
        AddLayer => x + other!,
        GlobalMaxPoolLayer => F.max_pool2d(x, x.shape[2]).flatten(1),
        GlobalAveragePoolLayer => x.mean([2, 3]),
        LinearLayer => F.linear(x.to(ScalarType.Float32), weights[0]),
        _ => throw new NotSupportedException(layer.Name),
    };
    Tensor[] wanted = [.. new[] { x }.Concat(weights).Where(t => t.requires_grad)];
    var (forward, backward) = (double.MaxValue, wanted.Length > 0 ? double.MaxValue : 0);
    var gradient = Forward() is var y ? Fresh(y.shape, y.dtype) : throw new UnreachableException();
    for (var i = 0; i < rounds; i++)
    {
        using var inner = NewDisposeScope();
        pass.Dispose();   // of the round before
        var clock = Stopwatch.StartNew();
        var output = Forward();
        forward = Math.Min(forward, clock.Elapsed.TotalMilliseconds);
        if (wanted.Length > 0)
        {
            clock.Restart();
            pass.Of(output, wanted, gradient);
            backward = Math.Min(backward, clock.Elapsed.TotalMilliseconds);
        }
    }
    total += forward + backward;
    var rates = "";
    if (layer is ConvLayer c)
    {
        var once = 2.0 * batch * y.shape[2] * y.shape[3] * c.Out * c.In * c.Kernel * c.Kernel;
        var back = once * wanted.Length;
        convolutions += forward + backward;
        flops += once + back;
        best = Math.Max(best, Math.Max(once / forward, back / Math.Max(backward, 1e-3)) / 1e6);
        rates = $"{once / forward / 1e6,8:0} {(wanted.Length > 0 ? back / backward / 1e6 : 0),8:0}";
    }
    Console.WriteLine($"{layer.Name,-24} {string.Join("x", y.shape),-22} {forward,10:0.0} {backward,11:0.0} {rates}");
    outputs[layer.Name] = last = y.shape;
    if (activation is not null)
    {
        at++;   // both at once
    }
}
Console.WriteLine();
Console.WriteLine($"useful arithmetic {flops / 1e12:0.000} TFLOP a step; best convolution rate {best:0} GFLOP/s: floor {flops / best / 1e9:0.000} s");
Console.WriteLine($"convolutions, each at its best {convolutions / 1e3:0.000} s ({flops / convolutions / 1e6:0} GFLOP/s)");
Console.WriteLine($"all layers, each at its best {total / 1e3:0.000} s");

Tensor Fresh(long[] shape, ScalarType? dtype = null)
{
    var t = randn(shape, dtype: dtype ?? type);
    return shape.Length == 4 ? ChannelsLast.Of(t).detach() : t;
}
