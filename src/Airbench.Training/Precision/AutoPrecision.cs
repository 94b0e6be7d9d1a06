namespace Airbench.Training;

/// <summary>
/// Decides what <see cref="Precision.Auto"/> takes on a CPU: which arithmetic is faster there is measured, as instructions alone do not tell
/// (VDPBF16PS has no advantage over two FMA units). Rates are kept for the user, so that a machine is measured once.
/// </summary>
public sealed class AutoPrecision
{
    /// <summary>Settings of oneDNN that leave it no bf16 products.</summary>
    private static readonly string[] Below =
        ["SSE41", "AVX", "AVX2", "AVX2_VNNI", "AVX2_VNNI_2", "AVX512_CORE", "AVX512_CORE_VNNI"];

    private readonly string? _obstacle;
    private readonly Func<IReadOnlyList<TypicalConvolution>, ArithmeticRates> _measure;
    private readonly Func<Func<string, ArithmeticRates?>, ArithmeticRates?> _inCache;

    /// <param name="obstacle">Why bf16 is out of the question; null where it has to be measured.</param>
    /// <param name="measure">Measures convolutions.</param>
    /// <param name="inCache">Has a function work with the folder that rates are kept in.</param>
    internal AutoPrecision(
        string? obstacle, Func<IReadOnlyList<TypicalConvolution>, ArithmeticRates> measure, Func<Func<string, ArithmeticRates?>, ArithmeticRates?> inCache) =>
        (_obstacle, _measure, _inCache) = (obstacle, measure, inCache);

    /// <summary>On this machine.</summary>
    public static AutoPrecision Here { get; } = new(
        Obstacle(CpuFeatures.HasBf16, Environment.GetEnvironmentVariable), ConvolutionRates.Measure, UserCache.Use);

    /// <summary>The choice for a network; measures where that has not been done, which takes a second.</summary>
    /// <param name="network">The network.</param>
    /// <param name="threads">As the options say; 0 leaves it to libtorch.</param>
    /// <param name="progress">Warned where rates cannot be kept.</param>
    /// <exception cref="DeviceException">libtorch does not load, or does not compute.</exception>
    public PrecisionChoice Choose(NetworkSpec network, int threads, IProgress progress)
    {
        var convolutions = TypicalConvolution.Of(network);
        if (Unmeasured(convolutions) is { } choice)
        {
            return choice;
        }
        var key = RatesKey.For(convolutions, threads);
        var measured = new Lazy<ArithmeticRates>(() =>
        {
            TorchRuntime.LoadWith(threads);
            return _measure(convolutions);
        });
        try
        {
            return PrecisionChoice.By(_inCache(folder =>
            {
                var rates = RatesFile.Read(folder, key) ?? measured.Value;
                if (measured.IsValueCreated)
                {
                    RatesFile.Write(folder, key, rates);
                }
                return rates;
            })!);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            progress.Warn($"the rates of bf16 and fp32 are not kept, and the next training measures again: {e.Message}");
            return PrecisionChoice.By(measured.Value);
        }
    }

    /// <summary>The choice as far as it is known without measuring, and without libtorch; null where it is not.</summary>
    /// <param name="network">The network.</param>
    /// <param name="threads">As the options say; 0 leaves it to libtorch.</param>
    public PrecisionChoice? Known(NetworkSpec network, int threads)
    {
        var convolutions = TypicalConvolution.Of(network);
        if (Unmeasured(convolutions) is { } choice)
        {
            return choice;
        }
        try
        {
            return _inCache(folder => RatesFile.Read(folder, RatesKey.For(convolutions, threads))) is { } rates ? PrecisionChoice.By(rates) : null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;   // no folder at all: nothing is known
        }
    }

    /// <summary>Why bf16 is out of the question; null where it has to be measured.</summary>
    /// <param name="hasBf16">Whether the processor has instructions for it.</param>
    /// <param name="variable">Environment variables.</param>
    internal static string? Obstacle(bool hasBf16, Func<string, string?> variable) =>
        !hasBf16 ? "this processor has neither AVX512-BF16 nor AMX-BF16"
        : RatesKey.OneDnnLimits.FirstOrDefault(name => !string.IsNullOrEmpty(variable(name))) is { } limit
            && Below.Contains(variable(limit)!, StringComparer.OrdinalIgnoreCase) ? $"{limit}={variable(limit)} leaves libtorch no bf16 products"
        : null;

    private PrecisionChoice? Unmeasured(IReadOnlyList<TypicalConvolution> convolutions) =>
        _obstacle is not null ? new(Precision.Fp32, _obstacle)
        : convolutions.Count == 0 ? new(Precision.Bf16, "this processor has instructions for it, and the network is too narrow to measure")
        : null;
}
