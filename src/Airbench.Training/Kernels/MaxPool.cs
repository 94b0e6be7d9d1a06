using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using TorchSharp;
using static TorchSharp.torch;

namespace Airbench.Training;

/// <summary>Max pooling in bf16 on a CPU, forward and backward: to the bit libtorch's, but bound by the memory's speed.</summary>
/// <remarks>
/// libtorch remembers the place of each maximum in eight bytes, and clears the gradient of the input before it adds to it. Here it is one
/// byte, and the gradient is written once.
/// </remarks>
internal sealed unsafe class MaxPool : autograd.SingleTensorFunction<MaxPool>
{
    private const int Lanes = Bf16Kernel.Lanes;

    public override string Name => nameof(MaxPool);

    /// <summary>Whether <see cref="Of"/> serves this layer on these images.</summary>
    public static bool Serves(MaxPoolLayer layer, Tensor images) => layer.Size is > 1 and <= 15 && Bf16Kernel.Reads(images);

    /// <summary>(N, C, H, W) -> (N, C, H / size, W / size), channels_last.</summary>
    public static Tensor Of(MaxPoolLayer layer, Tensor images, ReturnedGradients returned) =>
        CustomFunction.Apply(() => apply(images, layer.Size, returned));

    public override Tensor forward(autograd.AutogradContext ctx, params object[] vars)
    {
        using var scope = NewDisposeScope();
        var (images, size) = ((Tensor)vars[0], (int)vars[1]);
        var x = ChannelsLast.Pixels(images.detach());
        var shape = new Shape((int)x.shape[0], (int)x.shape[1], (int)x.shape[2], (int)x.shape[3], size);
        var y = empty([shape.Images, shape.OutHeight, shape.OutWidth, shape.Channels], ScalarType.BFloat16);
        var places = empty([shape.Images, shape.OutHeight, shape.OutWidth, shape.Channels], ScalarType.Byte);
        Run(shape, x, y, places, &Forward);
        ctx.save_for_backward([places.MoveToOuterDisposeScope()]);
        ctx.save_data("shape", shape);
        ctx.save_data("returned", vars[2]);
        return y.permute(0, 3, 1, 2).MoveToOuterDisposeScope();
    }

    public override List<Tensor> backward(autograd.AutogradContext ctx, Tensor grad_output)
    {
        using var scope = NewDisposeScope();
        var shape = (Shape)ctx.get_data("shape");
        var dy = ChannelsLast.Pixels(grad_output);
        var dx = empty([shape.Images, shape.Height, shape.Width, shape.Channels], ScalarType.BFloat16);
        Run(shape, dx, dy, ctx.get_saved_variables()[0], &Backward);
        return ((ReturnedGradients)ctx.get_data("returned")).Return(grad_output, dx.permute(0, 3, 1, 2), null, null);
    }

    private static void Run(Shape shape, Tensor x, Tensor y, Tensor places, delegate*<void*, int, int, int, void> body)
    {
        fixed (byte* xStart = x.bytes, yStart = y.bytes, placesStart = places.bytes)
        {
            var task = new Task { X = (ushort*)xStart, Y = (ushort*)yStart, Places = placesStart, Shape = shape };
            OpenMp.Run(shape.Images, OpenMp.ThreadsFor(shape.Images), body, &task);
        }
    }

    private static void Forward(void* task, int thread, int first, int end)
    {
        for (var image = first; image < end; image++)
        {
            PoolImage((Task*)task, image);
        }
    }

    private static void Backward(void* task, int thread, int first, int end)
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
        var window = task->X + ((long)image * shape.Height * shape.Width * channels);
        var output = (long)image * shape.OutHeight * shape.OutWidth * channels;
        for (var row = 0; row < shape.OutHeight; row++)
        {
            for (var column = 0; column < shape.OutWidth; column++)
            {
                var corner = window + ((((long)row * shape.Width) + column) * size * channels);
                for (var channel = 0; channel < channels; channel += Lanes, output += Lanes)
                {
                    var best = Vector512.Load(corner + channel);
                    var (bestKey, place) = (Key(best), Vector512<short>.Zero);
                    for (var i = 1; i < size * size; i++)
                    {
                        var x = Vector512.Load(corner + (((long)(i / size * shape.Width) + (i % size)) * channels) + channel);
                        var key = Key(x);
                        var isAbove = Vector512.GreaterThan(key, bestKey);   // of equals the first counts, as in libtorch
                        best = Vector512.ConditionalSelect(isAbove.AsUInt16(), x, best);
                        bestKey = Vector512.ConditionalSelect(isAbove, key, bestKey);
                        place = Vector512.ConditionalSelect(isAbove, Vector512.Create((short)i), place);
                    }
                    best.Store(task->Y + output);
                    Vector512.Narrow(place, place).GetLower().AsByte().Store(task->Places + output);
                }
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void SpreadImage(Task* task, int image)
    {
        var shape = task->Shape;
        var (channels, size) = (shape.Channels, shape.Size);
        var dx = task->X + ((long)image * shape.Height * shape.Width * channels);
        var firstOutput = (long)image * shape.OutHeight * shape.OutWidth * channels;
        for (var row = 0; row < shape.Height; row++)
        {
            for (var column = 0; column < shape.Width; column++, dx += channels)
            {
                var (outRow, outColumn) = (row / size, column / size);
                if (outRow >= shape.OutHeight || outColumn >= shape.OutWidth)
                {
                    Unsafe.InitBlockUnaligned(dx, 0, (uint)(channels * sizeof(ushort)));   // an edge that no window covers
                    continue;
                }
                var output = firstOutput + ((((long)outRow * shape.OutWidth) + outColumn) * channels);
                var here = Vector512.Create((ushort)((row % size * size) + (column % size)));
                for (var channel = 0; channel < channels; channel += Lanes)
                {
                    var (low, high) = Vector256.Widen(Vector256.Load(task->Places + output + channel));
                    var isHere = Vector512.Equals(Vector512.Create(low, high), here);
                    (Vector512.Load(task->Y + output + channel) & isHere).Store(dx + channel);
                }
            }
        }
    }

    /// <summary>Whole numbers in the order of the bf16 numbers; both zeros are equal, and what is no number is above all.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<short> Key(Vector512<ushort> x)
    {
        var magnitude = (x & Vector512.Create((ushort)0x7fff)).AsInt16();
        var sign = x.AsInt16() >> 15;
        var key = (magnitude ^ sign) - sign;
        return Vector512.ConditionalSelect(
            Vector512.GreaterThan(magnitude, Vector512.Create((short)0x7f80)), Vector512.Create(short.MaxValue), key);
    }

    private readonly record struct Shape(int Images, int Height, int Width, int Channels, int Size)
    {
        public int OutHeight => Height / Size;
        public int OutWidth => Width / Size;
    }

    private struct Task
    {
        public ushort* X, Y;   // or their gradients
        public byte* Places;
        public Shape Shape;
    }
}
