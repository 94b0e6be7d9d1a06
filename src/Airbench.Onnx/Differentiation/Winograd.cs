namespace Airbench.Onnx;

/// <summary>
/// Winograd's short convolutions F(m, 3) along one axis: m outputs of a kernel of three taps with m + 2 products instead of 3 m,
/// y = A' ((G w) * (B' x)) with x of m + 2 elements (Toom-Cook at m + 1 points and infinity).
/// </summary>
/// <remarks>The points keep rounding low: with 0, ±3/4, ±3/2, two-dimensional F(4, 3) loses twice what direct summation loses; with the usual 0, ±1, ±2 four times.</remarks>
internal sealed class Winograd
{
    /// <summary>Taps of the kernel.</summary>
    public const int Taps = 3;

    private static readonly Winograd[] _all = [new([0, 1, -1]), new([0, 1, -1, 0.5]), new([0, 0.75, -0.75, 1.5, -1.5])];

    private Winograd(double[] points)
    {
        Products = points.Length + 1;
        Outputs = Products - Taps + 1;
        (A, G, B) = (new double[Outputs, Products], new double[Products, Taps], new double[Products, Products]);
        for (var j = 0; j < points.Length; j++)
        {
            var others = points.Where((_, l) => l != j).ToArray();
            var scale = others.Aggregate(1.0, (product, other) => product * (points[j] - other));
            for (var i = 0; i < Outputs; i++)
            {
                A[i, j] = Math.Pow(points[j], i);
            }
            for (var k = 0; k < Taps; k++)
            {
                G[j, k] = Math.Pow(points[j], k) / scale;
            }
            Expand(others, j);
        }
        A[Outputs - 1, Products - 1] = 1;
        G[Products - 1, Taps - 1] = 1;
        Expand(points, Products - 1);

        void Expand(double[] roots, int row)   // coefficients of the polynomial with these roots
        {
            B[row, 0] = 1;
            foreach (var root in roots)
            {
                for (var k = Products - 1; k >= 0; k--)
                {
                    B[row, k] = (k > 0 ? B[row, k - 1] : 0) - (root * B[row, k]);
                }
            }
        }
    }

    /// <summary>m.</summary>
    public int Outputs { get; }

    /// <summary>m + 2.</summary>
    public int Products { get; }

    /// <summary>A' (m, m + 2): outputs from products.</summary>
    public double[,] A { get; }

    /// <summary>G (m + 2, 3): what the kernel multiplies with.</summary>
    public double[,] G { get; }

    /// <summary>B' (m + 2, m + 2): what the inputs of a tile multiply with.</summary>
    public double[,] B { get; }

    /// <summary>The one of fewest products for <paramref name="size"/> outputs.</summary>
    public static Winograd For(int size) => _all.MinBy(f => f.Tiles(size) * f.Products)!;

    /// <summary>Tiles that cover <paramref name="size"/> outputs.</summary>
    public int Tiles(int size) => (size + Outputs - 1) / Outputs;

    /// <summary>(m + 2, tiles, input): all tiles of an axis from its elements, with zeros around them.</summary>
    public double[,,] FromInputs(int input, int output, int padding)
    {
        var matrix = new double[Products, Tiles(output), input];
        for (var product = 0; product < Products; product++)
        {
            for (var tile = 0; tile < Tiles(output); tile++)
            {
                for (var k = 0; k < Products; k++)
                {
                    var position = (tile * Outputs) + k - padding;
                    if (position >= 0 && position < input)
                    {
                        matrix[product, tile, position] = B[product, k];
                    }
                }
            }
        }
        return matrix;
    }

    /// <summary>(m + 2, tiles, output): what each product adds to the outputs of an axis.</summary>
    public double[,,] ToOutputs(int output)
    {
        var matrix = new double[Products, Tiles(output), output];
        for (var product = 0; product < Products; product++)
        {
            for (var position = 0; position < output; position++)
            {
                matrix[product, position / Outputs, position] = A[position % Outputs, product];
            }
        }
        return matrix;
    }
}
