using Airbench.Pipeline;
using CsCheck;

namespace Airbench.Tests;

/// <summary>The files in which results are remembered.</summary>
public sealed class RecordTests : IDisposable
{
    private static readonly Gen<string> AnyText = Gen.OneOf(
        Gen.String, Gen.String[Gen.Char["ab:#'\"\\-?[]{},&*!|>%@` \n\t~0"], 0, 8], Gen.OneOf("null", "~", "true", "1e3", "0x1F", "", " ", "...", "---", "a: b", "- a", "é\u2028"));

    private static readonly Gen<Fact> AnyFact = Gen.Select(Gen.OneOf(Facts.Sections.ToArray()), AnyText.Where(IsKept), AnyText.Where(IsKept),
        (section, name, value) => new Fact(section, name, value));

    private readonly TemporaryFolder _root = new();

    public void Dispose() => _root.Dispose();

    [Theory]
    [InlineData("work_seconds: 1.5", "work_seconds: -1", "work_seconds: found '-1'; expected a number from 0 to ")]
    [InlineData("work_seconds: 1.5", "work_seconds: NaN", "work_seconds: found 'NaN'; expected a number from 0 to ")]
    [InlineData("items: 7", "items: 1e300", "items: found '1e300'; expected a number from 0 to 9007199254740992")]
    [InlineData("accuracy_tta: 0.5", "accuracy_tta: 94", "accuracy_tta: found '94'; expected a number from 0 to 1")]
    [InlineData("weights: 12", "\"a\\0b\": 12", "found the output 'a\\u0000b'; expected a path inside of the artifact")]
    [InlineData("weights: 12", "../weights: 12", "found the output '../weights'; expected a path inside of the artifact")]
    public void A_record_that_cannot_be_is_not_used_and_says_why(string old, string replacement, string why)
    {
        var text = Small();
        Assert.Contains(old, text, StringComparison.Ordinal);
        Assert.Empty(RecordFile.Read(Write(text.Replace(old, replacement, StringComparison.Ordinal)), out var problem));
        Assert.Contains(why, problem, StringComparison.Ordinal);
    }

    [Fact]
    public void Any_damage_to_a_record_is_a_reason_and_no_crash()
    {
        var text = System.Text.Encoding.UTF8.GetBytes(Small());
        Gen.Select(Gen.Int[0, text.Length - 1], Gen.Int[0, 30], Gen.Byte.Array[0, 3]).ForEachCase(
            (place, gone, put) =>
            {
                byte[] damaged = [.. text[..place], .. put, .. text[Math.Min(text.Length, place + gone)..]];
                File.WriteAllBytes(Write(""), damaged);
                _ = RecordFile.Read(_root.File("x.lock.yaml"), out _);
            },
            cases: 300);
    }

    private static string Small() => new ResultRecord
    {
        From = new Facts([new Fact(Facts.Settings, "epochs", "8")]),
        Outputs = new Dictionary<string, string> { ["weights"] = "12" },
        Summary = "done",
        Items = 7,
        WorkSeconds = 1.5,
        AccuracyTta = 0.5,
    }.Write("one");

    private string Write(string text)
    {
        File.WriteAllText(_root.File("x.lock.yaml"), text);
        return _root.File("x.lock.yaml");
    }

    [Fact]
    public void Whatever_the_texts_records_are_read_as_they_were_written() => Gen.Select(AnyFact.Array[1, 8], AnyText.Where(IsKept)).Sample((facts, summary) =>
    {
        var record = new ResultRecord
        {
            From = new Facts(facts),
            Outputs = new Dictionary<string, string> { ["a b/c.txt"] = "12" },
            Summary = summary,
            Items = 1L << 40,
            WorkSeconds = 0.1 + 0.2,
            AccuracyTta = 1e-9,
        };
        var file = _root.File("x.lock.yaml");
        RecordFile.Write(file, "comment", [("one", record), ("two", record)]);

        var read = RecordFile.Read(file, out var problem);

        Assert.Null(problem);
        Assert.Equal(["one", "two"], read.Keys);
        Assert.Equal(record.Write("x"), read["two"].Write("x"));
        Assert.Equal(record.From.All, read["two"].From.All);
        Assert.Equal((record.Summary, record.Items, record.WorkSeconds, record.AccuracyTta), (read["one"].Summary, read["one"].Items, read["one"].WorkSeconds, read["one"].AccuracyTta));
    }, iter: 2000, threads: 1);

    [Fact]
    public void Different_facts_have_different_keys() => Gen.Select(AnyFact.Array[0, 3], AnyFact.Array[0, 3]).Sample((a, b) =>
    {
        var (first, second) = (new Facts(a), new Facts(b));
        Assert.Equal(first.All.SequenceEqual(second.All), first.Key == second.Key);
        Assert.Equal(first.Key == second.Key, first.DifferencesFrom(second).Length == 0);
    }, iter: 2000);

