namespace Airbench.Onnx;

/// <summary>The gradients of a convolution in standard operators.</summary>
internal static class StandardConvolution
{
    /// <summary>dX; (N, Out, h, w) -> (N, In, H, W).</summary>
    /// <remarks>
    /// Without stride it is the convolution of dY with the weight turned by half a turn, In and Out exchanged: ONNX Runtime's Conv does more
    /// arithmetic a second than its ConvTranspose. With one, rows at the lower edge that no output has seen are the padding of the output.
    /// </remarks>
    public static string InputGradient(GraphBuilder graph, ConvLayer layer, string gradient, string weight, Plane input, Plane output)
    {
        var name = $"{layer.Name}/grad";
        if (layer.Stride > 1 || layer.Padding >= layer.Kernel)
        {
            return graph.Node("ConvTranspose", name, [gradient, weight],
                [.. LayerNodes.ConvAttributes(layer), Attribute.Ints("output_padding", Rest(input.Height, output.Height), Rest(input.Width, output.Width))]);
        }
        var (kernel, pad) = (layer.Kernel, layer.Kernel - 1 - layer.Padding);
        var turned = graph.Node("Transpose", $"{name}/exchanged", [weight], [Attribute.Ints("perm", 1, 0, 2, 3)]);
        if (kernel > 1)
        {
            // Half a turn is the reverse order of the positions: a product with a permutation, as a Slice with negative steps copies one by one.
            var positions = kernel * kernel;
            var reverse = new float[positions * positions];
            for (var i = 0; i < positions; i++)
            {
                reverse[(i * positions) + positions - 1 - i] = 1;
            }
            var rows = graph.Node("Reshape", $"{name}/rows", [turned, graph.Integers(-1, positions)]);
            rows = graph.Node("MatMul", $"{name}/turned_rows", [rows, graph.Constant($"reverse.{positions}", reverse, positions, positions)]);
            turned = graph.Node("Reshape", $"{name}/turned", [rows, graph.Integers(layer.In, layer.Out, kernel, kernel)]);
        }
        return graph.Node("Conv", name, [gradient, turned], [Attribute.Ints("kernel_shape", kernel, kernel), Attribute.Ints("pads", pad, pad, pad, pad)]);

        int Rest(int size, int steps) => size - (((steps - 1) * layer.Stride) + layer.Kernel - (2 * layer.Padding));
    }

    /// <summary>
    /// dW: for each kernel offset the matrix product of dY, (Out, N h w), with the input as that offset sees it, (N h w, In).
    /// </summary>
    /// <remarks>One product of all offsets side by side would need their concatenation, nine times the input, and took longer.</remarks>
    public static string WeightGradient(GraphBuilder graph, ConvLayer layer, string gradient, string x, string weight, Plane output)
    {
        var (scope, pad, stride, kernel) = ($"{weight}/grad", layer.Padding, layer.Stride, layer.Kernel);
        if (pad > 0)
        {
            x = graph.Node("Pad", $"{scope}/padded", [x, graph.Integers(0, 0, pad, pad, 0, 0, pad, pad)]);
        }
        var byChannel = graph.Node("Transpose", $"{scope}/x", [x], [Attribute.Ints("perm", 1, 0, 2, 3)]);   // (In, N, H, W)
        var views = new List<string>();
        for (var row = 0; row < kernel; row++)
        {
            for (var column = 0; column < kernel; column++)
            {
                var view = graph.Node("Slice", $"{scope}/view{row}{column}",
                [
                    byChannel, graph.Integers(row, column),
                    graph.Integers(row + ((output.Height - 1) * stride) + 1, column + ((output.Width - 1) * stride) + 1),
                    graph.Integers(2, 3), graph.Integers(stride, stride),
                ]);
                views.Add(graph.Node("Reshape", $"{view}/rows", [view, graph.Integers(layer.In, -1)]));                     // (In, N h w)
            }
        }
        var outputs = graph.Node("Transpose", $"{scope}/dy", [gradient], [Attribute.Ints("perm", 1, 0, 2, 3)]);
        var rows = graph.Node("Reshape", $"{scope}/dy/rows", [outputs, graph.Integers(layer.Out, -1)]);                      // (Out, N h w)
        var products = views.ConvertAll(view => graph.Node("Gemm", $"{view}/product", [rows, view], [Attribute.Int("transB", 1)]));
        var product = products.Count == 1 ? products[0]
            : graph.Node("Concat", $"{scope}/product", [.. products], [Attribute.Int("axis", 1)]);                            // (Out, k k In)
        var split = graph.Node("Reshape", $"{scope}/split", [product, graph.Integers(layer.Out, kernel * kernel, layer.In)]);
        var turned = graph.Node("Transpose", $"{scope}/turned", [split], [Attribute.Ints("perm", 0, 2, 1)]);
        return graph.Node("Reshape", scope, [turned, graph.Integers(layer.Out, layer.In, kernel, kernel)]);
    }
}
