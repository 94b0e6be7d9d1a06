using System.Runtime.CompilerServices;
using static TorchSharp.torch;

namespace Airbench.Training;

/// <summary>The passes of <see cref="NormActivation"/> over all pixels: two that sum and two that write.</summary>
/// <remarks>
/// Arithmetic is fp32. Sums over the batch are fp32 for a run of pixels in an image and fp64 from run to run, in the same order each time for the
/// same number of threads.
/// </remarks>
internal abstract unsafe class NormActivationKernel
{
    /// <summary>Sums of x and of its square, both less the table's mean: (2, C), in the table's order.</summary>
    public abstract (double[] Sums, long Pixels) SumMoments(Task* task);

    /// <summary>Sums of dz and of its product with x less the mean: (2, C), in the table's order.</summary>
    public abstract (double[] Sums, long Pixels) SumSlopes(Task* task);

    /// <summary>Writes y.</summary>
    public abstract void WriteOutput(Task* task);

    /// <summary>Writes the gradient of x.</summary>
    public abstract void WriteInputGradient(Task* task);

    /// <summary>Where a channel stands in the table.</summary>
    public abstract int Place(int channel);

    /// <summary>One number of a pixel.</summary>
    public abstract float At(byte* pixel, int channel);

    /// <summary>Tensors of a pass, in place.</summary>
    /// <param name="images">x, (N, H, W, C).</param>
    /// <param name="x">Its numbers.</param>
    /// <param name="dy">The gradient of y; anything as long where there is none yet.</param>
    /// <param name="result">What the pass writes, as long as x; nothing where it sums.</param>
    /// <param name="table">Of the channels.</param>
    public struct Task(Tensor images, byte* x, byte* dy, byte* result, Table table)
    {
        public readonly byte* X = x, DY = dy, Result = result;
        public readonly Table Table = table;
        public readonly int Images = (int)images.shape[0], Pixels = (int)(images.shape[1] * images.shape[2]), Channels = (int)images.shape[3];
        public double* Sums;       // of each thread, (2, C)
        public float* SumsOfRun;   // likewise
    }

    /// <summary>Numbers of each channel, in the order of the vectors.</summary>
    public readonly struct Table(float* first, int channels)
    {
        public const int Rows = 6;

        public float* Mean => first;
        public float* Scale => first + channels;
        public float* Bias => first + (2 * channels);
        public float* Precision => first + (3 * channels);   // 1 / sqrt(variance + epsilon)
        public float* MeanSlope => first + (4 * channels);   // mean of dz
        public float* Trend => first + (5 * channels);       // what dz rises by, on average, with x
    }

    protected static (double[] Sums, long Pixels) Sum(Task* task, delegate*<void*, int, int, int, void> sumImages)
    {
        var threads = OpenMp.ThreadsFor(task->Images);
        var perThread = 2 * task->Channels;
        var ofThreads = new double[threads * perThread];
        using var ofRuns = zeros(threads, perThread);   // libtorch's memory begins with a cache line
        fixed (double* start = ofThreads)
        fixed (byte* ofRun = ofRuns.bytes)
        {
            task->Sums = start;
            task->SumsOfRun = (float*)ofRun;
            OpenMp.Run(task->Images, threads, sumImages, task);
        }
        var sums = ofThreads[..perThread];
        for (var i = perThread; i < ofThreads.Length; i++)
        {
            sums[i % perThread] += ofThreads[i];
        }
        return (sums, (long)task->Images * task->Pixels);
    }

    protected static void Map(Task* task, delegate*<void*, int, int, int, void> mapImages) =>
        OpenMp.Distribute(task->Images, mapImages, task);
}

