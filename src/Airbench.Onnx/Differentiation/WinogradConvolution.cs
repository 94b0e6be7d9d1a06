using Airbench.Onnx.Proto;

namespace Airbench.Onnx;

/// <summary>
/// Convolution of 3 x 3 without stride after Winograd, and its gradients, as matrix products only: constant matrices take planes to their
/// tiles, padding included, and tiles to planes. Neither pass copies or transposes activations: the products' transposition flags carry the
/// layout (N, C, positions) to (products, tiles, N, C), where images are rows. The gradients share the tiles of both sides.
/// </summary>
/// <remarks>A convolution with weights that change is slow in ONNX Runtime on small planes; and this one has a third to a half of the arithmetic.</remarks>
internal sealed class WinogradConvolution
{
    /// <summary>Positions of a plane up to which one matrix takes all of it to its tiles; larger planes go axis by axis.</summary>
    private const int LargestAtOnce = 64;

    /// <summary>Time of a multiplication on the way to or from the tiles, in those of the products between; from measurement.</summary>
    private const double TransformCost = 3;

    /// <summary>Time of a multiplication on the way from a kernel to its products, in the same; from measurement. The matrix is only nine wide.</summary>
    private const double KernelCost = 20;

    private readonly GraphBuilder _graph;
    private readonly ConvLayer _layer;
    private readonly Plane _input, _output;
    private readonly string _name, _weight;
    private readonly Matrix[] _toTiles, _toOutputs;      // applied one after the other: the whole plane, or columns and then rows
    private readonly Matrix _toKernels, _fromKernels;
    private readonly long[] _tiles, _kernels;            // the extents before (rows, channels) on both sides of the product

    /// <summary>A constant of the graph.</summary>
    private sealed record Matrix(string Name, int Rows, int Columns);

    /// <summary>Adds its constants to the graph.</summary>
    /// <param name="graph">The graph.</param>
    /// <param name="layer">A layer for which it pays.</param>
    /// <param name="weight">Value of the kernel, (Out, In, 3, 3).</param>
    /// <param name="input">Shape of the layer's input.</param>
    /// <param name="output">Shape of its output.</param>
    public WinogradConvolution(GraphBuilder graph, ConvLayer layer, string weight, Plane input, Plane output)
    {
        (_graph, _layer, _weight, _input, _output, _name) = (graph, layer, weight, input, output, layer.Name);
        var (rows, columns) = (Winograd.For(output.Height), Winograd.For(output.Width));
        var (height, width) = (rows.FromInputs(input.Height, output.Height, layer.Padding), columns.FromInputs(input.Width, output.Width, layer.Padding));
        var (outHeight, outWidth) = (rows.ToOutputs(output.Height), columns.ToOutputs(output.Width));
        _toKernels = Constant("kernel", Taps(rows, 1), Taps(columns, 1));
        if (output.Height * output.Width <= LargestAtOnce)   // (products, tiles N, C)
        {
            (_toTiles, _toOutputs, _fromKernels) = ([Constant("tiles", height, width)], [Constant("outputs", outHeight, outWidth)], _toKernels);
            _tiles = _kernels = [rows.Products * columns.Products];
        }
        else   // (products of rows, tiles of rows, products of columns, tiles of columns N, C); a kernel is the same for all tiles of rows
        {
            var one = new double[1, 1, 1] { { { 1 } } };
            (_toTiles, _toOutputs) = ([Constant("tiles", width, one), Constant("tiles", height, one)], [Constant("outputs", outWidth, one), Constant("outputs", outHeight, one)]);
            _fromKernels = Constant("kernel", Taps(rows, rows.Tiles(output.Height)), Taps(columns, 1));
            (_tiles, _kernels) = ([rows.Products, rows.Tiles(output.Height), columns.Products], [rows.Products, 1, columns.Products]);
        }
    }

    /// <summary>Whether it can compute the layer, and faster than directly.</summary>
    /// <param name="layer">The layer.</param>
    /// <param name="input">Shape of its input.</param>
    /// <param name="output">Shape of its output.</param>
    /// <param name="images">Images in a batch, which share the way of the kernel to its products; as many as you like without it.</param>
    public static bool Pays(ConvLayer layer, Plane input, Plane output, double images = double.PositiveInfinity)
    {
        if (layer.Kernel != Winograd.Taps || layer.Stride > 1 || layer.HasBias)
        {
            return false;
        }
        var (rows, columns) = (Winograd.For(output.Height), Winograd.For(output.Width));
        double height = rows.Products * rows.Tiles(output.Height), width = columns.Products * columns.Tiles(output.Width);
        double positions = output.Height * output.Width, channels = (double)layer.In * layer.Out;
        var transforms = (layer.In * PerChannel(input)) + (layer.Out * PerChannel(output));
        var kernels = KernelCost * rows.Products * columns.Products * Winograd.Taps * Winograd.Taps * channels / images;
        return (height * width * channels) + (TransformCost * transforms) + kernels < positions * Winograd.Taps * Winograd.Taps * channels;

        double PerChannel(Plane plane) => positions <= LargestAtOnce
            ? height * width * plane.Height * plane.Width
            : width * plane.Width * (plane.Height + height);
    }

