using System.Globalization;

namespace Airbench;

/// <summary>What every benchmark does with its numbers: compare, write, tell, judge.</summary>
public static class BenchmarkReporter
{
    private const int ShownKernels = 20, KernelNameLength = 55;   // lines of 80 columns

    /// <summary>Opens the report that <c>--against</c> names.</summary>
    /// <param name="path">The file or its folder as the user wrote it, or null.</param>
    /// <param name="root">What a relative path is relative to.</param>
    /// <exception cref="InvalidFileException">It is missing or damaged.</exception>
    public static (BenchmarkReport Report, string Path)? Earlier(string? path, string root) =>
        path is null ? null : (BenchmarkReport.Read(Path.Combine(root, path)), path);

    /// <summary>Compares with the earlier report, writes the folder, tells the numbers and fails on a significant slowdown.</summary>
    /// <param name="report">A report with its measurements.</param>
    /// <param name="earlier">From <see cref="Earlier"/>.</param>
    /// <param name="tolerance">Slowdown that is let pass; 0.05 is 5%.</param>
    /// <param name="folder">Where the benchmark goes, whole or not at all.</param>
    /// <param name="progress">Gets every number, in lines of at most 80 columns where names allow.</param>
    /// <exception cref="GateException">The slowdown of a quantity is beyond the tolerance with its whole interval; the folder is written.</exception>
    public static Benchmark Finish(
        BenchmarkReport report, (BenchmarkReport Report, string Path)? earlier, double tolerance, string folder, IProgress progress)
    {
        if (earlier is { } other)
        {
            report = report with { Against = BenchmarkComparison.Of(report, other.Report, other.Path) };
        }
        var benchmark = Benchmark.Write(folder, report);
        foreach (var line in Lines(report))
        {
            progress.Info(line);
        }
        foreach (var warning in report.Against?.Warnings ?? [])
        {
            progress.Warn(warning);
        }
        var regressions = report.Against?.Regressions(tolerance).ToList() ?? [];
        if (regressions.Count > 0)
        {
            var bound = string.Create(CultureInfo.InvariantCulture, $"tolerance {tolerance:0.###}");
            throw new GateException(
                $"slower than {report.Against!.Earlier} ({bound}): {string.Join("; ", regressions)}. The benchmark is kept in {benchmark.Folder}");
        }
        return benchmark;
    }

    /// <summary>The numbers as a person reads them.</summary>
    public static IEnumerable<string> Lines(BenchmarkReport report)
    {
        if (report.Train is { } train)
        {
            foreach (var line in Lines(train))
            {
                yield return line;
            }
        }
        if (report.Model is { } model)
        {
            foreach (var line in Lines(model))
            {
                yield return line;
            }
        }
        if (report.Against is { } against)
        {
            foreach (var line in Lines(against))
            {
                yield return line;
            }
        }
    }

    private static IEnumerable<string> Lines(TrainBenchmarkResult train)
    {
        if (train is not { Accuracy: { } accuracy, Seconds: { } seconds })
        {
            yield break;
        }
        var protocol = train.Protocol == TimingProtocol.Wall ? "wall" : "airbench";
        yield return $"accuracy  {Describe(accuracy, value => Text(value, "0.00%"))}";
        yield return $"seconds   {Describe(seconds, value => Text(value, "0.00"))}";
        yield return $"speed     {Text(train.StepsPerSecond, "0.00")} steps/s by the {protocol} protocol";
        yield return $"target    {Text(train.TargetAccuracy, "0.00%")}: {(train.TargetReached ? "reached" : "NOT reached")} by the mean"
            + (train.Synthetic ? " (synthetic data)" : "");
        yield return train.TargetPValue is { } p
            ? $"          p = {Text(p, p < 0.0001 ? "0.0e+0" : "0.0000")}, one-sided, H0: the true mean is below the target"
            : $"          no p-value: {(accuracy.Count == 1 ? "a single run shows no spread" : "all runs have the same accuracy")}";
        if (train is { UsdPerHour: { } price, UsdPerRun: { } cost })
        {
            var what = train.TargetReached ? "to reach the target" : "per run, WITHOUT reaching the target";
            yield return $"cost      {Usd(cost)} {what}, at {Usd(price)} an hour";
        }
        if (train.Trace is { } trace)
        {
            foreach (var line in Lines(trace, seconds.Mean))
            {
                yield return line;
            }
        }
    }

