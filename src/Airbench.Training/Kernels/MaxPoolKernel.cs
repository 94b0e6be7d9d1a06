using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.X86;

namespace Airbench.Training;

/// <summary>The passes of <see cref="MaxPool"/>.</summary>
internal abstract unsafe class MaxPoolKernel
{
    /// <summary>Writes the maxima and their places in the windows.</summary>
    public abstract void Pool(Task* task);

    /// <summary>Writes the gradient of the images from that of the maxima.</summary>
    public abstract void Spread(Task* task);

    public readonly record struct Shape(int Images, int Height, int Width, int Channels, int Size)
    {
        public int OutHeight => Height / Size;
        public int OutWidth => Width / Size;
    }

    /// <summary>Tensors of a pass.</summary>
    public struct Task
    {
        public byte* X, Y;       // or their gradients
        public byte* Places;     // as Y, in the order of the vectors
        public Shape Shape;
    }
}

/// <summary>For one type of number and width of vector.</summary>
internal sealed unsafe class MaxPoolKernel<TNumbers, TSimd, TVector> : MaxPoolKernel
    where TNumbers : struct, IPixelNumbers<TVector>
    where TSimd : struct, ISimd<TVector>
    where TVector : unmanaged
{
    public override void Pool(Task* task) => OpenMp.Distribute(task->Shape.Images, &PoolImages, task);

    public override void Spread(Task* task) => OpenMp.Distribute(task->Shape.Images, &SpreadImages, task);

    private static void PoolImages(void* task, int thread, int first, int end)
    {
        for (var image = first; image < end; image++)
        {
            PoolImage((Task*)task, image);
        }
    }

    private static void SpreadImages(void* task, int thread, int first, int end)
    {
        for (var image = first; image < end; image++)
        {
            SpreadImage((Task*)task, image);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void PoolImage(Task* task, int image)
    {
        var shape = task->Shape;
        var (channels, size) = (shape.Channels, shape.Size);
        var pixelSize = (long)channels * TNumbers.Size;
        var pitch = shape.Width * pixelSize;
        var ahead = 2 * size * pixelSize;   // bytes to the window after the next: processors do not foresee these jumps between pixels
        var window = task->X + (image * shape.Height * pitch);
        var output = (long)image * shape.OutHeight * shape.OutWidth * channels;
        for (var row = 0; row < shape.OutHeight; row++)
        {
            for (var column = 0; column < shape.OutWidth; column++)
            {
                var corner = window + (size * ((row * pitch) + (column * pixelSize)));
                for (var channel = 0; channel < channels; channel += TSimd.Lanes, output += TSimd.Lanes)
                {
                    var first = corner + (channel * TNumbers.Size);
                    var (best, place) = (TNumbers.Load(first), TSimd.All(0));
                    Sse.Prefetch0(first + ahead);
                    for (var i = 0; i < size; i++, first += pitch)
                    {
                        for (var j = i == 0 ? 1 : 0; j < size; j++)
                        {
                            var at = first + (j * pixelSize);
                            var x = TNumbers.Load(at);
                            Sse.Prefetch0(at + ahead);
                            var isAbove = TSimd.IsAboveOrNone(x, best);   // of equals the first counts, as in libtorch
                            best = TSimd.Select(isAbove, x, best);
                            place = TSimd.Select(isAbove, TSimd.All((i * size) + j), place);
                        }
                    }
                    TNumbers.Store(task->Y + (output * TNumbers.Size), best);
                    TSimd.StoreBytes(task->Places + output, place);
                }
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void SpreadImage(Task* task, int image)
    {
        var shape = task->Shape;
        var (channels, size) = (shape.Channels, shape.Size);
        var pixelSize = (long)channels * TNumbers.Size;
        var dx = task->X + (image * shape.Height * shape.Width * pixelSize);
        var firstOutput = (long)image * shape.OutHeight * shape.OutWidth * channels;
        for (var row = 0; row < shape.Height; row++)
        {
            for (var column = 0; column < shape.Width; column++, dx += pixelSize)
            {
                var (outRow, outColumn) = (row / size, column / size);
                if (outRow >= shape.OutHeight || outColumn >= shape.OutWidth)
                {
                    Unsafe.InitBlockUnaligned(dx, 0, (uint)pixelSize);   // an edge that no window covers
                    continue;
                }
                var output = firstOutput + ((((long)outRow * shape.OutWidth) + outColumn) * channels);
                var here = TSimd.All((row % size * size) + (column % size));
                for (var channel = 0; channel < channels; channel += TSimd.Lanes)
                {
                    var isHere = TSimd.IsEqual(TSimd.LoadBytes(task->Places + output + channel), here);
                    var dy = TNumbers.Load(task->Y + ((output + channel) * TNumbers.Size));
                    TNumbers.Store(dx + (channel * TNumbers.Size), TSimd.Select(isHere, dy, TSimd.All(0)));
                }
            }
        }
    }
}
