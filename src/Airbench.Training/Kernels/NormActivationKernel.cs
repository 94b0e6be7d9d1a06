using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using static TorchSharp.torch;

namespace Airbench.Training;

/// <summary>The passes of <see cref="NormActivation"/> over all pixels, in AVX-512: two that sum and two that write.</summary>
/// <remarks>
/// Arithmetic is fp32; sums over the batch are fp64 from image to image, in the same order each time for the same number of threads.
/// </remarks>
internal static unsafe class NormActivationKernel
{
    private const int Lanes = Bf16Kernel.Lanes;

    /// <summary>Sums of x and of its square, both less the table's mean: (2, C), in the table's order.</summary>
    public static (double[] Sums, long Pixels) SumMoments(Task* task) => Sum(task, &SumImages<Moments>);

    /// <summary>Sums of dz and of its product with x less the mean: (2, C), in the table's order.</summary>
    public static (double[] Sums, long Pixels) SumSlopes(Task* task, Activation activation) =>
        Sum(task, activation == Activation.Gelu ? &SumImages<SlopeMoments<Normal>> : &SumImages<SlopeMoments<Logistic>>);

    /// <summary>Writes y.</summary>
    public static void WriteOutput(Task* task, Activation activation) =>
        Map(task, activation == Activation.Gelu ? &MapImages<Output<Normal>> : &MapImages<Output<Logistic>>);

    /// <summary>Writes the gradient of x.</summary>
    public static void WriteInputGradient(Task* task, Activation activation) =>
        Map(task, activation == Activation.Gelu ? &MapImages<InputGradient<Normal>> : &MapImages<InputGradient<Logistic>>);

    /// <summary>Tensors of a pass, in place.</summary>
    /// <param name="images">x, (N, H, W, C).</param>
    /// <param name="x">Its numbers.</param>
    /// <param name="dy">The gradient of y; anything as long where there is none yet.</param>
    /// <param name="result">What the pass writes, as long as x; nothing where it sums.</param>
    /// <param name="table">Of the channels.</param>
    public struct Task(Tensor images, byte* x, byte* dy, byte* result, Table table)
    {
        public readonly ushort* X = (ushort*)x, DY = (ushort*)dy, Result = (ushort*)result;
        public readonly Table Table = table;
        public readonly int Images = (int)images.shape[0], Pixels = (int)(images.shape[1] * images.shape[2]), Channels = (int)images.shape[3];
        public double* Sums;   // of each thread
    }

    /// <summary>Numbers of each channel: of each <see cref="Lanes"/> the even channels first.</summary>
    public readonly struct Table(float* first, int channels)
    {
        public const int Rows = 6;

        public float* Mean => first;
        public float* Scale => first + channels;
        public float* Bias => first + (2 * channels);
        public float* Precision => first + (3 * channels);   // 1 / sqrt(variance + epsilon)
        public float* MeanSlope => first + (4 * channels);   // mean of dz
        public float* Trend => first + (5 * channels);       // what dz rises by, on average, with x

        public static int Place(int channel) => (channel / Lanes * Lanes) + (channel % 2 * Lanes / 2) + (channel % Lanes / 2);
    }

    private static (double[] Sums, long Pixels) Sum(Task* task, delegate*<void*, int, int, int, void> sumImages)
    {
        var threads = OpenMp.ThreadsFor(task->Images);
        var perThread = 2 * task->Channels;
        var ofThreads = new double[threads * perThread];
        fixed (double* start = ofThreads)
        {
            task->Sums = start;
            OpenMp.Run(task->Images, threads, sumImages, task);
        }
        var sums = ofThreads[..perThread];
        for (var i = perThread; i < ofThreads.Length; i++)
        {
            sums[i % perThread] += ofThreads[i];
        }
        return (sums, (long)task->Images * task->Pixels);
    }