    private static IEnumerable<string> Lines(GpuTrace trace, double seconds)
    {
        yield return $"GPU       {Text(trace.BusySeconds, "0.000")} s of work: idle for {Text(Math.Max(0, 1 - (trace.BusySeconds / seconds)), "0.0%")} of a run";
        yield return $"          idle for {Text(trace.SteadyIdleShare, "0.0%")} in the middle of the watched run, which took {Text(trace.Seconds, "0.000")} s";
        foreach (var kernel in trace.Kernels.Take(ShownKernels))
        {
            yield return string.Create(
                CultureInfo.InvariantCulture, $"{1e3 * kernel.Seconds,10:0.0} ms {kernel.Count,7:N0} x  {ShortText.Fit(kernel.Name, KernelNameLength)}");
        }
    }

    private static IEnumerable<string> Lines(ModelBenchmarkResult model)
    {
        foreach (var provider in model.Rows.GroupBy(row => (row.Device, row.Provider)))
        {
            yield return $"{model.BundleName} {model.Variant} on {provider.Key.Device} ({provider.Key.Provider})";
            yield return $"{"batch",7}{"p50 ms",11}{"p90 ms",11}{"p99 ms",11}{"images/s",12}{"calls",9}";
            foreach (var row in provider)
            {
                yield return string.Create(
                    CultureInfo.InvariantCulture,
                    $"{row.BatchSize,7}{Ms(row.P50Ms),11}{Ms(row.P90Ms),11}{Ms(row.P99Ms),11}{Rate(row.ImagesPerSecond),12}{row.Calls,9:N0}");
            }
        }
    }

    private static IEnumerable<string> Lines(BenchmarkComparison against)
    {
        yield return $"against {against.Earlier}, new / old with 95% interval:";
        foreach (var (name, _, ratio) in against.Quantities)
        {
            yield return $"  {name}: {Text(ratio.Value, "0.000")}{Interval(ratio, "0.000")}";
        }
        if (against.AccuracyDifference is { } difference)
        {
            var points = new Estimate(100 * difference.Value, 100 * difference.Low95, 100 * difference.High95);
            yield return $"  accuracy: {Text(points.Value, "+0.00;-0.00;0.00")} percentage points{Interval(points, "+0.00;-0.00;0.00")}";
        }
    }

    private static string Interval(Estimate estimate, string format) => estimate is { Low95: { } low, High95: { } high }
        ? $" ({Text(low, format)} to {Text(high, format)})"
        : " (no interval)";

    /// <summary>Neither seconds nor accuracies are negative, which Student's interval of few scattered values does not know.</summary>
    private static string Describe(Summary summary, Func<double, string> text) =>
        summary is { StandardDeviation: { } deviation, Low95: { } low, High95: { } high }
            ? $"mean {text(summary.Mean)}, sd {text(deviation)}, 95% {text(Math.Max(0, low))} to {text(high)}, n = {summary.Count}"
            : $"{text(summary.Mean)}, n = 1";

    private static string Text(double value, string format) => value.ToString(format, CultureInfo.InvariantCulture);

    private static string Ms(double value) => Text(value, value < 10 ? "0.000" : value < 1000 ? "0.00" : "0");

    private static string Rate(double value) => Text(value, value < 100 ? "0.0" : "#,0");

    private static string Usd(double value) => Text(value, value < 1 ? "$0.0000" : "$#,0.00");
}
