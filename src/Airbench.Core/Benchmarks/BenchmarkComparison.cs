using System.Globalization;
using System.Text.Json.Nodes;

namespace Airbench;

/// <summary>A benchmark against an earlier one of the same thing.</summary>
/// <remarks>
/// The values compared are a training run's seconds and, for a model, each round's median latency and throughput: successive calls
/// resemble each other, and taken one by one they would promise an interval far narrower than repetition shows. What differs from
/// process to process (memory layout, neighbours on the machine) shows in no interval from one process; the tolerance is there for it.
/// </remarks>
public sealed record BenchmarkComparison
{
    /// <summary>The earlier file, as it was named.</summary>
    public required string Earlier { get; init; }

    /// <summary>Product version that measured it.</summary>
    public required string EarlierVersion { get; init; }

    /// <summary>What differs between the two that is not what is compared: the machine, threads, precision.</summary>
    public required IReadOnlyList<string> Warnings { get; init; }

    /// <summary>Ratios new / old.</summary>
    public required IReadOnlyList<ComparedQuantity> Quantities { get; init; }

    /// <summary>Mean accuracy with TTA, new less old (0.01 is one percentage point), by Welch's interval; training only.</summary>
    public Estimate? AccuracyDifference { get; init; }

    /// <summary>Refuses an earlier result that measured another thing. Needs no measurements in <paramref name="now"/>: call it before the work.</summary>
    /// <exception cref="ConfigurationException">The two cannot be compared; the message names everything that differs.</exception>
    public static void RequireComparable(BenchmarkReport now, BenchmarkReport earlier, string path)
    {
        var differences = (now, earlier) switch
        {
            ({ Train: { } a }, { Train: { } b }) => Differences(a, b),
            ({ Model: { } a }, { Model: { } b }) => Differences(a, b),
            _ => [now.Train is null ? "it measured training, this is a model's latency" : "it measured a model's latency, this is training"],
        };
        var list = string.Join("; ", differences);
        if (list.Length > 0)
        {
            throw new ConfigurationException($"--against {path}: not comparable: {list}. Measure the earlier one again with the same settings");
        }
    }

    /// <summary>Compares two results that measured the same thing.</summary>
    /// <exception cref="ConfigurationException">They did not.</exception>
    public static BenchmarkComparison Of(BenchmarkReport now, BenchmarkReport earlier, string path)
    {
        RequireComparable(now, earlier, path);
        var comparison = new BenchmarkComparison
        {
            Earlier = path,
            EarlierVersion = earlier.ProductVersion,
            Warnings = [.. OtherDifferences(now, earlier)],
            Quantities = [],
        };
        return (now, earlier) switch
        {
            ({ Train: { } a }, { Train: { } b }) => comparison with
            {
                Quantities =
                [
                    new("seconds a run", HigherIsBetter: false, Estimate.Ratio([.. a.Runs.Select(r => r.Seconds)], [.. b.Runs.Select(r => r.Seconds)])),
                ],
                AccuracyDifference = Estimate.Difference([.. a.Runs.Select(r => r.AccuracyTta)], [.. b.Runs.Select(r => r.AccuracyTta)]),
            },
            ({ Model: { } a }, { Model: { } b }) => comparison with { Quantities = [.. a.Rows.SelectMany(row => Compare(row, b))] },
            _ => comparison,
        };
    }

    /// <summary>
    /// A sentence for every quantity that is worse beyond <paramref name="tolerance"/> (0.05 is 5%) with its whole interval; a
    /// quantity without an interval is never among them.
    /// </summary>
    public IEnumerable<string> Regressions(double tolerance)
    {
        foreach (var (name, higherIsBetter, ratio) in Quantities)
        {
            var text = string.Create(
                CultureInfo.InvariantCulture, $"{ratio.Value:0.000} times the earlier, 95% interval {ratio.Low95:0.000} to {ratio.High95:0.000}");
            if (higherIsBetter && ratio.High95 < 1 / (1 + tolerance))
            {
                yield return string.Create(CultureInfo.InvariantCulture, $"{name}: {text}, all of it below {1 / (1 + tolerance):0.000}");
            }
            else if (!higherIsBetter && ratio.Low95 > 1 + tolerance)
            {
                yield return string.Create(CultureInfo.InvariantCulture, $"{name}: {text}, all of it above {1 + tolerance:0.000}");
            }
        }
    }