    private static void Map(Task* task, delegate*<void*, int, int, int, void> mapImages) =>
        OpenMp.Run(task->Images, OpenMp.ThreadsFor(task->Images), mapImages, task);

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void SumImages<TTerms>(void* state, int thread, int first, int end)
        where TTerms : struct, ITerms
    {
        var task = (Task*)state;
        var (channels, pixels, table) = (task->Channels, task->Pixels, task->Table);
        var sums = task->Sums + (2L * thread * channels);
        for (var image = first; image < end; image++)
        {
            for (var channel = 0; channel < channels; channel += Lanes)
            {
                var start = ((long)image * pixels * channels) + channel;
                var x = task->X + start;
                var dy = task->DY + start;
                var (sumEven, sumOdd) = (Vector512<float>.Zero, Vector512<float>.Zero);
                var (otherEven, otherOdd) = (Vector512<float>.Zero, Vector512<float>.Zero);
                for (var pixel = 0; pixel < pixels; pixel++, x += channels, dy += channels)
                {
                    var (xEven, xOdd) = Load(x);
                    var (dyEven, dyOdd) = Load(dy);
                    var one = TTerms.Of(xEven, dyEven, table, channel, out var other);
                    sumEven += one;
                    otherEven += other;
                    one = TTerms.Of(xOdd, dyOdd, table, channel + (Lanes / 2), out other);
                    sumOdd += one;
                    otherOdd += other;
                }
                Add(sums + channel, sumEven, sumOdd);
                Add(sums + channels + channel, otherEven, otherOdd);
            }
        }

        static void Add(double* sums, Vector512<float> even, Vector512<float> odd)
        {
            var ((a, b), (c, d)) = (Vector512.Widen(even), Vector512.Widen(odd));
            (Vector512.Load(sums) + a).Store(sums);
            (Vector512.Load(sums + 8) + b).Store(sums + 8);
            (Vector512.Load(sums + 16) + c).Store(sums + 16);
            (Vector512.Load(sums + 24) + d).Store(sums + 24);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void MapImages<TTerm>(void* state, int thread, int first, int end)
        where TTerm : struct, ITerm
    {
        var task = (Task*)state;
        var (channels, table) = (task->Channels, task->Table);
        var start = (long)first * task->Pixels * channels;
        var x = task->X + start;
        var dy = task->DY + start;
        var result = task->Result + start;
        for (var pixels = (long)(end - first) * task->Pixels; pixels > 0; pixels--)
        {
            for (var channel = 0; channel < channels; channel += Lanes)
            {
                var (xEven, xOdd) = Load(x + channel);
                var (dyEven, dyOdd) = Load(dy + channel);
                var even = TTerm.Of(xEven, dyEven, table, channel);
                var odd = TTerm.Of(xOdd, dyOdd, table, channel + (Lanes / 2));
                ((Round(even) >> 16) | (Round(odd) & Vector512.Create(0xffff0000))).Store((uint*)(result + channel));
            }
            x += channels;
            dy += channels;
            result += channels;
        }
    }

    /// <summary>Sixteen even and sixteen odd channels as fp32: bf16 is its upper half.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static (Vector512<float> Even, Vector512<float> Odd) Load(ushort* x)
    {
        var words = Vector512.Load((uint*)x);
        return ((words << 16).AsSingle(), (words & Vector512.Create(0xffff0000)).AsSingle());
    }

    /// <summary>The upper half is the nearest bf16, of two the even one.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<uint> Round(Vector512<float> x)
    {
        var bits = x.AsUInt32();
        return bits + Vector512.Create(0x7fffu) + ((bits >> 16) & Vector512<uint>.One);
    }

    private interface ITerms
    {
        static abstract Vector512<float> Of(Vector512<float> x, Vector512<float> dy, Table table, int at, out Vector512<float> other);
    }

    private interface ITerm
    {
        static abstract Vector512<float> Of(Vector512<float> x, Vector512<float> dy, Table table, int at);
    }

    /// <summary>x and its square, both less the table's mean.</summary>
    private readonly struct Moments : ITerms
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Vector512<float> Of(Vector512<float> x, Vector512<float> dy, Table table, int at, out Vector512<float> other)
        {
            var deviation = x - Vector512.Load(table.Mean + at);
            other = deviation * deviation;
            return deviation;
        }
    }

    /// <summary>dz, and its product with x less the mean.</summary>
    private readonly struct SlopeMoments<TDistribution> : ITerms
        where TDistribution : struct, IDistribution
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Vector512<float> Of(Vector512<float> x, Vector512<float> dy, Table table, int at, out Vector512<float> other)
        {
            var dz = Slope<TDistribution>(x, dy, table, at, out var deviation);
            other = dz * deviation;
            return dz;
        }
    }

    /// <summary>y.</summary>
    private readonly struct Output<TDistribution> : ITerm
        where TDistribution : struct, IDistribution
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Vector512<float> Of(Vector512<float> x, Vector512<float> dy, Table table, int at)
        {
            var deviation = x - Vector512.Load(table.Mean + at);
            var z = Vector512.MultiplyAddEstimate(deviation, Vector512.Load(table.Scale + at), Vector512.Load(table.Bias + at));
            var magnitude = Vector512.Abs(z);
            var tail = TDistribution.Tail(magnitude, out _);
            return Avx512F.Max(z, Vector512<float>.Zero) - (magnitude * tail);
        }
    }

    /// <summary>The gradient of x.</summary>
    private readonly struct InputGradient<TDistribution> : ITerm
        where TDistribution : struct, IDistribution
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Vector512<float> Of(Vector512<float> x, Vector512<float> dy, Table table, int at)
        {
            var dz = Slope<TDistribution>(x, dy, table, at, out var deviation);
            return Vector512.Load(table.Scale + at) * (dz - Vector512.Load(table.MeanSlope + at) - (deviation * Vector512.Load(table.Trend + at)));
        }
    }

    /// <summary>dz.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> Slope<TDistribution>(Vector512<float> x, Vector512<float> dy, Table table, int at, out Vector512<float> deviation)
        where TDistribution : struct, IDistribution
    {
        deviation = x - Vector512.Load(table.Mean + at);
        var z = Vector512.MultiplyAddEstimate(deviation, Vector512.Load(table.Scale + at), Vector512.Load(table.Bias + at));
        var tail = TDistribution.Tail(Vector512.Abs(z), out var density);
        var below = Vector512.ConditionalSelect(Vector512.GreaterThanOrEqual(z, Vector512<float>.Zero), Vector512<float>.One - tail, tail);
        return dy * Vector512.MultiplyAddEstimate(z, density, below);
    }
}
