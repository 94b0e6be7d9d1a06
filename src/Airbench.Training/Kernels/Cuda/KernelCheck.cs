using System.Diagnostics;
using TorchSharp;
using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace Airbench.Training;

/// <summary>Compares <see cref="CudaKernels"/> with libtorch's operators: numbers on random images, and time.</summary>
internal static class KernelCheck
{
    /// <summary>||found - expected|| / ||expected|| that rounding to bf16's 8 bits may leave; a mistake shows as much more.</summary>
    public const double LargestError = 0.01;

    private const double Momentum = 0.4, Epsilon = 1e-12;
    private const int Repetitions = 30;

    /// <summary>Layers of airbench94 between the convolutions.</summary>
    public static IReadOnlyList<Case> Cases { get; } =
    [
        new(64, 31, 2, true, Activation.Gelu), new(256, 7, 0, true, Activation.Gelu), new(64, 15, 0, true, Activation.Gelu),
        new(256, 15, 2, true, Activation.Gelu), new(256, 7, 2, true, Activation.Silu), new(256, 3, 0, true, Activation.Silu),
        new(64, 15, 0, true, null), new(256, 3, 3, false, null), new(24, 32, 0, false, Activation.Gelu),
    ];

    /// <summary>Layers and the shape that they read.</summary>
    /// <param name="Channels">C.</param>
    /// <param name="Size">Height and width.</param>
    /// <param name="Pool">0 for none.</param>
    /// <param name="HasNorm">Whether a batch norm follows; without it and a pool it is the whitening layer, of so many output channels.</param>
    /// <param name="Activation">After the norm or the whitening.</param>
    public sealed record Case(int Channels, int Size, int Pool, bool HasNorm, Activation? Activation)
    {
        public bool IsWhitening => Pool == 0 && !HasNorm;

        public override string ToString() =>
            $"{(IsWhitening ? "whiten " : "")}{Channels} x {Size} x {Size}{(Pool > 0 ? $" pool {Pool}" : "")}{(HasNorm ? " norm" : "")} {Activation?.ToString().ToLowerInvariant()}".TrimEnd();

        /// <summary>Bytes that a kernel has to move for so many images: each number once.</summary>
        public double Bytes(string kernel, int images)
        {
            if (IsWhitening)
            {
                return 2.0 * images * ((3.0 * Size * Size) + (Channels * (Size - 1.0) * (Size - 1)));
            }
            double inputs = 2.0 * images * Channels * Size * Size;
            double outputs = Pool > 0 ? 2.0 * images * Channels * (Size / Pool) * (Size / Pool) : inputs;
            var covered = Pool > 0 ? outputs * Pool * Pool : inputs;
            return kernel.Split('_') switch
            {
                ["pool", "moments"] => covered + outputs + (outputs / 8),
                ["moments"] => outputs,
                ["apply", _] => 2 * outputs,
                ["slopes", _] => 2 * outputs,
                ["pool", "gradient", _] => (2 * outputs) + (outputs / 8) + inputs,
                ["gradient", _] => 3 * outputs,
                ["pool"] => covered + (1.5 * outputs),
                _ => inputs + (1.5 * outputs),
            };
        }
    }

    /// <summary>What was found.</summary>
    /// <param name="Errors">||found - expected|| / ||expected|| of each result; expected in fp32 on CUDA, in float64 on a CPU.</param>
    /// <param name="OwnForward">Seconds; 0 where nothing was timed.</param>
    /// <param name="OwnBackward">Seconds.</param>
    /// <param name="LibtorchForward">Seconds.</param>
    /// <param name="LibtorchBackward">Seconds.</param>
    public sealed record Result(
        IReadOnlyDictionary<string, double> Errors, double OwnForward, double OwnBackward, double LibtorchForward, double LibtorchBackward)
    {
        public double OwnSeconds => OwnForward + OwnBackward;
        public double LibtorchSeconds => LibtorchForward + LibtorchBackward;
    }

