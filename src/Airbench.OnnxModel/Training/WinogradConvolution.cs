using Airbench.OnnxModel.Proto;

namespace Airbench.OnnxModel.Training;

/// <summary>
/// Convolution of 3 x 3 without stride after Winograd, and its gradients, as matrix products only. Each plane is small enough for one
/// constant matrix to take it to all its tiles, padding included, and another back, so that neither pass has a copy or a transposition of
/// activations: the products' transposition flags carry the layout (N, C, positions) to (products, tiles, N, C), where images are rows.
/// </summary>
internal sealed class WinogradConvolution
{
    private readonly GraphBuilder _graph;
    private readonly ConvLayer _layer;
    private readonly Plane _input, _output;
    private readonly Winograd _rows, _columns;
    private readonly int _products, _tiles;
    private readonly string _name, _weight;
    private readonly string _toTiles, _toOutputs, _toProducts;

    public WinogradConvolution(GraphBuilder graph, ConvLayer layer, string weight, Plane input, Plane output)
    {
        (_graph, _layer, _weight, _input, _output, _name) = (graph, layer, weight, input, output, layer.Name);
        (_rows, _columns) = (Winograd.For(output.Height), Winograd.For(output.Width));
        (_products, _tiles) = (_rows.Products * _columns.Products, _rows.Tiles(output.Height) * _columns.Tiles(output.Width));
        _toTiles = Constant("tiles", FormattableString.Invariant($"{input.Height}x{input.Width}.{output.Height}x{output.Width}"),
            _rows.FromInputs(input.Height, output.Height, layer.Padding), _columns.FromInputs(input.Width, output.Width, layer.Padding));
        _toOutputs = Constant("outputs", FormattableString.Invariant($"{output.Height}x{output.Width}"), _rows.ToOutputs(output.Height), _columns.ToOutputs(output.Width));
        _toProducts = Constant("kernel", FormattableString.Invariant($"{_rows.Outputs}x{_columns.Outputs}"), Taps(_rows), Taps(_columns));
    }

    /// <summary>Whether it can compute the layer, and in fewer operations than directly.</summary>
    public static bool Pays(ConvLayer layer, Plane input, Plane output)
    {
        if (layer.Kernel != Winograd.Taps || layer.Stride > 1 || layer.HasBias)
        {
            return false;
        }
        var (rows, columns) = (Winograd.For(output.Height), Winograd.For(output.Width));
        double products = rows.Products * rows.Tiles(output.Height) * columns.Products * columns.Tiles(output.Width);
        double positions = output.Height * output.Width;
        var direct = positions * layer.Kernel * layer.Kernel * layer.In * layer.Out;
        return products * ((layer.In * layer.Out) + (layer.In * input.Height * input.Width) + (layer.Out * positions)) < 0.7 * direct;
    }

    /// <summary>The convolution.</summary>
    public Differentiable Write(string x)
    {
        var tiles = Node("Gemm", "tiles", [_toTiles, Rows("rows", x, _input)], [Attribute.Int("transB", 1)]);               // (products tiles, N In)
        tiles = Reshape("tiles/images", tiles, _products, -1, _layer.In);                                                 // (products, tiles N, In)
        var turned = _graph.Node("Transpose", $"{_weight}/exchanged", [_weight], [Attribute.Ints("perm", 1, 0, 2, 3)]);
        var products = Node("MatMul", "products", [tiles, Kernels("kernels", turned, _layer.In, _layer.Out)]);            // (products, tiles N, Out)
        var flat = Node("Gemm", "planes", [Reshape("products/flat", products, _products * _tiles, -1), _toOutputs], [Attribute.Int("transA", 1)]);
        var y = _graph.Node("Reshape", _name, [flat, _graph.Integers(-1, _layer.Out, _output.Height, _output.Width)]);
        return new Differentiable(y, (gradient, wanted) =>
        {
            var arrived = Node("Gemm", "grad/products", [_toOutputs, Rows("grad/rows", gradient, _output)], [Attribute.Int("transB", 1)]);
            arrived = Reshape("grad/products/images", arrived, _products, -1, _layer.Out);                                // (products, tiles N, Out)
            return new Gradients(wanted.Input ? InputGradient(arrived) : null, wanted.Parameters ? WeightGradient(arrived, tiles) : null);
        });
    }

