using static TorchSharp.torch;

namespace Airbench.Training;

/// <summary>Slow weights that are averaged in every <see cref="Interval"/> steps (paper, section 3.4): slow = lerp(slow, fast, 1 - d), fast = slow.</summary>
internal sealed class Lookahead : IDisposable
{
    /// <summary>Steps between updates.</summary>
    public const int Interval = 5;

    private readonly Tensor[] _slow;
    private readonly (Tensor[] Slow, Tensor[] Fast)[] _byType;   // a list of several types is updated one tensor after the other

    /// <param name="state">All floating state of the network, batch-norm statistics too.</param>
    public Lookahead(IEnumerable<Tensor> state)
    {
        Tensor[] all = [.. state];
        _slow = [.. all.Select(fast => fast.detach().clone())];
        _byType = [.. _slow.Zip(all).GroupBy(pair => pair.Second.dtype).Select(group =>
            (group.Select(pair => pair.First).ToArray(), group.Select(pair => pair.Second).ToArray()))];
    }

    /// <summary>The slow copies, in the order of the network's state.</summary>
    public IReadOnlyList<Tensor> Slow => _slow;

    /// <summary>The weight of the slow copy after <paramref name="step"/> steps: 0.95^5 * (step / total)^3.</summary>
    public static double Decay(int step, int totalSteps) => Math.Pow(0.95, 5) * Math.Pow((double)step / totalSteps, 3);

    /// <summary>Moves the slow copy towards the network, then the network onto it; <paramref name="decay"/> 1 only does the latter.</summary>
    public void Update(double decay)
    {
        using var noGradients = no_grad();
        foreach (var (slow, fast) in _byType)
        {
            Foreach.Pull(slow, fast, 1 - decay);
        }
    }

    public void Dispose() => Array.ForEach(_slow, slow => slow.Dispose());
}