    [Fact]
    public void A_hash_is_kept_for_a_file_at_rest_alone_and_forgotten_when_anything_about_it_changes()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "other systems do not tell when a file's attributes were changed");
        var file = _root.File("big.bin");
        File.WriteAllText(file, "one");
        var cautious = new HashIndex(_root.Path, HashIndex.CoarsestTick, IProgress.Silent, CancellationToken.None);
        Assert.Equal((Hash.OfText("one"), Hash.OfText("one"), 6), (cautious.Of(file), cautious.Of(file), cautious.BytesRead));   // written just now: read twice

        // A clock with no tick at all: what is older than now is at rest.
        Thread.Sleep(20);
        Index().Save();
        var index = Index();
        Assert.Equal((Hash.OfText("one"), 0), (index.Of(file), index.BytesRead));

        var time = File.GetLastWriteTimeUtc(file);
        File.WriteAllText(file, "two");   // as long as before,
        File.SetLastWriteTimeUtc(file, time);   // and with its time set back
        Assert.Equal(Hash.OfText("two"), Index().Of(file));
        File.Delete(file);
        Assert.Null(Index().Of(file));

        HashIndex Index()
        {
            var index = new HashIndex(_root.Path, TimeSpan.Zero, IProgress.Silent, CancellationToken.None);
            if (File.Exists(file) && File.ReadAllText(file) == "one" && !File.Exists(_root.File(".airbench", HashIndex.Name)))
            {
                index.Of(file);
            }

            return index;
        }
    }

    [Fact]
    public void The_cache_gives_up_what_was_not_used_for_longest()
    {
        var cache = new ResultCache(_root.Path, limit: 3500);
        var records = Enumerable.Range(0, 4).Select(i => Store(cache, $"{i}", new string('x', 500))).ToList();   // a record has some hundred bytes itself
        var used = new DateTime(2026, 1, 1, 0, 0, 0, DateTimeKind.Utc);
        foreach (var i in (int[])[2, 0, 3, 1])
        {
            File.SetLastWriteTimeUtc(_root.File(".airbench", "cache", ResultCache.NameOf(records[i].From), "record.yaml"), used = used.AddMinutes(1));
        }

        var bytes = cache.Entries()[0].Bytes;

        var removed = new ResultCache(_root.Path, limit: 2 * bytes).Prune(new HashSet<string> { ResultCache.NameOf(records[0].From) });

        Assert.Equal([records[2].Key, records[3].Key], removed.Select(entry => entry.Name.Split('-')[1]));
        Assert.Equal([records[1].Key, records[0].Key], cache.Entries().Select(entry => entry.Name.Split('-')[1]));
        Assert.Null(cache.Find(records[2].From, Index()));
        Assert.NotNull(cache.Find(records[0].From, Index()));
        Assert.False(new ResultCache(_root.Path, limit: 100).Restore(records[3], _root.File("gone"), mayLink: true));
        Assert.False(Directory.Exists(_root.File("gone")));
    }

    [Fact]
    public void A_result_larger_than_the_limit_is_not_kept()
    {
        var cache = new ResultCache(_root.Path, limit: 10);
        var record = Store(cache, "large", "more than ten bytes");

        Assert.Null(cache.Find(record.From, Index()));
        Assert.Empty(cache.Entries());
    }

    [Fact]
    public void A_big_file_that_was_written_into_in_place_is_not_taken_from_the_cache()
    {
        var cache = new ResultCache(_root.Path, limit: 1 << 30);
        var record = Store(cache, "big", new string('x', 17 << 20));
        Assert.True(cache.Restore(record, _root.File("back"), mayLink: true));
        Assert.Equal(record.Outputs["file.txt"], Hash.OfFile(_root.File("back", "file.txt")));

        using (var file = File.OpenWrite(_root.File("artifact-big", "file.txt")))
        {
            file.WriteByte((byte)'!');   // the same inode as the cache's
        }

        Assert.False(cache.Restore(record, _root.File("elsewhere"), mayLink: true));
        Assert.False(Directory.Exists(_root.File("elsewhere")));
        Assert.Null(cache.Find(record.From, Index()));
        Assert.Empty(cache.Entries());
    }

    [Fact]
    public void A_small_file_that_was_written_into_in_place_comes_back_from_the_cache()
    {
        var cache = new ResultCache(_root.Path, limit: 1 << 20);
        var record = Store(cache, "small", "content");
        File.WriteAllText(_root.File("artifact-small", "file.txt"), "CONTENT");

        Assert.True(cache.Restore(cache.Find(record.From, Index())!, _root.File("artifact-small"), mayLink: true));

        Assert.Equal("content", File.ReadAllText(_root.File("artifact-small", "file.txt")));
    }

    // YamlDotNet refuses control characters, as Quote does for names and options before they get here.
    private static bool IsKept(string text) => !text.Any(c => char.IsSurrogate(c) || c == '\0');

    private HashIndex Index() => new(_root.Path, HashIndex.CoarsestTick, IProgress.Silent, CancellationToken.None);

    private ResultRecord Store(ResultCache cache, string name, string content)
    {
        var folder = _root.File($"artifact-{name}");
        Directory.CreateDirectory(folder);
        File.WriteAllText(Path.Combine(folder, "file.txt"), content);
        var record = new ResultRecord
        {
            From = new Facts([new Fact(Facts.Settings, "name", name)]),
            Outputs = ArtifactFiles.Hashes(folder, Index()),
            Summary = "x",
        };
        cache.Store(record, folder);
        return record;
    }
}
