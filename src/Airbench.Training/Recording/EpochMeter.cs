using System.ComponentModel.DataAnnotations;
using TorchSharp;
using static TorchSharp.torch;

namespace Airbench.Training;

/// <summary>
/// Loss and accuracy of an epoch, kept on the device. On the CPU every loss is read at once; on CUDA, where reading waits for the
/// device, at the epoch's end, all in one.
/// </summary>
internal sealed class EpochMeter : IDisposable
{
    /// <summary>What was measured so far.</summary>
    /// <param name="Losses">Mean loss of each step.</param>
    /// <param name="Correct">Right answers.</param>
    /// <param name="Examples">Of so many.</param>
    public sealed record Readings(
        IReadOnlyList<float> Losses, [property: Range(0, long.MaxValue)] long Correct, [property: Range(0, int.MaxValue)] int Examples);

    private readonly bool _readAtOnce;
    private readonly Tensor _correct;
    private readonly IReadOnlyList<float> _earlier;
    private readonly List<(int Step, double Lr, Tensor Loss)> _losses = [];
    private int _examples;

    /// <param name="device">Where losses are computed.</param>
    /// <param name="earlier">What an interrupted epoch had measured.</param>
    public EpochMeter(ComputeDevice device, Readings? earlier = null)
    {
        _readAtOnce = device.Device.type == DeviceType.CPU;
        _correct = zeros(1, ScalarType.Int64, device.Device).DetachFromDisposeScope();   // filled there: a copy would wait for the device
        if (earlier is not null)
        {
            using var noGradients = no_grad();
            using var count = tensor([earlier.Correct]);
            _correct.copy_(count);
        }
        _examples = earlier?.Examples ?? 0;
        _earlier = earlier?.Losses ?? [];
    }

    /// <summary>Mean loss of the last step that was read, or null.</summary>
    public double? LastLoss { get; private set; }

    /// <summary>Learning rate of the last step.</summary>
    public double LastLr { get; private set; }

    /// <summary>Adds a step.</summary>
    /// <exception cref="DivergedException">On the CPU, when its loss is not finite.</exception>
    public void Add(int step, double lr, Tensor meanLoss, Tensor logits, Tensor labels)
    {
        using var noGradients = no_grad();
        _correct.Accumulate(logits.argmax(1).eq(labels).sum());
        _examples += (int)labels.shape[0];
        LastLr = lr;
        var loss = meanLoss.detach().DetachFromDisposeScope();
        _losses.Add((step, lr, loss));
        if (_readAtOnce)
        {
            LastLoss = RequireFinite(step, lr, loss.item<float>());
        }
    }

    /// <summary>All of it; waits for the device.</summary>
    /// <exception cref="DivergedException">The loss of a step is not finite.</exception>
    public Readings Snapshot() => new(ReadLosses(), _correct.item<long>(), _examples);

    /// <summary>Mean loss and accuracy of the epoch; waits for the device.</summary>
    /// <exception cref="DivergedException">The loss of a step is not finite.</exception>
    public (double Loss, double Accuracy) Read()
    {
        var losses = ReadLosses();
        LastLoss = losses[^1];
        return (losses.Average(loss => (double)loss), (double)_correct.item<long>() / _examples);
    }

    public void Dispose()
    {
        _correct.Dispose();
        _losses.ForEach(entry => entry.Loss.Dispose());
    }

    /// <summary>The losses of all steps, read as one tensor: one by one, each would wait for the device.</summary>
    private List<float> ReadLosses()
    {
        if (_losses.Count == 0)
        {
            return [.. _earlier];
        }
        using var scope = NewDisposeScope();
        var values = stack(_losses.Select(entry => entry.Loss)).cpu().data<float>().ToArray();
        foreach (var (value, (step, lr, _)) in values.Zip(_losses))
        {
            RequireFinite(step, lr, value);
        }
        return [.. _earlier, .. values];
    }

    private static float RequireFinite(int step, double lr, float value) => float.IsFinite(value)
        ? value
        : throw new DivergedException(FormattableString.Invariant(
            $"training diverged: the loss is {value} at step {step}, learning rate {lr:g4}. ") +
            "Try a lower learning rate (train.with.lr; with muon muon_lr, bias_lr or head_lr) or precision fp32, " +
            "or look for images that are all one colour.");
}
