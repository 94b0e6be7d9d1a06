using System.Formats.Tar;
using System.IO.Compression;
using System.Text.RegularExpressions;
using Airbench.Data;
using Airbench.Onnx;

namespace Airbench.Tests;

public sealed partial class EvaluationAtScaleTests : IDisposable
{
    private readonly ColourModels _models = new();

    public void Dispose() => _models.Dispose();

    [Fact]
    public void Folders_archives_and_manifests_of_the_same_images_give_the_same_rows()
    {
        var model = _models.Write("model.onnx");
        var folder = _models.Images("images", 11, broken: [7], wrong: [4]);
        ZipFile.CreateFromDirectory(folder, _models.File("images.zip"));
        TarFile.CreateFromDirectory(folder, _models.File("images.tar"), includeBaseDirectory: false);
        using (var gzip = new GZipStream(File.Create(_models.File("images.tar.gz")), CompressionLevel.Fastest))
        {
            gzip.Write(File.ReadAllBytes(_models.File("images.tar")));
        }
        var files = Directory.EnumerateFiles(folder, "*.png", SearchOption.AllDirectories).Order(StringComparer.Ordinal)
            .Select(file => $"images/{Path.GetRelativePath(folder, file)},{Path.GetFileName(Path.GetDirectoryName(file))}");
        File.WriteAllLines(_models.File("images.csv"), ["path,label", .. files]);

        string[] Rows(string data)
        {
            var evaluation = Kept(ColourModels.Options(_models.File(data), model) with { MaxBadFraction = 0.1 }, data + ".out");
            Assert.Equal((10, 1, 9, 11), (evaluation.Metrics.Count, evaluation.Metrics.Broken, evaluation.Metrics.Correct, evaluation.Metrics.SourceCount));
            return [.. File.ReadLines(evaluation.File("predictions.csv")).Skip(1).Select(row => FolderPart().Replace(row[(row.IndexOf(',', StringComparison.Ordinal) + 1)..], "")).Order()];
        }
        var expected = Rows("images");
        Assert.Contains(expected, row => row.StartsWith("green/007.png,green,,,,", StringComparison.Ordinal) && row.Contains("is no image that is read", StringComparison.Ordinal));
        Assert.Equal(expected, Rows("images.zip"));
        Assert.Equal(expected, Rows("images.tar"));
        Assert.Equal(expected, Rows("images.tar.gz"));
        Assert.Equal(expected, Rows("images.csv"));
    }

    [Fact]
    public void A_broken_image_fails_the_stage_unless_allowed_and_its_row_says_why()
    {
        var options = ColourModels.Options(_models.Images("images", 6, broken: [1]), _models.Write("model.onnx"));

        var message = Assert.Throws<GateException>(() => _models.Evaluate(options)).Message;

        Assert.Contains("1 of 6 images is broken", message, StringComparison.Ordinal);
        var metrics = Evaluation.Open(_models.File("evaluation")).Metrics;
        Assert.Equal((5, 1, 1.0), (metrics.Count, metrics.Broken, metrics.Accuracy));
        Assert.Equal(7, File.ReadAllLines(_models.File("evaluation/predictions.csv")).Length);
    }