    private string InputGradient(string arrived)
    {
        var tiles = Node("MatMul", "grad/tiles", [arrived, Kernels("grad/kernels", _weight, _layer.Out, _layer.In)]);     // (products, tiles N, In)
        var flat = Node("Gemm", "grad/planes", [Reshape("grad/tiles/flat", tiles, _products * _tiles, -1), _toTiles], [Attribute.Int("transA", 1)]);
        return Reshape("grad", flat, -1, _layer.In, _input.Height, _input.Width);
    }

    private string WeightGradient(string arrived, string tiles)
    {
        var scope = $"{_weight}/grad";
        var turned = _graph.Node("Transpose", $"{scope}/turned", [arrived], [Attribute.Ints("perm", 0, 2, 1)]);            // into the product, where a runtime fuses
        var kernels = _graph.Node("MatMul", $"{scope}/kernels", [turned, tiles]);                                         // (products, Out, In)
        var flat = _graph.Node("Reshape", $"{scope}/kernels/flat", [kernels, _graph.Integers(_products, -1)]);
        var taps = _graph.Node("Gemm", $"{scope}/taps", [flat, _toProducts], [Attribute.Int("transA", 1)]);               // (Out In, 9)
        return _graph.Node("Reshape", scope, [taps, _graph.Integers(_layer.Out, _layer.In, _layer.Kernel, _layer.Kernel)]);
    }

    /// <summary>(a, b, 3, 3) -> (products, a, b).</summary>
    private string Kernels(string what, string weight, int a, int b)
    {
        var rows = Reshape($"{what}/rows", weight, -1, _layer.Kernel * _layer.Kernel);
        return Reshape(what, Node("Gemm", $"{what}/products", [_toProducts, rows], [Attribute.Int("transB", 1)]), _products, a, b);
    }

    /// <summary>(N, C, H, W) -> (N C, H W).</summary>
    private string Rows(string what, string x, Plane plane) => Reshape(what, x, -1, plane.Height * plane.Width);

    private string Reshape(string what, string x, params ReadOnlySpan<long> shape) => _graph.Node("Reshape", $"{_name}/{what}", [x, _graph.Integers(shape)]);

    private string Node(string op, string what, ReadOnlySpan<string> inputs, params ReadOnlySpan<AttributeProto> attributes) =>
        _graph.Node(op, $"{_name}/{what}", inputs, attributes);

    private static double[,,] Taps(Winograd winograd)
    {
        var taps = new double[winograd.Products, 1, Winograd.Taps];
        Buffer.BlockCopy(winograd.G, 0, taps, 0, Buffer.ByteLength(taps));
        return taps;
    }

    /// <summary>Both axes at once: (products of rows, products of columns, tiles of rows, tiles of columns) x positions.</summary>
    private string Constant(string what, string shape, double[,,] rows, double[,,] columns)
    {
        var (products, tiles, positions) = (rows.GetLength(0) * columns.GetLength(0), rows.GetLength(1) * columns.GetLength(1), rows.GetLength(2) * columns.GetLength(2));
        var values = new List<float>(products * tiles * positions);
        for (var (i, f) = (0, rows.GetLength(0)); i < f; i++)
        {
            for (var j = 0; j < columns.GetLength(0); j++)
            {
                for (var s = 0; s < rows.GetLength(1); s++)
                {
                    for (var t = 0; t < columns.GetLength(1); t++)
                    {
                        for (var y = 0; y < rows.GetLength(2); y++)
                        {
                            for (var x = 0; x < columns.GetLength(2); x++)
                            {
                                values.Add((float)(rows[i, s, y] * columns[j, t, x]));
                            }
                        }
                    }
                }
            }
        }
        return _graph.Constant($"winograd.{what}.{shape}.{_layer.Padding}", values.ToArray(), products * tiles, positions);
    }
}