    /// <summary>Forward and backward, ours and libtorch's, without autograd around ours.</summary>
    public static Result Run(CudaKernels kernels, Device device, Case test, int images, bool isTimed)
    {
        using var scope = NewDisposeScope();
        var inputs = new Inputs(kernels.Type, device, test, images);
        var (own, backward) = Own(kernels, inputs);
        backward(own);
        var errors = Compare(own, inputs.Reference(device.type == DeviceType.CUDA ? ScalarType.Float32 : ScalarType.Float64));
        if (!isTimed)
        {
            return new Result(errors, 0, 0, 0, 0);
        }
        var forwardSeconds = Time(device, () => Own(kernels, inputs));
        var backwardSeconds = TimeBackward();
        var (theirs, theirBackward) = inputs.Libtorch(kernels.Type);
        return new Result(
            errors, forwardSeconds, backwardSeconds,
            Time(device, () => inputs.Libtorch(kernels.Type)), Time(device, () => theirBackward(theirs)));

        double TimeBackward()
        {
            var (again, gradients) = Own(kernels, inputs);
            return Time(device, () => gradients(again));
        }
    }

    /// <summary>Seconds of each kernel of a case.</summary>
    public static IReadOnlyList<(string Kernel, double Seconds)> TimeKernels(KernelLibrary library, Device device, ScalarType type, Case test, int images)
    {
        using var scope = NewDisposeScope();
        var repeating = new Repeating(library, device);
        using var kernels = new CudaKernels(repeating, device, type);
        var (own, backward) = Own(kernels, new Inputs(type, device, test, images));
        backward(own);
        return repeating.Found;
    }

    /// <summary>As <see cref="Run"/>, but as the training does it: autograd calls the backward functions.</summary>
    public static IReadOnlyDictionary<string, double> ThroughAutograd(CudaKernels kernels, Device device, Case test, int images)
    {
        using var scope = NewDisposeScope();
        var inputs = new Inputs(kernels.Type, device, test, images);
        Layer[] layers =
        [
            .. test.IsWhitening ? [new ConvLayer("whiten", 3, test.Channels, 2, 0) { HasBias = true }] : (Layer[])[],
            .. test.Pool > 0 ? [new MaxPoolLayer("pool", test.Pool)] : (Layer[])[],
            .. test.HasNorm ? [new BatchNormLayer("norm", test.Channels)] : (Layer[])[],
            .. test.Activation is { } kind ? [new ActivationLayer("activation", kind)] : (Layer[])[],
        ];
        using var pass = new BackwardPass(kernels);
        var (x, bias) = (inputs.X.alias().detach().requires_grad_(!test.IsWhitening), inputs.Bias.clone().requires_grad_());
        var tensors = new Dictionary<string, Tensor>
        {
            ["norm.bias"] = bias,
            ["norm.running_mean"] = inputs.Mean.clone(),
            ["norm.running_var"] = inputs.Variance.clone(),
            ["whiten.bias"] = bias,
            ["whiten.weight"] = inputs.Weight,
        };
        var block = FusedLayers.At(layers, 0, x, new HashSet<string>(), tensors, kernels)!;
        var y = block.Forward(x, tensors, Momentum, Epsilon, pass.Cuda!);
        var gradients = pass.Of(y, test.IsWhitening ? [bias] : test.HasNorm ? [x, bias] : [x], inputs.DY);
        var found = new Dictionary<string, Tensor> { ["y"] = y };
        if (test.Pool > 0 || test.HasNorm)
        {
            found["dx"] = gradients[0];
        }
        if (test.HasNorm)
        {
            (found["mean"], found["variance"]) = (tensors["norm.running_mean"], tensors["norm.running_var"]);
        }
        if (test.HasNorm || test.IsWhitening)
        {
            found["bias"] = gradients[^1];
        }
        return Compare(found, inputs.Reference(device.type == DeviceType.CUDA ? ScalarType.Float32 : ScalarType.Float64));
    }

