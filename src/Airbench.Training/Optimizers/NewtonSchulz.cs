using static TorchSharp.torch;

namespace Airbench.Training;

/// <summary>
/// The nearest semi-orthogonal matrix, roughly: singular values land between 0.5 and 1.5, in bf16 and without a decomposition
/// (recipes.md, "Muon recipes").
/// </summary>
internal static class NewtonSchulz
{
    private const double Epsilon = 1e-7;

    /// <summary>Orthogonalizes one matrix (out, n).</summary>
    public static Tensor Orthogonalize(Tensor matrix, Muon muon)
    {
        var isTall = matrix.shape[0] > matrix.shape[1];
        var x = (isTall ? matrix.t() : matrix).to(ScalarType.BFloat16);
        x = Iterate(x / x.norm().Plus(Epsilon), muon);
        return isTall ? x.t() : x;
    }

    /// <summary>
    /// Orthogonalizes all matrices as one batch, padded with zeros to the largest: fewer and larger operations, which is what a GPU
    /// wants. Rows and columns of zeros stay zero and change nothing else.
    /// </summary>
    public static IReadOnlyList<Tensor> OrthogonalizeBatched(IReadOnlyList<Tensor> matrices, Muon muon)
    {
        var wide = matrices.Select(m => m.shape[0] > m.shape[1] ? m.t() : m).ToList();
        var (rows, columns) = (wide.Max(m => m.shape[0]), wide.Max(m => m.shape[1]));
        var batch = zeros([wide.Count, rows, columns], ScalarType.BFloat16, wide[0].device);
        for (var i = 0; i < wide.Count; i++)
        {
            batch[i].narrow(0, 0, wide[i].shape[0]).narrow(1, 0, wide[i].shape[1]).copy_(wide[i]);
        }
        batch = Iterate(batch / Norms(batch).Plus(Epsilon).to(ScalarType.BFloat16), muon);
        return [.. matrices.Select((matrix, i) =>
        {
            var x = batch[i].narrow(0, 0, wide[i].shape[0]).narrow(1, 0, wide[i].shape[1]);
            return matrix.shape[0] > matrix.shape[1] ? x.t() : x;
        })];
    }

    /// <summary>Frobenius norms, fp32 (B, 1, 1), of matrices (B, out, n).</summary>
    private static Tensor Norms(Tensor batch)
    {
        var wide = batch.to(ScalarType.Float32);
        return (wide * wide).sum([1, 2], keepdim: true).sqrt();
    }

    /// <summary>X := aX + (bA + cAA)X with A = XX^T; one matrix or a batch.</summary>
    private static Tensor Iterate(Tensor x, Muon muon)
    {
        var (a, b, c) = (muon.Coefficients[0], muon.Coefficients[1], muon.Coefficients[2]);
        for (var i = 0; i < muon.NewtonSchulzSteps; i++)
        {
            var gram = x.matmul(x.transpose(-2, -1));
            x = x.Times(a).Plus(gram.Times(b).Plus(gram.matmul(gram).Times(c)).matmul(x));
        }
        return x;
    }
}
