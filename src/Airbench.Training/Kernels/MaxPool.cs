using TorchSharp;
using static TorchSharp.torch;
using Shape = Airbench.Training.MaxPoolKernel.Shape;
using Task = Airbench.Training.MaxPoolKernel.Task;

namespace Airbench.Training;

/// <summary>Max pooling on a CPU, forward and backward: to the bit libtorch's, but bound by the memory's speed.</summary>
/// <remarks>
/// libtorch remembers the place of each maximum in eight bytes, and clears the gradient of the input before it adds to it. Here it is one
/// byte, and the gradient is written once.
/// </remarks>
internal sealed unsafe class MaxPool : autograd.SingleTensorFunction<MaxPool>
{
    public override string Name => nameof(MaxPool);

    /// <summary>Whether <see cref="Of"/> serves this layer on these images: in bf16 or fp32, as <see cref="CpuKernel.For"/> says.</summary>
    public static bool Serves(MaxPoolLayer layer, Tensor images) => layer.Size is > 1 and <= 15 && CpuKernel.For(images) is not null;

    /// <summary>(N, C, H, W) -> (N, C, H / size, W / size), channels_last.</summary>
    /// <param name="layer">Says the size.</param>
    /// <param name="images">Which it serves.</param>
    /// <param name="returned">Of the pass.</param>
    /// <param name="kernel">One that reads the images; null for the widest.</param>
    public static Tensor Of(MaxPoolLayer layer, Tensor images, ReturnedGradients returned, CpuKernel? kernel = null) =>
        CustomFunction.Apply(() => apply(images, layer.Size, returned, (kernel ?? CpuKernel.For(images)!).MaxPool));

    public override Tensor forward(autograd.AutogradContext ctx, params object[] vars)
    {
        using var scope = NewDisposeScope();
        var (images, size, kernel) = ((Tensor)vars[0], (int)vars[1], (MaxPoolKernel)vars[3]);
        var x = ChannelsLast.Pixels(images.detach());
        var shape = new Shape((int)x.shape[0], (int)x.shape[1], (int)x.shape[2], (int)x.shape[3], size);
        var y = empty([shape.Images, shape.OutHeight, shape.OutWidth, shape.Channels], x.dtype);
        var places = empty([shape.Images, shape.OutHeight, shape.OutWidth, shape.Channels], ScalarType.Byte);
        fixed (byte* xStart = x.bytes, yStart = y.bytes, placesStart = places.bytes)
        {
            var task = new Task { X = xStart, Y = yStart, Places = placesStart, Shape = shape };
            kernel.Pool(&task);
        }
        ctx.save_for_backward([places.MoveToOuterDisposeScope()]);
        ctx.save_data("shape", shape);
        ctx.save_data("returned", vars[2]);
        ctx.save_data("kernel", kernel);
        return y.permute(0, 3, 1, 2).MoveToOuterDisposeScope();
    }

    public override List<Tensor> backward(autograd.AutogradContext ctx, Tensor grad_output)
    {
        using var scope = NewDisposeScope();
        var shape = (Shape)ctx.get_data("shape");
        var dy = ChannelsLast.Pixels(grad_output);
        var dx = empty([shape.Images, shape.Height, shape.Width, shape.Channels], dy.dtype);
        fixed (byte* dxStart = dx.bytes, dyStart = dy.bytes, placesStart = ctx.get_saved_variables()[0].bytes)
        {
            var task = new Task { X = dxStart, Y = dyStart, Places = placesStart, Shape = shape };
            ((MaxPoolKernel)ctx.get_data("kernel")).Spread(&task);
        }
        return ((ReturnedGradients)ctx.get_data("returned")).Return(grad_output, dx.permute(0, 3, 1, 2), null, null, null);
    }
}