    /// <summary>Error of the batch norm with running statistics; 0 for a case without one.</summary>
    public static double Inference(CudaKernels kernels, Device device, Case test, int images)
    {
        using var scope = NewDisposeScope();
        using var noGradients = no_grad();
        if (!test.HasNorm)
        {
            return 0;
        }
        var inputs = new Inputs(kernels.Type, device, test, images);
        var found = kernels.NormalizeByRunning(
            ChannelsLast.Pixels(inputs.X), test.Pool > 0, inputs.Bias, inputs.Mean, inputs.Variance, Epsilon, test.Activation).permute(0, 3, 1, 2);
        return Compare(new() { ["y"] = found }, new() { ["y"] = inputs.ByRunning(device.type == DeviceType.CUDA ? ScalarType.Float32 : ScalarType.Float64) })["y"];
    }

    private static (Dictionary<string, Tensor> Found, Action<Dictionary<string, Tensor>> Backward) Own(CudaKernels kernels, Inputs inputs)
    {
        using var noGradients = no_grad();
        var x = ChannelsLast.Pixels(inputs.X);
        var dy = ChannelsLast.Pixels(inputs.DY);
        if (inputs.Test.IsWhitening)
        {
            var weight = ChannelsLast.Pixels(inputs.Weight);
            return (new() { ["y"] = kernels.Whiten(x, weight, inputs.Bias, inputs.Test.Activation).permute(0, 3, 1, 2) }, found =>
                found["bias"] = kernels.WhitenGradient(x, weight, inputs.Bias, inputs.Test.Activation, dy));
        }
        if (!inputs.Test.HasNorm)
        {
            var (maxima, places) = kernels.Pool(x, inputs.Test.Pool);
            return (new() { ["y"] = maxima.permute(0, 3, 1, 2) }, found =>
                found["dx"] = kernels.PoolGradient(dy, places, (int)x.shape[1], (int)x.shape[2], inputs.Test.Pool).permute(0, 3, 1, 2));
        }
        var (mean, variance) = (inputs.Mean.clone(), inputs.Variance.clone());
        var (y, kept) = kernels.Normalize(x, inputs.Test.Pool > 0, inputs.Bias, mean, variance, Momentum, Epsilon, inputs.Test.Activation);
        return (new() { ["y"] = y.permute(0, 3, 1, 2), ["mean"] = mean, ["variance"] = variance }, found =>
        {
            var (dx, dBias) = kernels.Gradients(kept, dy);
            (found["dx"], found["bias"]) = (dx.permute(0, 3, 1, 2), dBias);
        }
        );
    }

    private static Dictionary<string, double> Compare(Dictionary<string, Tensor> found, Dictionary<string, Tensor> expected) =>
        expected.ToDictionary(pair => pair.Key, pair =>
        {
            using var scope = NewDisposeScope();
            using var noGradients = no_grad();
            var other = found[pair.Key].to(pair.Value.dtype);
            return Norm(other.Plus(pair.Value.neg())) / Math.Max(1e-30, Norm(pair.Value));

            static double Norm(Tensor tensor) => tensor.norm().to(ScalarType.Float64).item<double>();
        });

    private static double Time(Device device, Action action)
    {
        for (var i = 0; i < 3; i++)
        {
            Once();
        }
        Wait(device);
        var clock = Stopwatch.StartNew();
        for (var i = 0; i < Repetitions; i++)
        {
            Once();
        }
        Wait(device);
        return clock.Elapsed.TotalSeconds / Repetitions;

        void Once()
        {
            using var scope = NewDisposeScope();
            action();
        }
    }

    private static void Wait(Device device)
    {
        if (device.type == DeviceType.CUDA)
        {
            cuda.synchronize(device);
        }
    }

    /// <summary>Starts each kernel many times. (All give the same again, but for the running statistics.)</summary>
    private sealed unsafe class Repeating(KernelLibrary library, Device device) : KernelLibrary
    {
        private readonly List<(string, double)> _found = [];

        public IReadOnlyList<(string Kernel, double Seconds)> Found => _found;

        public override int Processors => library.Processors;

