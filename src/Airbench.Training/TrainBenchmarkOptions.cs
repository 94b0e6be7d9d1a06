using System.ComponentModel;

namespace Airbench.Training;

/// <summary>When a run on random labels comes before the timed ones.</summary>
public enum WarmUp
{
    /// <summary>On CUDA under the airbench protocol, where the first run also compiles, tunes and loads kernels.</summary>
    Auto,

    /// <summary>Always.</summary>
    On,

    /// <summary>Never.</summary>
    Off,
}

/// <summary>Options of <c>benchmark_train</c>: those of training, what to time and what to hold the result against.</summary>
public sealed record TrainBenchmarkOptions : TrainOptions
{
    /// <summary>Five runs, and no validation between epochs.</summary>
    public TrainBenchmarkOptions() => (Runs, ValidateEvery) = (5, 0);

    [Description("What the seconds count: airbench (whitening, training, final TTA evaluation) or wall (all, loading and device start-up too).")]
    public TimingProtocol Protocol { get; init; }

    [Description("A whole run on random labels before the timer: auto (on CUDA), on or off. Never with protocol wall.")]
    public WarmUp WarmUp { get; init; }

    [Description("Mean accuracy with TTA to reach, 0 to 1; the recipe's target by default.")]
    public double? Target { get; init; }

    [Description("An earlier benchmark.json, or its folder, to compare with.")]
    public string? Against { get; init; }

    [Description("Slowdown that is let pass, 0.05 is 5%; beyond it with the whole 95% interval the stage fails.")]
    public double Tolerance { get; init; } = 0.05;

    [Description("CUDA: after the timed runs one more under NVIDIA's profiler interface, for the time of each kernel and of the idle GPU.")]
    public bool Trace { get; init; }

    /// <summary>Problems that the types cannot express, as "key: found; expected".</summary>
    public static IEnumerable<string> Check(TrainBenchmarkOptions options)
    {
        foreach (var problem in TrainOptions.Check(options))
        {
            yield return problem;
        }
        if (options.Protocol == TimingProtocol.Wall && options.WarmUp == WarmUp.On)
        {
            yield return "warm_up: on, with protocol wall, whose point is to count the start; expected auto or off";
        }
        if (options.Protocol == TimingProtocol.Wall && options.ValidateEvery > 0)
        {
            yield return $"validate_every: {options.ValidateEvery}, with protocol wall, which would count it; expected 0";
        }
        if (options.Protocol == TimingProtocol.Wall && options.Trace)
        {
            yield return "trace: true, with protocol wall, which loads anew for every run; expected protocol airbench";
        }
        if (options.Target is not (null or (> 0 and <= 1)))
        {
            yield return FormattableString.Invariant($"target: {options.Target}; expected more than 0, at most 1");
        }
        if (options.Against is "")
        {
            yield return "against: empty; expected a benchmark.json or its folder";
        }
        if (options.Tolerance is not (>= 0 and <= 100))
        {
            yield return FormattableString.Invariant($"tolerance: {options.Tolerance}; expected 0 to 100, 0.05 for 5%");
        }
    }
}
