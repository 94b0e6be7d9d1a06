using Airbench.Data;

namespace Airbench.Onnx;

/// <summary>
/// Makes one evaluation of the shards of one: the same files that it would have had without shards, but for the times, which are summed.
/// </summary>
public static class EvaluationMerger
{
    /// <summary>Merges the evaluations in <paramref name="shards"/>, given in any order.</summary>
    /// <param name="shards">Folders of all shards of one evaluation.</param>
    /// <param name="folder">Where the whole goes, whole or not at all.</param>
    /// <exception cref="ConfigurationException">Shards are missing or given twice, or are of different models, images or settings.</exception>
    /// <exception cref="InvalidFileException">A file is missing or damaged.</exception>
    public static Evaluation Merge(IReadOnlyList<string> shards, string folder)
    {
        var heads = shards.Select(Evaluation.Open).ToList();
        RequireComplete(heads);
        heads = [.. heads.OrderBy(head => Shard.Parse(head.Metrics.Shard!)!.Value.Index)];
        var models = heads[0].Metrics.Comparison?.Select(row => (row.Name, row.Folder)).ToList() ?? [(heads[0].Metrics.Model, ".")];

        using var build = AtomicFolder.Create(folder);
        var done = new List<(string Name, string Folder, EvaluationMetrics Metrics)>();
        var tallies = new List<Tally>();
        foreach (var (name, place) in models)
        {
            var parts = heads.ConvertAll(head => Part.Open(head.File(place)));
            RequireSame(parts);
            var target = Directory.CreateDirectory(build.File(place)).FullName;
            Csv.Write(Path.Combine(target, EvaluationFiles.PredictionsName), EvaluationFiles.PredictionColumns, Rows(parts));
            var (metrics, tally) = Sum(parts);
            done.Add((name, place, metrics));
            tallies.Add(tally);
        }
        if (done.Count > 1)
        {
            done[0] = done[0] with { Metrics = done[0].Metrics with { Comparison = ModelComparer.Compare(done, build.Path) } };
        }
        for (var i = done.Count - 1; i >= 0; i--)
        {
            EvaluationFiles.Write(build.File(done[i].Folder), done[i].Metrics, tallies[i]);
        }
        return new Evaluation(build.Commit(), done[0].Metrics);
    }

    private static void RequireComplete(List<Evaluation> heads)
    {
        if (heads.Count == 0)
        {
            throw new ConfigurationException("merge: no shards were given");
        }
        var numbers = heads.ConvertAll(head => (head.Folder, Shard: head.Metrics.Shard is { } text ? Shard.Parse(text) : null));
        if (numbers.Find(entry => entry.Shard is null) is { Folder: { } whole })
        {
            throw new ConfigurationException($"merge: {whole} is not a shard but a whole evaluation; expected folders made with --shard i/n");
        }
        var count = numbers[0].Shard!.Value.Count;
        if (numbers.Find(entry => entry.Shard!.Value.Count != count) is { Folder: { } other } odd)
        {
            throw new ConfigurationException($"merge: {other} is shard {odd.Shard}, and {numbers[0].Folder} is shard {numbers[0].Shard}; expected shards of the same count");
        }
        if (numbers.GroupBy(entry => entry.Shard!.Value.Index).FirstOrDefault(group => group.Count() > 1) is { } twice)
        {
            throw new ConfigurationException($"merge: shard {twice.Key}/{count} was given twice: {string.Join(", ", twice.Select(entry => entry.Folder))}");
        }
        var missing = Enumerable.Range(1, count).Except(numbers.Select(entry => entry.Shard!.Value.Index)).ToList();
        if (missing.Count > 0)
        {
            throw new ConfigurationException($"merge: {missing.Count} of {count} shards are missing: {string.Join(", ", missing.Take(20).Select(i => $"{i}/{count}"))}");
        }
    }

