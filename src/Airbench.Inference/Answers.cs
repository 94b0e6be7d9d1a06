namespace Airbench.Inference;

/// <summary>What a model answered on a split, in image order.</summary>
internal sealed class Answers(int count)
{
    /// <summary>Best class of the vote.</summary>
    public int[] Predicted { get; } = new int[count];

    /// <summary>Softmax of the vote's logits at <see cref="Predicted"/>.</summary>
    public double[] Confidence { get; } = new double[count];

    /// <summary>Whether <see cref="Predicted"/> is the label.</summary>
    public bool[] Correct { get; } = new bool[count];

    /// <summary>Right answers of the vote.</summary>
    public int CorrectCount { get; private set; }

    /// <summary>Right answers from the untouched images.</summary>
    public int CorrectPlain { get; private set; }

    /// <summary>Images that got all views of the augmentation.</summary>
    public int AllViews { get; set; }

    /// <summary>Negative log-likelihood of the labels, summed, nats.</summary>
    public double NllSum { get; private set; }

    /// <summary>Seconds in the session, views included.</summary>
    public double Seconds { get; set; }

    /// <summary>Notes the answer to image <paramref name="index"/>.</summary>
    public void Add(int index, int label, ReadOnlySpan<float> plain, ReadOnlySpan<float> voted)
    {
        var best = Softmax.ArgMax(voted);
        Predicted[index] = best;
        Confidence[index] = Math.Exp(Softmax.LogProbability(voted, best));
        Correct[index] = best == label;
        CorrectCount += best == label ? 1 : 0;
        CorrectPlain += Softmax.ArgMax(plain) == label ? 1 : 0;
        NllSum -= Softmax.LogProbability(voted, label);
    }
}
