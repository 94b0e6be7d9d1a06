using System.Numerics;

namespace Airbench;

/// <summary>What logits say, of float32 or float64; computed in float64.</summary>
public static class Softmax
{
    /// <summary>Index of the largest element, the first of equals.</summary>
    public static int ArgMax<T>(ReadOnlySpan<T> logits) where T : INumber<T>
    {
        var best = 0;
        for (var i = 1; i < logits.Length; i++)
        {
            best = logits[i] > logits[best] ? i : best;
        }
        return best;
    }

    /// <summary>Softmax of all elements.</summary>
    public static double[] Probabilities<T>(ReadOnlySpan<T> logits) where T : INumber<T>
    {
        var largest = double.CreateTruncating(logits[ArgMax(logits)]);
        var probabilities = new double[logits.Length];
        var sum = 0.0;
        for (var k = 0; k < logits.Length; k++)
        {
            sum += probabilities[k] = Math.Exp(double.CreateTruncating(logits[k]) - largest);
        }
        for (var k = 0; k < logits.Length; k++)
        {
            probabilities[k] /= sum;
        }
        return probabilities;
    }

    /// <summary>Softmax probability of the best class, 0 to 1.</summary>
    public static double Confidence<T>(ReadOnlySpan<T> logits) where T : INumber<T> => Math.Exp(LogProbability(logits, ArgMax(logits)));

    /// <summary>Natural logarithm of the softmax of element <paramref name="index"/>; stable for any finite logits.</summary>
    public static double LogProbability<T>(ReadOnlySpan<T> logits, int index) where T : INumber<T>
    {
        var largest = double.CreateTruncating(logits[ArgMax(logits)]);
        var sum = 0.0;
        foreach (var logit in logits)
        {
            sum += Math.Exp(double.CreateTruncating(logit) - largest);
        }
        return double.CreateTruncating(logits[index]) - largest - Math.Log(sum);
    }
}
