using System.Runtime.CompilerServices;

namespace Airbench.Training;

/// <summary>The passes of <see cref="Convolution3x3"/> over all tiles, for one width of vectors.</summary>
/// <remarks>
/// A thread takes some tiles at once: it transforms their inputs, multiplies each of the 36 matrices (tiles, inputs) with the
/// (inputs, outputs) of the kernel, and transforms the products to outputs, all in the cache. The gradient of the kernel is the same the other
/// way around: (inputs, tiles) with (tiles, outputs), summed up over the tiles of the thread.
/// </remarks>
internal static unsafe class WinogradKernel<TSimd, TVector, TProducts>
    where TSimd : struct, ISimd<TVector>
    where TVector : unmanaged
    where TProducts : struct, IProducts
{
    private const int MostTiles = 384;
    private const int Side = 3;   // of a kernel

    /// <summary>
    /// Bytes that a thread's tiles take on both sides of the product: what is convolved goes through the cache once, and its sums are read and
    /// written for each block. From measurement (Zen 5, 1 MB of second-level cache a core): 256 KB to 1 MB and 1 to 2.5 MB are within 5%.
    /// </summary>
    private const int BytesOfConvolution = 512 << 10, BytesOfGradient = 1536 << 10;

    /// <summary>Input channels of a kernel as it is stored.</summary>
    public static int RowsOf(int channels) => RoundUp(channels, TProducts.Channels);

    /// <summary>Output channels of a kernel as it is stored.</summary>
    public static int ColumnsOf(int channels) => RoundUp(channels, TProducts.Panel);

    /// <summary>Numbers of a kernel's factors: (36, panels, inputs, panel).</summary>
    public static long KernelSize(int inputs, int outputs) => (long)WinogradShape.Products * RowsOf(inputs) * ColumnsOf(outputs);

    /// <summary>Tiles that a thread convolves at once.</summary>
    public static int TilesToConvolve(WinogradShape shape) => TilesIn(BytesOfConvolution, shape);

    /// <summary>Tiles whose kernel gradients a thread sums at once.</summary>
    public static int TilesToSum(WinogradShape shape) => TilesIn(BytesOfGradient, shape);

    /// <summary>What the threads share.</summary>
    /// <param name="shape">Of the convolution.</param>
    /// <param name="tilesAtOnce">Of a thread.</param>
    public struct Task(WinogradShape shape, int tilesAtOnce)
    {
        public readonly WinogradShape Shape = shape;

        /// <summary>Tiles that a thread takes at once.</summary>
        public readonly int TilesAtOnce = tilesAtOnce;

        /// <summary>(N, H, W, In).</summary>
        public float* X;

        /// <summary>(N, h, w, Out): written, or the gradient that is read.</summary>
        public float* Y;

        /// <summary>Factors of the kernel, or of each thread the sums of their gradients.</summary>
        public float* Kernel;

        /// <summary>Room for each thread.</summary>
        public float* Work;

        /// <summary>Pieces of work: as many tiles as a thread takes at once.</summary>
        public readonly int Blocks => (Shape.Tiles + TilesAtOnce - 1) / TilesAtOnce;

        /// <summary>Numbers that a thread needs to work.</summary>
        public readonly long WorkSize => WinogradTiles<TSimd, TVector>.Size(Shape, TilesAtOnce, ColumnsOf(Shape.Out) / TSimd.Lanes);
    }

    /// <summary>Writes the outputs of a thread's blocks.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Convolve(void* state, int thread, int first, int end)
    {
        var kernel = ((Task*)state)->Kernel;
        var shape = ((Task*)state)->Shape;
        var tiles = TilesOf(state, thread);
        var (panels, kernelPanel, block) = (ColumnsOf(shape.Out) / TProducts.Panel, RowsOf(shape.In) * TProducts.Panel, tiles.Count * TSimd.Lanes);
        for (var start = first * tiles.Count; start < Math.Min(end * tiles.Count, shape.Tiles); start += tiles.Count)
        {
            var count = Math.Min(tiles.Count, shape.Tiles - start);
            for (var tile = 0; tile < count; tile++)
            {
                tiles.ReadInputs(start + tile, tile);
            }
            var b = kernel;
            for (var product = 0; product < WinogradShape.Products; product++)
            {
                var a = tiles.Inputs + (product * tiles.InputMatrix);
                var c = tiles.Outputs + (product * tiles.OutputMatrix);
                for (var panel = 0; panel < panels; panel++, b += kernelPanel, c += TProducts.Panel * tiles.Count)
                {
                    for (var tile = 0; tile < count * TSimd.Lanes; tile += TProducts.Rows * TSimd.Lanes)
                    {
                        TProducts.Multiply(a + tile, block, b, c + tile, block, shape.In);
                    }
                }
            }
            for (var tile = 0; tile < count; tile++)
            {
                tiles.WriteOutputs(start + tile, tile);
            }
        }
    }

    /// <summary>Adds the products of a thread's blocks to its sums.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void SumKernelGradients(void* state, int thread, int first, int end)
    {
        var shape = ((Task*)state)->Shape;
        var sums = ((Task*)state)->Kernel + (thread * KernelSize(shape.In, shape.Out));
        var tiles = TilesOf(state, thread);
        var (panels, rows, block) = (ColumnsOf(shape.Out) / TProducts.Panel, RowsOf(shape.In), tiles.Count * TSimd.Lanes);
        for (var start = first * tiles.Count; start < Math.Min(end * tiles.Count, shape.Tiles); start += tiles.Count)
        {
            var count = Math.Min(tiles.Count, shape.Tiles - start);
            for (var tile = 0; tile < count; tile++)
            {
                tiles.ReadInputs(start + tile, tile);
                tiles.ReadOutputGradients(start + tile, tile);
            }
            var c = sums;
            for (var product = 0; product < WinogradShape.Products; product++)
            {
                var a = tiles.Inputs + (product * tiles.InputMatrix);
                var b = tiles.Outputs + (product * tiles.OutputMatrix);
                for (var panel = 0; panel < panels; panel++, b += TProducts.Panel * tiles.Count)
                {
                    for (var channel = 0; channel < rows; channel += TProducts.Channels, c += TProducts.Channels * TProducts.Panel)
                    {
                        TProducts.Accumulate(a + (channel / TSimd.Lanes * block) + (channel % TSimd.Lanes), b, block, c, count);
                    }
                }
            }
        }
    }

    /// <summary>Factors of a kernel: each thread does some of its input channels.</summary>
    /// <param name="state">A <see cref="Task"/>: X is the kernel, (3, 3, In, columns).</param>
    /// <param name="thread">Place of the thread.</param>
    /// <param name="first">First input channel.</param>
    /// <param name="end">After the last.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void ReadKernel(void* state, int thread, int first, int end)
    {
        var x = ((Task*)state)->X;
        var factors = ((Task*)state)->Kernel;
        var half = WorkOf(state, thread);
        var kernel = new Kernel(((Task*)state)->Shape);
        for (var channel = first; channel < end; channel++)
        {
            for (var output = 0; output < kernel.Columns; output += TSimd.Lanes)
            {
                var from = x + kernel.Tap(channel, output);
                var to = factors + kernel.Factor(channel, output);
                for (var j = 0; j < Side; j++)
                {
                    WinogradTransforms<TSimd, TVector>.Kernels.Apply(At(from + (j * kernel.TapStep), Side * kernel.TapStep), At(half + (j * TSimd.Lanes), Side * TSimd.Lanes));
                }
                for (var i = 0; i < WinogradShape.Reach; i++)
                {
                    WinogradTransforms<TSimd, TVector>.Kernels.Apply(
                        At(half + (i * Side * TSimd.Lanes), TSimd.Lanes), At(to + (i * WinogradShape.Reach * kernel.FactorStep), kernel.FactorStep));
                }
            }
        }
    }

    /// <summary>The kernel's gradient from that of its factors.</summary>
    /// <param name="state">A <see cref="Task"/>: Y is the gradient, (3, 3, In, columns).</param>
    /// <param name="thread">Place of the thread.</param>
    /// <param name="first">First input channel.</param>
    /// <param name="end">After the last.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void WriteKernelGradient(void* state, int thread, int first, int end)
    {
        var y = ((Task*)state)->Y;
        var factors = ((Task*)state)->Kernel;
        var half = WorkOf(state, thread);
        var kernel = new Kernel(((Task*)state)->Shape);
        for (var channel = first; channel < end; channel++)
        {
            for (var output = 0; output < kernel.Columns; output += TSimd.Lanes)
            {
                var from = factors + kernel.Factor(channel, output);
                var to = y + kernel.Tap(channel, output);
                for (var j = 0; j < WinogradShape.Reach; j++)
                {
                    WinogradTransforms<TSimd, TVector>.KernelGradients.Apply(
                        At(from + (j * kernel.FactorStep), WinogradShape.Reach * kernel.FactorStep),
                        At(half + (j * TSimd.Lanes), WinogradShape.Reach * TSimd.Lanes));
                }
                for (var i = 0; i < Side; i++)
                {
                    WinogradTransforms<TSimd, TVector>.KernelGradients.Apply(
                        At(half + (i * WinogradShape.Reach * TSimd.Lanes), TSimd.Lanes), At(to + (i * Side * kernel.TapStep), kernel.TapStep));
                }
            }
        }
    }

    private static int TilesIn(int bytes, WinogradShape shape)
    {
        var perTile = WinogradShape.Products * sizeof(float) * ((WinogradTiles<TSimd, TVector>.InBlocks(shape) * TSimd.Lanes) + ColumnsOf(shape.Out));
        return Math.Clamp(bytes / perTile / TProducts.Rows, 1, MostTiles / TProducts.Rows) * TProducts.Rows;
    }

    private static WinogradTiles<TSimd, TVector> TilesOf(void* state, int thread)
    {
        var task = (Task*)state;
        return new(task->Shape, task->TilesAtOnce, ColumnsOf(task->Shape.Out) / TSimd.Lanes, task->X, task->Y, WorkOf(state, thread));
    }

    private static float* WorkOf(void* state, int thread) => ((Task*)state)->Work + (thread * ((Task*)state)->WorkSize);

    private static Strided<TSimd, TVector> At(float* first, long step) => new(first, step);

    private static int RoundUp(int count, int multiple) => (count + multiple - 1) / multiple * multiple;

    /// <summary>Where the numbers of a kernel are.</summary>
    private readonly struct Kernel(WinogradShape shape)
    {
        private readonly int _rows = RowsOf(shape.In);

        public int Columns { get; } = ColumnsOf(shape.Out);

        /// <summary>From one tap to the next.</summary>
        public long TapStep => (long)shape.In * Columns;

        /// <summary>From one of the 36 factors to the next.</summary>
        public long FactorStep => (long)_rows * Columns;

        public long Tap(int channel, int output) => ((long)channel * Columns) + output;

        public long Factor(int channel, int output) =>
            (((output / TProducts.Panel * (long)_rows) + channel) * TProducts.Panel) + (output % TProducts.Panel);
    }
}
