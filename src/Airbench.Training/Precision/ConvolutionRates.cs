using System.Diagnostics;
using System.Globalization;
using TorchSharp;
using static TorchSharp.torch;

namespace Airbench.Training;

/// <summary>Measures a network's convolutions in bf16 and in fp32, forward and backward, the way that a training computes them.</summary>
/// <remarks>
/// Where it can be done, on one thread and by its own CPU time: what else runs on the machine can stop a thread, and then all that wait for it, but
/// not speed up or slow down one arithmetic only. By the clock on the wall, with all threads, bf16 came out between 0.15 and 1.9 times as fast as
/// libtorch's fp32 on one and the same busy machine.
/// </remarks>
internal static class ConvolutionRates
{
    private const double RoundFlops = 28e9;
    private const int MostImages = 64;
    private const int MostRounds = 12;
    private const int Settled = 2;
    private const double Gain = 0.03;

    /// <summary>
    /// Both arithmetics take turns, and the best of each counts. The first call of each does not. The rounds end when two in a row were no faster than
    /// those before them: after some tenths of a second, and later on a busy machine, where others empty the caches, or while code is being compiled.
    /// </summary>
    /// <param name="convolutions">At least one.</param>
    public static ArithmeticRates Measure(IReadOnlyList<TypicalConvolution> convolutions) => OperatingSystem.IsLinux() && OpenMp.IsAvailable
        ? OpenMp.OnThisThread(() => Measure(convolutions, threads: 1, () => ThreadClock.Now))
        : Measure(convolutions, get_num_threads(), () => Stopwatch.GetElapsedTime(0));

    private static ArithmeticRates Measure(IReadOnlyList<TypicalConvolution> convolutions, int threads, Func<TimeSpan> clock)
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(1UL, CPU);   // the training's own draws stay what they are
        var least = Math.Clamp(threads, TypicalConvolution.LeastImages, MostImages);
        var images = (int)Math.Clamp(RoundFlops / (3 * convolutions.Sum(convolution => convolution.Flops)), least, MostImages);
        List<Case> cases =
        [
            .. from convolution in convolutions
               from type in (ScalarType[])[ScalarType.BFloat16, ScalarType.Float32]
               select new Case(convolution, type, images, generator),
        ];
        cases.ForEach(one => one.Run());
        cases.ForEach(one => one.Time(clock));
        for (var (round, settled) = (1, 0); round < MostRounds && settled < Settled; round++)
        {
            var isFaster = false;
            foreach (var one in cases)
            {
                var before = one.Best;
                one.Time(clock);
                isFaster |= one.Best < before * (1 - Gain);
            }
            settled = isFaster ? 0 : settled + 1;
        }
        return new(
            BenchmarkMachine.Current().Cpu, threads, Gflops(ScalarType.BFloat16), Gflops(ScalarType.Float32),
            DateTimeOffset.UtcNow.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture));

        // Of a step of the whole network, were it made of these convolutions alone.
        double Gflops(ScalarType type)
        {
            var alike = cases.Where(one => one.Type == type).ToList();
            var seconds = alike.Sum(one => one.Best.TotalSeconds * one.Convolution.Work / one.Convolution.Flops);
            return Math.Round(3.0 * images * alike.Sum(one => one.Convolution.Work) / seconds / 1e9, 1);
        }
    }

    /// <summary>One convolution in one arithmetic, on noise; its tensors belong to the caller's scope.</summary>
    private sealed class Case(TypicalConvolution convolution, ScalarType type, int images, Generator generator)
    {
        private readonly Tensor _weight = Noise([convolution.Layer.Out, convolution.Layer.In, 3, 3], ScalarType.Float32, generator).requires_grad_();
        private readonly Tensor _input = Noise([images, .. Shape(convolution.Input)], type, generator).requires_grad_();
        private readonly Tensor _gradient = Noise([images, .. Shape(convolution.Layer.Output(convolution.Input))], type, generator);

        public TypicalConvolution Convolution { get; } = convolution;

        public ScalarType Type { get; } = type;

        public TimeSpan Best { get; private set; } = TimeSpan.MaxValue;

        public void Time(Func<TimeSpan> clock)
        {
            var start = clock();
            Run();
            var elapsed = clock() - start;
            Best = elapsed < Best ? elapsed : Best;
        }

        /// <summary>Forward, and the gradients of weight and input.</summary>
        public void Run()
        {
            using var step = NewDisposeScope();
            using var pass = new BackwardPass();
            pass.Of(pass.Convolve(Convolution.Layer, _input, _weight), [_weight, _input], _gradient);
        }

        private static long[] Shape(Plane plane) => [plane.Channels, plane.Height, plane.Width];

        /// <summary>Of numbers between 0 and 1, channels_last.</summary>
        private static Tensor Noise(long[] shape, ScalarType type, Generator generator) =>
            ChannelsLast.Of(rand(shape, generator: generator).to(type));
    }
}