/// <summary>For one type of number, width of vector and activation.</summary>
internal sealed unsafe class NormActivationKernel<TNumbers, TSimd, TVector, TActivation> : NormActivationKernel
    where TNumbers : struct, IPixelNumbers<TVector>
    where TSimd : struct, ISimd<TVector>
    where TVector : unmanaged
    where TActivation : struct, IActivation
{
    public override (double[] Sums, long Pixels) SumMoments(Task* task) => Sum(task, &SumImages<Moments>);

    public override (double[] Sums, long Pixels) SumSlopes(Task* task) => Sum(task, &SumImages<SlopeMoments>);

    public override void WriteOutput(Task* task) => Map(task, &MapImages<Output>);

    public override void WriteInputGradient(Task* task) => Map(task, &MapImages<InputGradient>);

    public override int Place(int channel) => TNumbers.Place(channel);

    public override float At(byte* pixel, int channel) => TNumbers.At(pixel, channel);

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void SumImages<TTerms>(void* state, int thread, int first, int end)
        where TTerms : struct, ITerms
    {
        var task = (Task*)state;
        var (channels, pixels, table) = (task->Channels, task->Pixels, task->Table);
        var pixelSize = (long)channels * TNumbers.Size;
        var sums = task->Sums + (2L * thread * channels);
        var ofRun = task->SumsOfRun + (2L * thread * channels);
        var start = first * pixels * pixelSize;
        var x = task->X + start;
        var dy = task->DY + start;
        for (var image = first; image < end; image++)
        {
            for (var left = pixels; left > 0; left -= TNumbers.LongestSum)
            {
                for (var pixel = Math.Min(left, TNumbers.LongestSum); pixel > 0; pixel--, x += pixelSize, dy += pixelSize)
                {
                    for (var channel = 0; channel < channels; channel += TSimd.Lanes)
                    {
                        var at = channel * TNumbers.Size;
                        var sum = ofRun + channel;
                        var otherSum = sum + channels;
                        var one = TTerms.Of(TNumbers.Load(x + at), TNumbers.Load(dy + at), table, channel, out var other);
                        TSimd.Store(sum, TSimd.Add(TSimd.Load(sum), one));
                        TSimd.Store(otherSum, TSimd.Add(TSimd.Load(otherSum), other));
                    }
                }
                for (var channel = 0; channel < 2 * channels; channel += TSimd.Lanes)
                {
                    TSimd.AddTo(sums + channel, TSimd.Load(ofRun + channel));
                    TSimd.Store(ofRun + channel, TSimd.All(0));
                }
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void MapImages<TTerm>(void* state, int thread, int first, int end)
        where TTerm : struct, ITerm
    {
        var task = (Task*)state;
        var (channels, table) = (task->Channels, task->Table);
        var pixelSize = (long)channels * TNumbers.Size;
        var start = first * task->Pixels * pixelSize;
        var x = task->X + start;
        var dy = task->DY + start;
        var result = task->Result + start;
        for (var pixels = (long)(end - first) * task->Pixels; pixels > 0; pixels--)
        {
            for (var channel = 0; channel < channels; channel += TSimd.Lanes)
            {
                var at = channel * TNumbers.Size;
                TNumbers.Store(result + at, TTerm.Of(TNumbers.Load(x + at), TNumbers.Load(dy + at), table, channel));
            }
            x += pixelSize;
            dy += pixelSize;
            result += pixelSize;
        }
    }

    private interface ITerms
    {
        static abstract TVector Of(TVector x, TVector dy, Table table, int at, out TVector other);
    }

    private interface ITerm
    {
        static abstract TVector Of(TVector x, TVector dy, Table table, int at);
    }

    /// <summary>x and its square, both less the table's mean.</summary>
    private readonly struct Moments : ITerms
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static TVector Of(TVector x, TVector dy, Table table, int at, out TVector other)
        {
            var deviation = TSimd.Subtract(x, TSimd.Load(table.Mean + at));
            other = TSimd.Multiply(deviation, deviation);
            return deviation;
        }
    }

    /// <summary>dz, and its product with x less the mean.</summary>
    private readonly struct SlopeMoments : ITerms
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static TVector Of(TVector x, TVector dy, Table table, int at, out TVector other)
        {
            var dz = Slope(x, dy, table, at, out var deviation);
            other = TSimd.Multiply(dz, deviation);
            return dz;
        }
    }

    /// <summary>y.</summary>
    private readonly struct Output : ITerm
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static TVector Of(TVector x, TVector dy, Table table, int at) =>
            TActivation.Of<TSimd, TVector>(Normalized(TSimd.Subtract(x, TSimd.Load(table.Mean + at)), table, at));
    }

    /// <summary>The gradient of x.</summary>
    private readonly struct InputGradient : ITerm
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static TVector Of(TVector x, TVector dy, Table table, int at)
        {
            var dz = Slope(x, dy, table, at, out var deviation);
            var rest = TSimd.Subtract(TSimd.Subtract(dz, TSimd.Load(table.MeanSlope + at)), TSimd.Multiply(deviation, TSimd.Load(table.Trend + at)));
            return TSimd.Multiply(TSimd.Load(table.Scale + at), rest);
        }
    }

    /// <summary>dz.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TVector Slope(TVector x, TVector dy, Table table, int at, out TVector deviation)
    {
        deviation = TSimd.Subtract(x, TSimd.Load(table.Mean + at));
        return TSimd.Multiply(dy, TActivation.Slope<TSimd, TVector>(Normalized(deviation, table, at)));
    }

    /// <summary>z.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TVector Normalized(TVector deviation, Table table, int at) =>
        TSimd.MultiplyAdd(deviation, TSimd.Load(table.Scale + at), TSimd.Load(table.Bias + at));
}