        public override void Launch(string kernel, int slices, int blocks, int threads, void** arguments)
        {
            library.Launch(kernel, slices, blocks, threads, arguments);
            Wait(device);
            var repetitions = device.type == DeviceType.CUDA ? 50 : 1;
            var clock = Stopwatch.StartNew();
            for (var i = 0; i < repetitions; i++)
            {
                library.Launch(kernel, slices, blocks, threads, arguments);
            }
            Wait(device);
            _found.Add((kernel, clock.Elapsed.TotalSeconds / repetitions));
        }
    }

    /// <summary>Fresh random numbers: some channels are far from zero and narrow.</summary>
    private sealed class Inputs
    {
        public Inputs(ScalarType type, Device device, Case test, int images)
        {
            using var noGradients = no_grad();
            Test = test;
            var (channels, size) = (test.Channels, test.Size);
            var outSize = test.IsWhitening ? size - 1 : test.Pool > 0 ? size / test.Pool : size;
            var read = test.IsWhitening ? 3 : channels;
            X = ChannelsLast.Of((Draw(images, read, size, size) * Draw(1, read, 1, 1).exp()).Plus(Draw(1, read, 1, 1)).to(type));
            Weight = ChannelsLast.Of(Draw(channels, 3, 2, 2).to(type).to(ScalarType.Float32));
            DY = ChannelsLast.Of(Draw(images, channels, outSize, outSize).to(type));
            (Bias, Mean, Variance) = (Draw(channels), Draw(channels), Draw(channels).exp());

            Tensor Draw(params long[] shape) => randn(shape, device: device);
        }

        public Case Test { get; }
        public Tensor X { get; }
        public Tensor Weight { get; }
        public Tensor DY { get; }
        public Tensor Bias { get; }
        public Tensor Mean { get; }
        public Tensor Variance { get; }

        /// <summary>By libtorch's operators; the second part takes the first and adds the gradients.</summary>
        public (Dictionary<string, Tensor> Found, Action<Dictionary<string, Tensor>> Backward) Libtorch(ScalarType type)
        {
            var other = type == ScalarType.Float64 ? type : ScalarType.Float32;
            if (Test.IsWhitening)
            {
                var whitenBias = Bias.to(type).detach().requires_grad_();
                var whitened = Activated(F.conv2d(X.to(type), Weight.to(type), whitenBias));
                return (new() { ["y"] = whitened }, found => found["bias"] = autograd.grad([whitened], [whitenBias], [DY.to(type)], retain_graph: true)[0]);
            }
            var x = X.to(type).detach().requires_grad_();
            var y = Test.Pool > 0 ? F.max_pool2d(x, Test.Pool) : x;
            if (!Test.HasNorm)
            {
                return (new() { ["y"] = y }, found => found["dx"] = autograd.grad([y], [x], [DY.to(type)], retain_graph: true)[0]);
            }
            var (bias, mean, variance) = (Bias.to(other).clone().requires_grad_(), Mean.to(other).clone(), Variance.to(other).clone());
            y = F.batch_norm(y, mean, variance, ones(Test.Channels, other, X.device), bias, true, Momentum, Epsilon);
            y = Activated(y);
            return (new() { ["y"] = y, ["mean"] = mean, ["variance"] = variance }, found =>
            {
                var gradients = autograd.grad([y], [x, bias], [DY.to(type)], retain_graph: true);
                (found["dx"], found["bias"]) = (gradients[0], gradients[1]);
            }
            );
        }

        public Tensor ByRunning(ScalarType type)
        {
            var x = Test.Pool > 0 ? F.max_pool2d(X.to(type), Test.Pool) : X.to(type);
            return Activated(F.batch_norm(x, Mean.to(type), Variance.to(type), ones(Test.Channels, type, X.device), Bias.to(type), false, Momentum, Epsilon));
        }

        private Tensor Activated(Tensor z) => Test.Activation switch { Activation.Gelu => F.gelu(z), Activation.Silu => F.silu(z), _ => z };

        public Dictionary<string, Tensor> Reference(ScalarType type)
        {
            var (found, backward) = Libtorch(type);
            backward(found);
            return found;
        }
    }
}
