namespace Airbench;

/// <summary>What logits say.</summary>
public static class Softmax
{
    /// <summary>Index of the largest element, the first of equals.</summary>
    public static int ArgMax(ReadOnlySpan<float> logits)
    {
        var best = 0;
        for (var i = 1; i < logits.Length; i++)
        {
            best = logits[i] > logits[best] ? i : best;
        }
        return best;
    }

    /// <summary>Softmax of all elements.</summary>
    public static double[] Probabilities(ReadOnlySpan<float> logits)
    {
        var largest = (double)logits[ArgMax(logits)];
        var probabilities = new double[logits.Length];
        var sum = 0.0;
        for (var k = 0; k < logits.Length; k++)
        {
            sum += probabilities[k] = Math.Exp(logits[k] - largest);
        }
        for (var k = 0; k < logits.Length; k++)
        {
            probabilities[k] /= sum;
        }
        return probabilities;
    }

    /// <summary>Softmax probability of the best class, 0 to 1.</summary>
    public static double Confidence(ReadOnlySpan<float> logits) => Math.Exp(LogProbability(logits, ArgMax(logits)));

    /// <summary>Natural logarithm of the softmax of element <paramref name="index"/>; stable for any finite logits.</summary>
    public static double LogProbability(ReadOnlySpan<float> logits, int index)
    {
        var largest = (double)logits[ArgMax(logits)];
        var sum = 0.0;
        foreach (var logit in logits)
        {
            sum += Math.Exp(logit - largest);
        }
        return logits[index] - largest - Math.Log(sum);
    }
}
