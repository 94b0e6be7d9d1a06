using System.Diagnostics;
using System.Globalization;

namespace Airbench.Onnx;

/// <summary>The <c>benchmark_model</c> stage: how fast ONNX Runtime answers, by provider and batch size.</summary>
public static class ModelBenchmark
{
    /// <summary>Times calls of a bundle's model on random pixels, one caller and one call at a time.</summary>
    /// <param name="bundle">The exported model.</param>
    /// <param name="options">Variant, batch sizes, devices, how long.</param>
    /// <param name="deviceName">auto, cpu, cuda or cuda:N, where the options name no devices.</param>
    /// <param name="seed">Seed of the pixels.</param>
    /// <param name="earlier">A report to compare with and its path; what cannot be compared is refused before the first call.</param>
    /// <param name="folder">Where <c>benchmark.json</c> and <c>benchmark.csv</c> go, whole or not at all.</param>
    /// <param name="progress">The table, when it is there.</param>
    /// <param name="cancel">Answered within a call.</param>
    /// <exception cref="ConfigurationException">The bundle has no such variant, or the earlier report is of something else.</exception>
    /// <exception cref="InvalidFileException">A file is damaged or was changed since the export.</exception>
    /// <exception cref="DeviceException">A device was asked for and is not there.</exception>
    /// <exception cref="GateException">A slowdown beyond <see cref="ModelBenchmarkOptions.Tolerance"/>; the benchmark is written all the same.</exception>
    public static Benchmark Run(
        OnnxBundle bundle, ModelBenchmarkOptions options, string deviceName, int seed, (BenchmarkReport Report, string Path)? earlier,
        string folder, IProgress progress, CancellationToken cancel)
    {
        var started = DateTimeOffset.UtcNow;
        var sessions = new List<OnnxClassifier>();
        try
        {
            foreach (var device in options.Devices.Count > 0 ? options.Devices : [deviceName])
            {
                sessions.Add(BundleModel.Open(bundle, options.Model, device, options.Threads));
                progress.Info(sessions[^1].Device.Note);
            }
            if (sessions.DistinctBy(session => session.Device.Name).Count() < sessions.Count)
            {
                throw new ConfigurationException($"devices: [{string.Join(", ", options.Devices)}] name the same device twice here");
            }
            var report = new BenchmarkReport
            {
                ProductVersion = Product.Version,
                StartedUtc = started.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture),
                Machine = BenchmarkMachine.Current(),
                Threads = options.Threads,
                Versions = new Dictionary<string, string>
                {
                    [Product.Name] = Product.Version,
                    ["ONNX Runtime"] = OnnxRuntime.Start().GetVersionString(),
                    ["dotnet"] = Environment.Version.ToString(),
                },
                Model = new ModelBenchmarkResult
                {
                    Variant = options.Model,
                    ModelSha256 = bundle.Manifest.Variants[options.Model].Sha256,
                    BundleName = bundle.Manifest.Name,
                    WeightsSha256 = bundle.Manifest.WeightsSha256,
                    Recipe = bundle.Manifest.Recipe,
                    ImageSize = bundle.Manifest.ImageSize,
                    Pixels = FormattableString.Invariant($"uniform random bytes, seed {seed}"),
                    WarmUpCalls = options.WarmUpCalls,
                },
            };
            if (earlier is { } other)
            {
                BenchmarkComparison.RequireComparable(report, other.Report, other.Path);
            }
            var rows = Measure(sessions, options, seed, progress, cancel);
            return BenchmarkReporter.Finish(report with { Model = report.Model with { Rows = rows } }, earlier, options.Tolerance, folder, progress);
        }
        finally
        {
            sessions.ForEach(session => session.Dispose());
        }
    }

    private static List<LatencyRow> Measure(
        IReadOnlyList<OnnxClassifier> sessions, ModelBenchmarkOptions options, int seed, IProgress progress, CancellationToken cancel)
    {
        var callers = sessions.SelectMany(session => options.BatchSizes.Select(size => new Caller(session, size, seed))).ToList();
        using (var task = progress.Start("warm-up", (long)callers.Count * options.WarmUpCalls, "calls"))
        {
            var done = 0L;
            foreach (var caller in callers)
            {
                for (var call = 0; call < options.WarmUpCalls; call++)
                {
                    cancel.ThrowIfCancellationRequested();
                    caller.Call();
                    task.Report(++done);
                }
            }
        }
        using (var task = progress.Start("benchmark", (long)callers.Count * options.Rounds, "rounds"))
        {
            var done = 0L;
            var (calls, seconds) = ((int)Math.Ceiling((double)options.MinCalls / options.Rounds), options.MinSeconds / options.Rounds);
            for (var round = 0; round < options.Rounds; round++)
            {
                foreach (var caller in callers)
                {
                    caller.Round(calls, seconds, cancel);
                    task.Report(++done);
                }
            }
        }
        return callers.ConvertAll(caller => caller.Row);
    }

    /// <summary>One batch size on one session.</summary>
    private sealed class Caller
    {
        private readonly OnnxClassifier _session;
        private readonly int _batchSize;
        private readonly byte[] _images;
        private readonly float[] _logits;
        private readonly List<IReadOnlyList<double>> _rounds = [];

        public Caller(OnnxClassifier session, int batchSize, int seed)
        {
            (_session, _batchSize) = (session, batchSize);
            _images = new byte[batchSize * 3 * session.ImageSize * session.ImageSize];
            _logits = new float[batchSize * session.ClassCount];
            new Random(seed).NextBytes(_images);
        }

        public LatencyRow Row => LatencyRow.Of(_session.Device.Name, _session.Device.Provider, _batchSize, _rounds);

        public void Call() => _session.Run(_images, _batchSize, _logits);

        /// <summary>
        /// Times calls until there are enough of them and they took long enough. The first call is not timed: on CUDA another batch size
        /// than the last one makes cuDNN plan every convolution anew.
        /// </summary>
        public void Round(int calls, double seconds, CancellationToken cancel)
        {
            Call();
            var round = new List<double>(calls);
            for (var total = 0.0; round.Count < calls || total < seconds;)
            {
                cancel.ThrowIfCancellationRequested();
                var start = Stopwatch.GetTimestamp();
                Call();   // returns when the logits are in our memory, on CUDA too
                var took = Stopwatch.GetElapsedTime(start).TotalSeconds;
                total += took;
                round.Add(Math.Round(took * 1000, 4));   // 0.1 microseconds, finer than the clock
            }
            _rounds.Add(round);
        }
    }
}