    private static IEnumerable<string> Differences(TrainBenchmarkResult now, TrainBenchmarkResult earlier)
    {
        if (now.Protocol != earlier.Protocol)
        {
            yield return $"protocol {Name(now.Protocol)} here, {Name(earlier.Protocol)} there";
        }
        var (a, b) = (Fields(now.Recipe), Fields(earlier.Recipe));
        foreach (var key in a.Select(field => field.Key).Union(b.Select(field => field.Key)))
        {
            var (here, there) = (a[key], b[key]);
            if (!JsonNode.DeepEquals(here, there))
            {
                yield return $"recipe.{key} {Text(here)} here, {Text(there)} there";
            }
        }
        if (now.DatasetSha256 != earlier.DatasetSha256)
        {
            yield return $"data set {now.DatasetName} ({Short(now.DatasetSha256)}) here, {earlier.DatasetName} ({Short(earlier.DatasetSha256)}) there";
        }

        static string Name(TimingProtocol protocol) => protocol == TimingProtocol.Wall ? "wall" : "airbench";
        static string Text(JsonNode? node) => node?.ToJsonString() ?? "absent";
    }

    /// <summary>The hyperparameters; description and target change nothing that is measured.</summary>
    private static JsonObject Fields(Recipe recipe)
    {
        var fields = JsonNode.Parse(Json.Write(recipe))!.AsObject();
        fields.Remove("description");
        fields.Remove("target_accuracy");
        return fields;
    }

    /// <summary>
    /// Another export of the same recipe is what a user may want to compare; another image size or network is not.
    /// </summary>
    private static IEnumerable<string> Differences(ModelBenchmarkResult now, ModelBenchmarkResult earlier)
    {
        if (now.Recipe != earlier.Recipe)
        {
            yield return $"a model of recipe {now.Recipe} here, of {earlier.Recipe} there";
        }
        if (now.ImageSize != earlier.ImageSize)
        {
            yield return FormattableString.Invariant($"{now.ImageSize}-pixel images here, {earlier.ImageSize} there");
        }
    }

    private static IEnumerable<ComparedQuantity> Compare(LatencyRow now, ModelBenchmarkResult before)
    {
        if (before.Rows.FirstOrDefault(row => row.Key == now.Key) is not { } earlier)
        {
            yield break;   // a warning says so
        }
        yield return new($"median latency, {now.Key}", HigherIsBetter: false, Estimate.Ratio(Medians(now), Medians(earlier)));
        yield return new($"throughput, {now.Key}", HigherIsBetter: true, Estimate.Ratio(Rates(now), Rates(earlier)));

        static List<double> Medians(LatencyRow row) => [.. row.RoundsMs.Select(round => Summary.Percentile([.. round.Order()], 0.5))];
        static List<double> Rates(LatencyRow row) => [.. row.RoundsMs.Select(round => row.BatchSize * 1000 / round.Average())];
    }

    private static IEnumerable<string> OtherDifferences(BenchmarkReport now, BenchmarkReport earlier)
    {
        var machine = string.Join(", ", now.Machine.DifferencesFrom(earlier.Machine));
        if (machine.Length > 0)
        {
            yield return $"another machine, so the ratios are of the machines too: {machine}";
        }
        if (now.Threads != earlier.Threads)
        {
            yield return FormattableString.Invariant($"{now.Threads} threads, {earlier.Threads} then");
        }
        foreach (var (name, version) in now.Versions)
        {
            if (name != Product.Name && earlier.Versions.GetValueOrDefault(name) is { } then && then != version)
            {
                yield return $"{name} {version}, {then} then";
            }
        }
        if ((now.Train, earlier.Train) is ({ } a, { } b))
        {
            if (a.Precision != b.Precision || a.Device != b.Device)
            {
                yield return $"{a.Precision} on {a.Device}, {b.Precision} on {b.Device} then";
            }

            if (a.Runs.Count < 2 || b.Runs.Count < 2)
            {
                yield return "a single run has no interval: no slowdown can be told from noise";
            }
        }
        if ((now.Model, earlier.Model) is ({ } model, { } then2))
        {
            if (model.ModelSha256 != then2.ModelSha256)
            {
                yield return $"another model file: {model.Variant} {Short(model.ModelSha256)}, {then2.Variant} {Short(then2.ModelSha256)} then";
            }

            foreach (var row in model.Rows.Where(row => then2.Rows.All(other => other.Key != row.Key)))
            {
                yield return $"nothing to compare {row.Key} with";
            }
        }
    }

    private static string Short(string hash) => hash.Length > 12 ? hash[..12] : hash;
}

/// <summary>One quantity of two benchmarks.</summary>
/// <param name="Name">"seconds a run", "median latency, batch 16 on CPUExecutionProvider".</param>
/// <param name="HigherIsBetter">Throughput, not time.</param>
/// <param name="Ratio">New / old, with its 95% interval.</param>
public sealed record ComparedQuantity(string Name, bool HigherIsBetter, Estimate Ratio);
