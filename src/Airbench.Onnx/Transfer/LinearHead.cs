using System.Numerics.Tensors;
using System.Runtime.InteropServices;

namespace Airbench.Onnx;

/// <summary>Logits = features W' + b.</summary>
/// <param name="Weight">float64 [K,F].</param>
/// <param name="Bias">float64 [K].</param>
internal sealed record LinearHead(double[] Weight, double[] Bias)
{
    /// <summary>Classes K.</summary>
    public int Classes => Bias.Length;

    /// <summary>Writes it as <c>head.weight</c> and <c>head.bias</c>, float32.</summary>
    public void Write(string path, IReadOnlyDictionary<string, string>? metadata = null) => TensorFileWriter.Write(path,
    [
        ("head.weight", TensorType.F32, [Classes, Weight.Length / Classes], Floats(Weight)),
        ("head.bias", TensorType.F32, [Classes], Floats(Bias)),
    ], metadata);

    /// <summary>Logits of one row of features; <paramref name="wide"/> is scratch of F.</summary>
    public void Answer(ReadOnlySpan<float> features, Span<double> wide, Span<double> logits)
    {
        TensorPrimitives.ConvertTruncating(features, wide);
        for (var k = 0; k < Classes; k++)
        {
            logits[k] = Bias[k] + TensorPrimitives.Dot(wide, Weight.AsSpan(k * wide.Length, wide.Length));
        }
    }

    /// <summary>Logits of the first view of every image, [n,K].</summary>
    public double[] Answer(FeatureTable table)
    {
        var (logits, wide) = (new double[table.Images * Classes], new double[table.Width]);
        for (var i = 0; i < table.Images; i++)
        {
            Answer(table.Row(i), wide, logits.AsSpan(i * Classes, Classes));
        }
        return logits;
    }

    private static byte[] Floats(double[] values) => MemoryMarshal.AsBytes(Array.ConvertAll(values, value => (float)value).AsSpan()).ToArray();
}