    /// <summary>Whatever is not counted or timed must be the same.</summary>
    private static void RequireSame(List<Part> parts)
    {
        var expected = Json.Write(Identity(parts[0].Metrics));
        foreach (var part in parts.Skip(1))
        {
            var found = Json.Write(Identity(part.Metrics));
            if (found == expected)
            {
                continue;
            }
            var (mine, theirs) = expected.Split('\n').Zip(found.Split('\n')).First(pair => pair.First != pair.Second);
            throw new ConfigurationException(
                $"merge: {part.Folder} is not of the same evaluation as {parts[0].Folder}: found {theirs.Trim(' ', ',')}; expected {mine.Trim(' ', ',')}");
        }
    }

    /// <summary>The metrics of a shard as if nothing had been counted or timed yet.</summary>
    private static EvaluationMetrics Identity(EvaluationMetrics metrics) => Tally.Of(metrics.Classes.Count).Complete(
        metrics with { Shard = null, ImagesPerSecond = 0, WallSeconds = 0, SessionSeconds = 0, Comparison = null },
        [.. metrics.Classes.Select(c => c.Name)]);

    private static (EvaluationMetrics Metrics, Tally Tally) Sum(List<Part> parts)
    {
        var classes = parts[0].Metrics.Classes.Select(c => c.Name).ToList();
        var tally = Tally.Of(classes.Count);
        parts.ForEach(part => tally.Add(part.Tally));
        var seconds = parts.Sum(part => part.Metrics.ImagesPerSecond > 0 ? part.Metrics.Count / part.Metrics.ImagesPerSecond : 0);
        var metrics = Identity(parts[0].Metrics) with
        {
            ImagesPerSecond = seconds > 0 ? tally.Count / seconds : 0,
            WallSeconds = parts.Sum(part => part.Metrics.WallSeconds),
            SessionSeconds = parts.Sum(part => part.Metrics.SessionSeconds),
        };
        return (tally.Complete(metrics, classes), tally);
    }

    /// <summary>All rows by index: each shard has its own in that order, and together they have every index once.</summary>
    private static IEnumerable<IReadOnlyList<object?>> Rows(List<Part> parts)
    {
        var readers = parts.ConvertAll(part => EvaluationFiles.Read(part.Predictions).GetEnumerator());
        try
        {
            var left = new PriorityQueue<int, long>();
            for (var i = 0; i < parts.Count; i++)
            {
                Advance(i);
            }
            for (var index = 0L; index < parts[0].Metrics.SourceCount; index++)
            {
                if (!left.TryDequeue(out var i, out var found) || found != index)
                {
                    throw new InvalidFileException(parts[0].Predictions, $"and the other shards have no row of image {index}, or two; evaluate the shards again");
                }
                yield return readers[i].Current;
                Advance(i);
            }
            if (left.Count > 0)
            {
                throw new InvalidFileException(parts[left.Peek()].Predictions, $"has more rows than the {parts[0].Metrics.SourceCount} images of the source");
            }

            void Advance(int i)
            {
                if (readers[i].MoveNext())
                {
                    left.Enqueue(i, long.TryParse(readers[i].Current[0], out var index)
                        ? index
                        : throw new InvalidFileException(parts[i].Predictions, $"has the index '{readers[i].Current[0]}'; expected a number"));
                }
            }
        }
        finally
        {
            readers.ForEach(reader => reader.Dispose());
        }
    }

    /// <summary>One model of one shard.</summary>
    private sealed record Part(string Folder, EvaluationMetrics Metrics, Tally Tally)
    {
        public string Predictions => Path.Combine(Folder, EvaluationFiles.PredictionsName);

        public static Part Open(string folder)
        {
            var metrics = Evaluation.Open(folder).Metrics;
            var path = Path.Combine(folder, Tally.FileName);
            var tally = Json.Read<Tally>(path);
            return tally.Confusion.Length == metrics.Classes.Count && Array.TrueForAll(tally.Confusion, row => row.Length == metrics.Classes.Count)
                && tally.CalibrationGaps.Length == Airbench.Metrics.CalibrationBins && tally.Count == metrics.Count
                ? new Part(folder, metrics, tally)
                : throw new InvalidFileException(path, $"does not fit the {Evaluation.ManifestName} beside it; evaluate the shard again");
        }
    }
}