    /// <summary>The convolution.</summary>
    public Differentiable Write(string x)
    {
        var tiles = ToTiles("tiles", x, _toTiles, _layer.In);
        var turned = _graph.Node("Transpose", $"{_name}/weight/exchanged", [_weight], [Attribute.Ints("perm", 1, 0, 2, 3)]);
        var products = Node("MatMul", "products", [tiles, Kernels("kernels", turned, _layer.In, _layer.Out)]);
        var y = _graph.Node("Reshape", _name, [ToPlanes("planes", products, _toOutputs), _graph.Integers(-1, _layer.Out, _output.Height, _output.Width)]);
        return new Differentiable(y, (gradient, wanted) =>
        {
            var arrived = ToTiles("grad/products", gradient, _toOutputs, _layer.Out);
            return new Gradients(wanted.Input ? InputGradient(arrived) : null, wanted.Parameters ? WeightGradient(arrived, tiles) : null);
        });
    }

    private string InputGradient(string arrived)
    {
        var tiles = Node("MatMul", "grad/tiles", [arrived, Kernels("grad/kernels", _weight, _layer.Out, _layer.In)]);
        return Reshape("grad", ToPlanes("grad/planes", tiles, _toTiles), -1, _layer.In, _input.Height, _input.Width);
    }

    private string WeightGradient(string arrived, string tiles)
    {
        var scope = $"{_name}/weight/grad";
        long[] swapped = _tiles.Length == 1 ? [0, 2, 1] : [0, 1, 2, 4, 3];
        var turned = _graph.Node("Transpose", $"{scope}/turned", [arrived], [Attribute.Ints("perm", swapped)]);            // ONNX Runtime fuses it into the product
        var kernels = _graph.Node("MatMul", $"{scope}/kernels", [turned, tiles]);                                         // (products, Out, In)
        var flat = _graph.Node("Reshape", $"{scope}/kernels/flat", [kernels, _graph.Integers(_fromKernels.Rows, -1)]);
        var taps = _graph.Node("Gemm", $"{scope}/taps", [flat, _fromKernels.Name], [Attribute.Int("transA", 1)]);          // (Out In, 9)
        return _graph.Node("Reshape", scope, [taps, _graph.Integers(_layer.Out, _layer.In, _layer.Kernel, _layer.Kernel)]);
    }

    /// <summary>(N, C, H, W) -> (products, tiles N, C): <see cref="ToPlanes"/> transposed.</summary>
    private string ToTiles(string what, string x, Matrix[] matrices, int channels)
    {
        for (var i = 0; i < matrices.Length; i++)
        {
            var rows = Reshape($"{what}/rows{i}", x, -1, matrices[i].Columns);
            x = Node("Gemm", $"{what}/product{i}", [matrices[i].Name, rows], [Attribute.Int("transB", 1)]);
        }
        return Reshape(what, x, [.. _tiles, -1, channels]);
    }

    /// <summary>(products, tiles N, C) -> (N C, H W).</summary>
    private string ToPlanes(string what, string x, Matrix[] matrices)
    {
        for (var i = matrices.Length - 1; i >= 0; i--)
        {
            var rows = Reshape($"{what}/rows{i}", x, matrices[i].Rows, -1);
            x = Node("Gemm", $"{what}/product{i}", [rows, matrices[i].Name], [Attribute.Int("transA", 1)]);
        }
        return x;
    }

    /// <summary>(a, b, 3, 3) -> (products, a, b).</summary>
    private string Kernels(string what, string weight, int a, int b)
    {
        var rows = Reshape($"{what}/rows", weight, -1, _layer.Kernel * _layer.Kernel);
        return Reshape(what, Node("Gemm", $"{what}/products", [_toKernels.Name, rows], [Attribute.Int("transB", 1)]), [.. _kernels, a, b]);
    }

    private string Reshape(string what, string x, params ReadOnlySpan<long> shape) => _graph.Node("Reshape", $"{_name}/{what}", [x, _graph.Integers(shape)]);

    private string Node(string op, string what, ReadOnlySpan<string> inputs, params ReadOnlySpan<AttributeProto> attributes) =>
        _graph.Node(op, $"{_name}/{what}", inputs, attributes);

    /// <summary>(products times <paramref name="repeats"/>, 1, 3).</summary>
    private static double[,,] Taps(Winograd winograd, int repeats)
    {
        var taps = new double[winograd.Products * repeats, 1, Winograd.Taps];
        for (var i = 0; i < taps.GetLength(0); i++)
        {
            for (var k = 0; k < Winograd.Taps; k++)
            {
                taps[i, 0, k] = winograd.G[i / repeats, k];
            }
        }
        return taps;
    }

    /// <summary>Two axes as one matrix: (products of rows, products of columns, tiles of rows, tiles of columns) x positions.</summary>
    private Matrix Constant(string what, double[,,] rows, double[,,] columns)
    {
        var (products, tiles, positions) = (rows.GetLength(0) * columns.GetLength(0), rows.GetLength(1) * columns.GetLength(1), rows.GetLength(2) * columns.GetLength(2));
        var values = new List<float>(products * tiles * positions);
        for (var i = 0; i < rows.GetLength(0); i++)
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
        var name = FormattableString.Invariant($"winograd.{what}.{_layer.Padding}.{Of(rows)}.{Of(columns)}");
        return new Matrix(_graph.Constant(name, values.ToArray(), products * tiles, positions), products * tiles, positions);

        static string Of(double[,,] axis) => FormattableString.Invariant($"{axis.GetLength(0)}x{axis.GetLength(1)}x{axis.GetLength(2)}");
    }
}
