using System.Runtime.CompilerServices;

namespace Airbench.Training;

/// <summary>The tiles that a thread has at hand: reads them from the images as factors, and writes what becomes of their products.</summary>
/// <remarks>
/// Factors and products are 36 matrices, stored in blocks of <c>Lanes</c> channels: (36, blocks, tiles, lanes). A tile is transformed a block at
/// a time, columns first, then rows.
/// </remarks>
internal readonly unsafe struct WinogradTiles<TSimd, TVector>
    where TSimd : struct, ISimd<TVector>
    where TVector : unmanaged
{
    private const int Line = 16;   // numbers of a cache line

    private readonly WinogradShape _shape;
    private readonly float* _x, _y;
    private readonly float** _pixels;   // of a tile
    private readonly float* _half;      // a tile transformed along one axis
    private readonly float* _none;      // a pixel of zeros
    private readonly float* _copies;    // of the last pixels in memory

    /// <param name="shape">Of the convolution.</param>
    /// <param name="count">Tiles that fit.</param>
    /// <param name="outBlocks">Blocks of the outputs.</param>
    /// <param name="x">The images, (N, H, W, In).</param>
    /// <param name="y">The outputs or their gradient, (N, h, w, Out).</param>
    /// <param name="work">Room for <see cref="Size"/> numbers, in whole cache lines.</param>
    public WinogradTiles(WinogradShape shape, int count, int outBlocks, float* x, float* y, float* work)
    {
        (_shape, Count) = (shape, count);
        _x = x;
        _y = y;
        (InputMatrix, OutputMatrix) = (Matrix(count, InBlocks(shape)), Matrix(count, outBlocks));
        var pixel = Pixel(shape);
        _pixels = (float**)work;
        _half = work + (2 * Padded(WinogradShape.Products));
        _none = _half + (WinogradShape.Products * TSimd.Lanes);
        _copies = _none + pixel;
        Inputs = _copies + (WinogradShape.Products * pixel);
        Outputs = Inputs + (WinogradShape.Products * InputMatrix);
        Unsafe.InitBlockUnaligned(_none, 0, (uint)(pixel * sizeof(float)));
    }

    /// <summary>Tiles that fit.</summary>
    public int Count { get; }

    /// <summary>36 matrices of inputs.</summary>
    public float* Inputs { get; }

    /// <summary>36 matrices of outputs.</summary>
    public float* Outputs { get; }

    /// <summary>Numbers from one matrix of inputs to the next.</summary>
    public long InputMatrix { get; }

    /// <summary>Numbers from one matrix of outputs to the next.</summary>
    public long OutputMatrix { get; }

    /// <summary>Numbers that it takes in memory.</summary>
    public static long Size(WinogradShape shape, int count, int outBlocks) =>
        (2 * Padded(WinogradShape.Products)) + (WinogradShape.Products * TSimd.Lanes) + ((WinogradShape.Products + 1) * Pixel(shape))
        + (WinogradShape.Products * (Matrix(count, InBlocks(shape)) + Matrix(count, outBlocks)));

    /// <summary>Blocks of the inputs.</summary>
    public static int InBlocks(WinogradShape shape) => (shape.In + TSimd.Lanes - 1) / TSimd.Lanes;

    /// <summary>Reads a tile's 6 x 6 inputs.</summary>
    /// <param name="tile">Which of all.</param>
    /// <param name="place">Where among those at hand.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void ReadInputs(int tile, int place)
    {
        var (image, row, column) = Place(tile);
        var start = _x + ((long)image * _shape.Height * _shape.Width * _shape.In);
        Locate(start, row - _shape.Padding, column - _shape.Padding, WinogradShape.Reach, _shape.Height, _shape.Width, _shape.In, _none);
        Keep(tile, WinogradShape.Products, _shape.In);
        var to = Inputs + (place * TSimd.Lanes);
        for (var channel = 0; channel < _shape.In; channel += TSimd.Lanes, to += Count * TSimd.Lanes)
        {
            for (var j = 0; j < WinogradShape.Reach; j++)
            {
                WinogradTransforms<TSimd, TVector>.Inputs.Apply(new Pixels(_pixels + j, WinogradShape.Reach, channel), Half(j, WinogradShape.Reach));
            }
            for (var i = 0; i < WinogradShape.Reach; i++)
            {
                WinogradTransforms<TSimd, TVector>.Inputs.Apply(
                    Half(i * WinogradShape.Reach, 1), new Strided<TSimd, TVector>(to + (i * WinogradShape.Reach * InputMatrix), InputMatrix));
            }
        }
    }

    /// <summary>Reads the gradients of a tile's 4 x 4 outputs.</summary>
    /// <param name="tile">Which of all.</param>
    /// <param name="place">Where among those at hand.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void ReadOutputGradients(int tile, int place)
    {
        LocateOutputs(tile, _none);
        Keep(tile, WinogradShape.Outputs, _shape.Out);
        var to = Outputs + (place * TSimd.Lanes);
        for (var channel = 0; channel < _shape.Out; channel += TSimd.Lanes, to += Count * TSimd.Lanes)
        {
            for (var j = 0; j < WinogradShape.Tile; j++)
            {
                WinogradTransforms<TSimd, TVector>.OutputGradients.Apply(new Pixels(_pixels + j, WinogradShape.Tile, channel), Half(j, WinogradShape.Tile));
            }
            for (var i = 0; i < WinogradShape.Reach; i++)
            {
                WinogradTransforms<TSimd, TVector>.OutputGradients.Apply(
                    Half(i * WinogradShape.Tile, 1), new Strided<TSimd, TVector>(to + (i * WinogradShape.Reach * OutputMatrix), OutputMatrix));
            }
        }
    }

    /// <summary>Writes a tile's 4 x 4 outputs.</summary>
    /// <param name="tile">Which of all.</param>
    /// <param name="place">Where among those at hand.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void WriteOutputs(int tile, int place)
    {
        LocateOutputs(tile, _copies);   // where there is no output, it is written there
        var from = Outputs + (place * TSimd.Lanes);
        for (var channel = 0; channel < _shape.Out; channel += TSimd.Lanes, from += Count * TSimd.Lanes)
        {
            for (var j = 0; j < WinogradShape.Reach; j++)
            {
                WinogradTransforms<TSimd, TVector>.Outputs.Apply(
                    new Strided<TSimd, TVector>(from + (j * OutputMatrix), WinogradShape.Reach * OutputMatrix), Half(j, WinogradShape.Reach));
            }
            var rest = _shape.Out - channel;
            for (var i = 0; i < WinogradShape.Tile; i++)
            {
                var pixels = _pixels + (i * WinogradShape.Tile);
                if (rest >= TSimd.Lanes)
                {
                    WinogradTransforms<TSimd, TVector>.Outputs.Apply(Half(i * WinogradShape.Reach, 1), new Pixels(pixels, 1, channel));
                }
                else
                {
                    WinogradTransforms<TSimd, TVector>.Outputs.Apply(Half(i * WinogradShape.Reach, 1), new FirstOfPixels(pixels, channel, rest));
                }
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void LocateOutputs(int tile, float* none)
    {
        var (image, row, column) = Place(tile);
        var start = _y + ((long)image * _shape.OutHeight * _shape.OutWidth * _shape.Out);
        Locate(start, row, column, WinogradShape.Tile, _shape.OutHeight, _shape.OutWidth, _shape.Out, none);
    }

    /// <summary>Addresses of a square of pixels.</summary>
    private void Locate(float* image, int top, int left, int size, int height, int width, int channels, float* none)
    {
        var at = _pixels;
        for (var y = top; y < top + size; y++)
        {
            var row = image + ((long)y * width * channels);
            for (var x = left; x < left + size; x++)
            {
                *at++ = (uint)y < (uint)height && (uint)x < (uint)width ? row + ((long)x * channels) : none;
            }
        }
    }

    /// <summary>
    /// Where a pixel ends within a vector, its neighbour's channels are read with it, and nothing reads what becomes of them. The last pixels in
    /// memory have no neighbour: those are copied, and more than those where it is simpler to tell.
    /// </summary>
    private void Keep(int tile, int count, int channels)
    {
        if (channels % TSimd.Lanes == 0 || tile < _shape.Tiles - (_shape.TilesAcross * ((TSimd.Lanes / channels) + 2)))
        {
            return;
        }
        for (var i = 0; i < count; i++)
        {
            var copy = _copies + (i * Pixel(_shape));
            Unsafe.CopyBlockUnaligned(copy, _pixels[i], (uint)(channels * sizeof(float)));
            _pixels[i] = copy;
        }
    }

    /// <summary>Image, and row and column of the first output, of a tile.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private (int Image, int Row, int Column) Place(int tile)
    {
        var (line, across) = Math.DivRem(tile, _shape.TilesAcross);
        var (image, down) = Math.DivRem(line, _shape.TilesDown);
        return (image, down * WinogradShape.Tile, across * WinogradShape.Tile);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private Strided<TSimd, TVector> Half(int first, int step) => new(_half + (first * TSimd.Lanes), step * TSimd.Lanes);

    /// <summary>Numbers of a matrix, and a line more: the 36 places of a tile are not to fall on one another in the cache.</summary>
    private static long Matrix(int tiles, int blocks) => Padded((long)tiles * blocks * TSimd.Lanes) + Line;

    private static long Pixel(WinogradShape shape) => Padded(Math.Max(shape.In, shape.Out)) + Line;

    private static long Padded(long count) => (count + Line - 1) / Line * Line;

    /// <summary>The same channels of some pixels.</summary>
    private readonly struct Pixels(float** pixels, int step, int channel) : IVectors<TVector>
    {
        public TVector this[int index]
        {
            [MethodImpl(MethodImplOptions.AggressiveInlining)]
            get => TSimd.Load(pixels[index * step] + channel);
            [MethodImpl(MethodImplOptions.AggressiveInlining)]
            set => TSimd.Store(pixels[index * step] + channel, value);
        }
    }

    /// <summary>The same last channels of some pixels, to write.</summary>
    private readonly struct FirstOfPixels(float** pixels, int channel, int count) : IVectors<TVector>
    {
        public TVector this[int index]
        {
            get => throw new NotSupportedException();
            [MethodImpl(MethodImplOptions.AggressiveInlining)]
            set => TSimd.StoreFirst(pixels[index] + channel, value, count);
        }
    }
}