    [Fact]
    public void Files_that_a_manifest_names_in_vain_are_rows_and_damage_to_the_manifest_is_an_error()
    {
        var model = _models.Write("model.onnx");
        _models.Images("images", 3);
        File.WriteAllText(_models.File("list.csv"), "label,path,note\nred,images/red/000.png,x\nred,images/gone.png,\n");
        var metrics = Kept(ColourModels.Options(_models.File("list.csv"), model) with { MaxBadFraction = 1 }, "out").Metrics;
        Assert.Equal((1, 1), (metrics.Count, metrics.Broken));

        foreach (var (text, expected) in (ReadOnlySpan<(string, string)>)[
            ("a,b\n1,2\n", "has the columns 'a', 'b'; expected path and label"), ("path,label\n,red\n", "row 1 has an empty path"),
            ("path,label\nx.png,\n", "row 1 has an empty label"), ("path,label\n", "holds no image")])
        {
            File.WriteAllText(_models.File("list.csv"), text);
            var e = Assert.ThrowsAny<AirbenchException>(() => _models.Evaluate(ColourModels.Options(_models.File("list.csv"), model)));
            Assert.Contains(expected, e.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Classes_are_matched_by_name_and_a_stranger_is_an_error_with_both_lists()
    {
        var model = _models.Write("model.onnx");
        var images = _models.Images("images", 6);
        Directory.Move(Path.Combine(images, "red"), Path.Combine(images, "crimson"));

        var message = Assert.Throws<DataException>(() => _models.Evaluate(ColourModels.Options(images, model))).Message;
        Assert.Contains("has the classes [blue, crimson, green] (3); the model knows [red, green, blue] (3)", message, StringComparison.Ordinal);

        Directory.Delete(Path.Combine(images, "crimson"), recursive: true);   // some of the classes, in another order, are fine
        Assert.Equal((4, 4), (_models.Evaluate(ColourModels.Options(images, model)).Metrics is var m ? m.Count : 0, m.Correct));
    }

    [Theory]
    [InlineData(2, Tta.None)]
    [InlineData(3, Tta.MirrorTranslate)]
    [InlineData(5, Tta.Adaptive)]
    public void Merged_shards_are_the_unsharded_evaluation_byte_for_byte(int count, Tta tta)
    {
        var options = ColourModels.Options(_models.Images("images", 38, broken: [3, 30], wrong: [5, 20]), _models.Write("model.onnx"), _models.Write("other.onnx", bgr: true)) with
        {
            Tta = tta,
            AdaptiveThreshold = tta == Tta.Adaptive ? 0.9 : ClassifierOptions.DefaultAdaptiveThreshold,
            MaxBadFraction = 1,
        };
        var whole = _models.Evaluate(options, "whole");
        var shards = Enumerable.Range(1, count).Select(i => _models.Evaluate(options with { Shard = $"{i}/{count}" }, $"shard{i}")).ToList();
        Assert.Equal(36, shards.Sum(shard => shard.Metrics.Count));
        Assert.All(shards, shard => Assert.True(shard.Metrics.Count < 36));

        var merged = EvaluationMerger.Merge([.. shards.Select(shard => shard.Folder).Reverse()], _models.File("merged"));

        foreach (var name in (string[])["predictions.csv", "confusion.csv", "models/other/predictions.csv", "models/other/confusion.csv"])
        {
            Assert.Equal(File.ReadAllBytes(whole.File(name)), File.ReadAllBytes(merged.File(name)));
        }
        foreach (var name in (string[])["metrics.json", "models/other/metrics.json"])
        {
            Assert.Equal(WithoutTimes(whole.File(name)), WithoutTimes(merged.File(name)));
        }
        Assert.Equal(
            Directory.GetFiles(whole.Folder, "*", SearchOption.AllDirectories).Select(file => Path.GetRelativePath(whole.Folder, file)).Order(),
            Directory.GetFiles(merged.Folder, "*", SearchOption.AllDirectories).Select(file => Path.GetRelativePath(merged.Folder, file)).Order());
    }

    [Fact]
    public void Shards_that_do_not_make_a_whole_are_refused()
    {
        var options = ColourModels.Options(_models.Images("images", 12), _models.Write("model.onnx"));
        string Shard(string shard, string folder, EvaluateOptions? other = null) => _models.Evaluate((other ?? options) with { Shard = shard }, folder).Folder;
        var (one, two) = (Shard("1/2", "one"), Shard("2/2", "two"));
        string Refusal(params string[] folders) => Assert.ThrowsAny<AirbenchException>(() => EvaluationMerger.Merge(folders, _models.File("merged"))).Message;

        Assert.Contains("1 of 2 shards are missing: 2/2", Refusal(one), StringComparison.Ordinal);
        Assert.Contains("shard 1/2 was given twice", Refusal(one, two, one), StringComparison.Ordinal);
        Assert.Contains("is not a shard but a whole evaluation", Refusal(one, _models.Evaluate(options, "whole").Folder), StringComparison.Ordinal);
        Assert.Contains("expected shards of the same count", Refusal(one, Shard("2/3", "third")), StringComparison.Ordinal);
        Assert.Contains("\"tta\"", Refusal(one, Shard("2/2", "tta", options with { Tta = Tta.Mirror })), StringComparison.Ordinal);
        Assert.Contains("\"model_sha256\"", Refusal(one, Shard("2/2", "model", options with { Model = [_models.Write("model2/model.onnx", bgr: true)] })), StringComparison.Ordinal);
        File.WriteAllBytes(Path.Combine(_models.Images("images", 12), "red", "999.png"), ColourModels.Png("red"));
        Assert.Contains("\"dataset_sha256\"", Refusal(one, Shard("2/2", "data")), StringComparison.Ordinal);
        File.WriteAllLines(Path.Combine(two, "predictions.csv"), File.ReadAllLines(Path.Combine(two, "predictions.csv"))[..^1]);
        Assert.Contains("have no row of image", Refusal(one, two), StringComparison.Ordinal);
        Assert.False(Directory.Exists(_models.File("merged")));
    }

    [Fact]
    public void Memory_does_not_grow_with_the_number_of_images()
    {
        var model = _models.Write("model.onnx");
        var png = ColourModels.Png("red", size: 64);   // decoded to 8 pixels, encoded files far larger than that
        long Allocated(int count)
        {
            using (var zip = ZipFile.Open(_models.File($"{count}.zip"), ZipArchiveMode.Create))
            {
                for (var i = 0; i < count; i++)
                {
                    using var entry = zip.CreateEntry($"red/{i}.png", CompressionLevel.NoCompression).Open();
                    entry.Write(png);
                }
            }
            using var images = LabelledFiles.Open(_models.File($"{count}.zip"), Split.Test, 1 << 30, IProgress.Silent, CancellationToken.None);
            var (peak, seen) = (0L, 0);
            foreach (var batch in new BatchReader(images, ColourModels.Size, Fit.Crop).Read(32, Shard.Whole, CancellationToken.None))
            {
                seen += batch.Images.Count;
                peak = Math.Max(peak, batch.Pixels.Length);
            }
            Assert.Equal(count, seen);
            return peak;
        }
        Assert.Equal(Allocated(40), Allocated(400));
        Assert.True(File.Exists(model));
    }

    [Fact]
    public void Predictions_of_folders_archives_manifests_and_files_come_in_order_with_broken_ones_as_rows()
    {
        var model = _models.Write("model.onnx");
        var folder = _models.Images("images", 5, broken: [2]);
        ZipFile.CreateFromDirectory(folder, _models.File("more.zip"));
        File.WriteAllText(_models.File("list.csv"), "path\nimages/red/000.png\n");
        using var predictor = Predictor.Open(model, null, new PredictOptions { Scale = 1 / 255.0, BatchSize = 3 }, "cpu");
        using var images = UnlabelledFiles.Open(
            [folder, _models.File("more.zip"), _models.File("list.csv"), _models.File("none.png")], 1 << 30, IProgress.Silent, CancellationToken.None);

        var rows = predictor.Predict(images, CancellationToken.None).ToList();

        Assert.Equal(12, rows.Count);
        Assert.Equal(["blue/002.png", "green/001.png", "green/004.png", "red/000.png", "red/003.png"], rows.Take(5).Select(row => Path.GetRelativePath(folder, row.Path)));
        Assert.Equal([null, "green", "green", "red", "red"], rows.Take(5).Select(row => row.Best?.Label));
        Assert.StartsWith(_models.File("more.zip") + "/", rows[5].Path, StringComparison.Ordinal);
        Assert.Equal(("images/red/000.png", "red"), (rows[10].Path, rows[10].Best!.Label));
        Assert.Contains("cannot be read", rows[11].Error, StringComparison.Ordinal);
        Assert.Equal(3, rows.Count(row => row.Error is not null));
        Assert.All(rows.Where(row => row.Error is null), row => Assert.Equal(1, row.Probabilities!.Sum(), 1e-9));
    }

    [Theory]
    [InlineData("1/1", 1, 1)]
    [InlineData("3/8", 3, 8)]
    public void A_shard_is_read_from_its_text(string text, int index, int count) => Assert.Equal(new Shard(index, count), Shard.Parse(text));

    [Theory]
    [InlineData("")]
    [InlineData("0/2")]
    [InlineData("3/2")]
    [InlineData("1/0")]
    [InlineData("-1/2")]
    [InlineData("1/2/3")]
    [InlineData("1")]
    [InlineData("1/99999999")]
    public void What_is_no_shard_is_refused(string text) =>
        Assert.Contains(EvaluateOptions.Check(new EvaluateOptions { Shard = text }), problem => problem.StartsWith($"shard: '{text}'; expected i/n", StringComparison.Ordinal));

    private Evaluation Kept(EvaluateOptions options, string folder) => _models.Evaluate(options, folder);

    private static string WithoutTimes(string path) => Times().Replace(File.ReadAllText(path), "$1: 0");

    [GeneratedRegex("""("(?:images_per_second|wall_seconds|session_seconds)"): [-+.0-9Ee]+""")]
    private static partial Regex Times();

    [GeneratedRegex("^images/")]
    private static partial Regex FolderPart();
}
