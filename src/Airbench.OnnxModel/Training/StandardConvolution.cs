namespace Airbench.OnnxModel.Training;

/// <summary>The gradients of a convolution in standard operators.</summary>
internal static class StandardConvolution
{
    /// <summary>dX: the transposed convolution of dY with the same weight; (N, Out, h, w) -> (N, In, H, W).</summary>
    /// <remarks>A stride leaves rows at the lower edge that no output has seen: the padding of the output, at most stride - 1.</remarks>
    public static string InputGradient(GraphBuilder graph, ConvLayer layer, string gradient, string weight, Plane input, Plane output)
    {
        var rest = Rest(input.Height, output.Height);
        return graph.Node("ConvTranspose", $"{layer.Name}/grad", [gradient, weight],
            [.. SharedLayers.ConvAttributes(layer), Attribute.Ints("output_padding", rest, Rest(input.Width, output.Width))]);

        int Rest(int size, int steps) => size - (((steps - 1) * layer.Stride) + layer.Kernel - (2 * layer.Padding));
    }

    /// <summary>
    /// dW: for each kernel offset the product of dY with the input as that offset sees it, all offsets in one matrix product
    /// (Out, N h w) x (N h w, Kernel^2 In).
    /// </summary>
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
                    byChannel, graph.Integers(row, column), graph.Integers(row + ((output.Height - 1) * stride) + 1, column + ((output.Width - 1) * stride) + 1),
                    graph.Integers(2, 3), graph.Integers(stride, stride),
                ]);
                views.Add(graph.Node("Reshape", $"{view}/rows", [view, graph.Integers(layer.In, -1)]));                     // (In, N h w)
            }
        }
        var seen = views.Count == 1 ? views[0] : graph.Node("Concat", $"{scope}/views", [.. views], [Attribute.Int("axis", 0)]);
        var outputs = graph.Node("Transpose", $"{scope}/dy", [gradient], [Attribute.Ints("perm", 1, 0, 2, 3)]);
        var rows = graph.Node("Reshape", $"{scope}/dy/rows", [outputs, graph.Integers(layer.Out, -1)]);                      // (Out, N h w)
        var product = graph.Node("Gemm", $"{scope}/product", [rows, seen], [Attribute.Int("transB", 1)]);                    // (Out, k k In)
        var split = graph.Node("Reshape", $"{scope}/split", [product, graph.Integers(layer.Out, kernel * kernel, layer.In)]);
        var turned = graph.Node("Transpose", $"{scope}/turned", [split], [Attribute.Ints("perm", 0, 2, 1)]);
        return graph.Node("Reshape", scope, [turned, graph.Integers(layer.Out, layer.In, kernel, kernel)]);
    }
}
