using System.Globalization;
using System.Xml.Linq;
using Airbench.Data;
using Airbench.Report;
using CsCheck;

namespace Airbench.Tests;

/// <summary>report.html: one well-formed file whose numbers are those of the run, whatever the run was like.</summary>
public sealed class RunPageTests
{
    [Fact]
    public void A_whole_run_is_one_well_formed_file_that_loads_nothing()
    {
        using var run = new RunFolder().Prepare().Train(runs: 3).Export().Evaluate().End();
        var page = Parse(RunPage.Render(run.Folder, new ImagePicker()));
        string[] sections = ["time", "accuracy", "evaluation-1", "data", "training", "model", "use", "environment", "reproduce"];
        Assert.Equal(sections, page.Descendants("section").Select(section => (string)section.Attribute("id")!));
        Assert.Empty(page.Descendants("script"));
        Assert.Empty(page.Descendants("link"));
        Assert.All(page.Descendants("img"), image => Assert.StartsWith("data:image/png;base64,", (string)image.Attribute("src")!, StringComparison.Ordinal));
        var ids = page.Descendants().Attributes("id").Select(id => id.Value).ToList();
        Assert.Equal(ids.Distinct(), ids);
        Assert.All(page.Descendants().Attributes("href"), link => Assert.Contains(link.Value[1..], ids));
        Assert.DoesNotContain("url(", page.Descendants("style").Single().Value, StringComparison.Ordinal);
        Assert.DoesNotContain("@import", page.Descendants("style").Single().Value, StringComparison.Ordinal);
    }

    [Fact]
    public void The_numbers_are_those_of_the_files()
    {
        using var run = new RunFolder().Prepare().Train().Export().Evaluate().End();
        var metrics = Evaluation.Open(run["evaluate"]).Metrics;
        var page = Parse(RunPage.Render(run.Folder, new ImagePicker()));
        var row = Cells(Section(page, "accuracy").Descendants("table").First()).Single();
        Assert.Equal("300", row[3]);
        Assert.Equal(Percent(metrics.AccuracyPlain), row[4]);
        Assert.Equal(Percent(metrics.Accuracy), row[6]);
        Assert.Equal($"{Percent(metrics.AccuracyInterval95[0])} to {Percent(metrics.AccuracyInterval95[1])}", row[7]);
        Assert.Equal(["0.3000", "1.23%", "456.7"], row[8..]);
        var classes = Cells(Section(page, "evaluation-1").Descendants("table").Single(table => table.Descendants("th").Any(head => head.Value == "recall")));
        Assert.Equal(
            metrics.Classes.Select(one => $"{one.Name} 100 {one.Support} {Percent(one.Recall!.Value)} {Percent(one.Precision!.Value)} {Percent(one.F1!.Value)}"),
            classes.Select(cells => string.Join(' ', [.. cells[..4], cells[5], cells[7]])));
        var counts = Csv.Read(run["evaluate", "confusion.csv"]).Skip(1).Select(row => row[1..].Select(int.Parse).ToArray()).ToArray();
        for (var k = 0; k < classes.Count; k++)
        {
            Assert.Equal(Ends(counts[k][k], counts[k].Sum()), classes[k][4]);                           // of the recall
            Assert.Equal(Ends(counts[k][k], counts.Sum(row => row[k])), classes[k][6]);                 // of the precision
        }
        Assert.Equal(["prepare", "train", "export", "evaluate"], Cells(Section(page, "time").Descendants("table").Single()).Select(cells => cells[0]));
        Assert.Equal(["1.50", "61.00", "2.25", "6.50"], Cells(Section(page, "time").Descendants("table").Single()).Select(cells => cells[4]));
        Assert.Contains("7,891,845", Section(page, "model").Value, StringComparison.Ordinal);
        Assert.Contains("int8 passed: at most 1 points less (found 0.33).", Section(page, "model").Value, StringComparison.Ordinal);
        Assert.Contains(metrics.DatasetSha256, Section(page, "reproduce").Value, StringComparison.Ordinal);
        Assert.Contains("airbench run pipeline.yaml --set seed=1", Section(page, "reproduce").Value, StringComparison.Ordinal);
    }

    [Fact]
    public void The_matrix_has_the_counts_of_confusion_csv()
    {
        using var run = new RunFolder().Prepare().Evaluate(0.6).End();
        var counts = Csv.Read(run["evaluate", "confusion.csv"]).Skip(1).SelectMany(row => row[1..]).Where(count => count != "0");
        var shown = Parse(RunPage.Render(run.Folder, new ImagePicker())).Descendants("text").Where(text => ((string)text.Attribute("class")!).StartsWith("count", StringComparison.Ordinal));
        Assert.Equal(counts, shown.Select(text => text.Value));
    }

    [Fact]
    public void The_pictures_are_the_images_that_were_wrong_with_the_most_confidence()
    {
        using var run = new RunFolder().Prepare().Evaluate(0.5).End();
        var worst = Csv.Read(run["evaluate", "predictions.csv"]).Skip(1).Where(row => row[5] == "false")
            .OrderByDescending(row => double.Parse(row[4], CultureInfo.InvariantCulture)).Take(20).ToList();
        var items = Parse(RunPage.Render(run.Folder, new ImagePicker())).Descendants("ul").First(list => (string?)list.Attribute("class") == "pictures").Elements("li").ToList();
        Assert.Equal(worst.Select(row => row[1]), items.Select(item => item.Elements("span").Single().Value));
        using var split = Dataset.Open(run.Dataset).OpenSplit(Split.Test);
        using var decoder = new ImageDecoder();
        foreach (var (row, item) in worst.Zip(items))
        {
            var pixels = new byte[3 * 8 * 8];
            decoder.Decode(Convert.FromBase64String(((string)item.Element("img")!.Attribute("src")!).Split(',')[1]), 8, pixels);
            Assert.Equal(split.Images(int.Parse(row[0], CultureInfo.InvariantCulture), 1).ToArray(), pixels);
        }
    }

    [Fact]
    public void The_correct_answers_shown_are_the_most_confident_of_each_class_and_the_least_confident_of_all()
    {
        using var run = new RunFolder().Prepare().Evaluate(0.7).End();
        var right = Csv.Read(run["evaluate", "predictions.csv"]).Skip(1).Where(row => row[5] == "true")
            .Select(row => (Path: row[1], Label: row[2], Confidence: double.Parse(row[4], CultureInfo.InvariantCulture))).ToList();
        var lists = Parse(RunPage.Render(run.Folder, new ImagePicker())).Descendants("ul").Where(list => (string?)list.Attribute("class") == "pictures").ToList();
        Assert.Equal(3, lists.Count);
        Assert.Equal(right.GroupBy(row => row.Label).Select(rows => rows.MaxBy(row => row.Confidence)).OrderByDescending(row => row.Confidence).Select(row => row.Path), Paths(lists[1]));
        Assert.Equal(right.OrderBy(row => row.Confidence).Take(12).Select(row => row.Path), Paths(lists[2]));
        Assert.All(lists.SelectMany(list => list.Elements("li")), item => Assert.Single(item.Elements("img")));

        static IEnumerable<string> Paths(XElement list) => list.Elements("li").Select(item => item.Elements("span").Single().Value);
    }

    [Fact]
    public void Images_that_were_evaluated_from_files_have_pictures_too_until_they_change()
    {
        using var run = new RunFolder().Prepare();
        string[] paths = ["photos/cat/a.png", "photos/dog/b.png", "photos/horse/c.png"];
        foreach (var (i, path) in paths.Index())
        {
            Photo(Path.Combine(run.Root, path), (byte)(80 * i), i == 0 ? 300 : 40);
        }
        string hash;
        using (var images = LabelledFiles.Open(Path.Combine(run.Root, "photos"), Split.Test, 1 << 30, IProgress.Silent, CancellationToken.None))
        {
            hash = images.Sha256;
        }
        run.Evaluate(0, images: 3, paths: paths, sha256: hash).End(options: "  evaluate:\n    uses: evaluate\n    with:\n      data: photos\n      split: test\n");
        var pictures = Parse(RunPage.Render(run.Folder, new ImagePicker())).Descendants("img").ToDictionary(image => image.ElementsAfterSelf("span").Single().Value, SizeOf);
        Assert.Equal([("image/jpeg", 192), ("image/png", 40), ("image/png", 40)], paths.Select(path => pictures[path]));   // never enlarged, never large

        File.Delete(Path.Combine(run.Root, paths[0]));
        var page = Parse(RunPage.Render(run.Folder, new ImagePicker()));
        Assert.Empty(page.Descendants("img"));
        Assert.Contains("No pictures: photos changed since", page.Root!.Value, StringComparison.Ordinal);
    }

    [Fact]
    public void Mistakes_on_a_prepared_set_are_the_original_photos_as_long_as_these_are_the_same()
    {
        using var run = new RunFolder();
        var paths = Enumerable.Range(0, 3).Select(i => $"test/{run.Classes[i]}/{i}.png").ToList();
        foreach (var (i, path) in paths.Index())
        {
            Photo(Path.Combine(run.Root, "photos", path), (byte)(80 * i), 200);
        }
        using var decoder = new ImageDecoder();
        run.Prepare(3, 8, (_, i) =>
        {
            var pixels = new byte[3 * 8 * 8];
            decoder.Decode(File.ReadAllBytes(Path.Combine(run.Root, "photos", paths[i])), 8, pixels);
            return pixels;
        }).Evaluate(0, images: 3, paths: paths, split: true).End(options: "  prepare:\n    uses: prepare\n    with:\n      path: photos\n");
        Assert.Equal([("image/jpeg", 192), ("image/jpeg", 192), ("image/jpeg", 192)], Shown().Images);
        Assert.DoesNotContain("prepared 8 x 8", Shown().Text, StringComparison.Ordinal);

        Photo(Path.Combine(run.Root, "photos", paths[0]), 200, 200);   // another one
        File.Delete(Path.Combine(run.Root, "photos", paths[1]));
        Assert.Equal([("image/png", 8), ("image/png", 8), ("image/jpeg", 192)], Shown().Images);
        Assert.Contains("2 of 3 pictures are the prepared 8 x 8 pixels: their original files are not there any more, or have changed.", Shown().Text, StringComparison.Ordinal);

        (IEnumerable<(string, int)> Images, string Text) Shown()
        {
            var page = Parse(RunPage.Render(run.Folder, new ImagePicker()));
            var pictures = page.Descendants("img").ToDictionary(image => image.ElementsAfterSelf("span").Single().Value, SizeOf);
            return (paths.Select(path => pictures[path]), page.Root!.Value);
        }
    }

    /// <summary>Names of a .zip in Shift-JIS, which the stage was told: without it they cannot be read, or are those of other classes.</summary>
    [Fact]
    public void Pictures_come_from_a_zip_by_the_encoding_that_the_stage_was_given()
    {
        using var run = new RunFolder { Classes = ["表", "評", "予"] };
        var paths = run.Classes.Select(name => $"{name}/0.png").ToList();
        byte[][] folders = [[0x95, 0x5C], [0x95, 0x5D], [0x97, 0x5C]];
        var photos = folders.Select((_, i) => Photo((byte)(80 * i), 200)).ToList();
        var zip = Path.Combine(run.Root, "photos.zip");
        File.WriteAllBytes(zip, Archives.ZipOfNames(folders.Zip(photos, (folder, photo) => ((byte[])[.. folder, .. "/0.png"u8], photo))));
        string hash;
        using (var images = LabelledFiles.Open(zip, Split.Test, 1 << 30, IProgress.Silent, CancellationToken.None, "shift_jis"))
        {
            hash = images.Sha256;
        }
        using var decoder = new ImageDecoder();
        run.Prepare(3, 8, (_, i) =>
        {
            var pixels = new byte[3 * 8 * 8];
            decoder.Decode(photos[i], 8, pixels);
            return pixels;
        });
        run.Evaluate(0, "prepared", images: 3, paths: paths, split: true).Evaluate(0, "loose", images: 3, paths: paths, sha256: hash).End(options:
            "  prepare:\n    uses: prepare\n    with:\n      path: photos.zip\n      name_encoding: shift_jis\n"
            + "  loose:\n    uses: evaluate\n    with:\n      data: photos.zip\n      name_encoding: \"shift_jis\"\n");
        var page = Parse(RunPage.Render(run.Folder, new ImagePicker()));
        Assert.Equal(Enumerable.Repeat(("image/jpeg", 192), 6), page.Descendants("img").Select(SizeOf));
        Assert.DoesNotContain("No pictures", page.Root!.Value, StringComparison.Ordinal);
    }

    [Fact]
    public void All_pictures_of_a_page_have_a_bounded_size()
    {
        // Noise, which no PNG makes smaller: 32 pictures of 49 kB in each of three evaluations.
        using var run = new RunFolder().Prepare(images: 60, size: 128).Evaluate(0.5, "one", images: 60).Evaluate(0.5, "two", images: 60).Evaluate(0.5, "three", images: 60).End();
        var html = RunPage.Render(run.Folder, new ImagePicker());
        Assert.InRange(html.Length, 3_000_000, 4.0 / 3 * 3_000_000 + 100_000);
        Assert.Contains("pictures are left out: those of a page have 3 MB at most.", html, StringComparison.Ordinal);
    }

    [Fact]
    public void Images_are_counted_class_by_class_while_the_set_is_there()
    {
        using var run = new RunFolder { Classes = ["cat", "dog", "horse"] }.Prepare(images: 100).Train().Export().Evaluate(images: 100).End();
        var page = Parse(RunPage.Render(run.Folder, new ImagePicker()));
        Assert.Equal(["cat 34 34", "dog 33 33", "horse 33 33"], Cells(Section(page, "data").Descendants("table").Single()).Select(cells => string.Join(' ', cells)));
        Assert.Contains("Training images of a class: 33 to 34, median 33.", Section(page, "data").Value, StringComparison.Ordinal);

        Directory.Delete(run.Dataset, recursive: true);
        page = Parse(RunPage.Render(run.Folder, new ImagePicker()));
        Assert.Contains("The prepared set is not here any more", Section(page, "data").Value, StringComparison.Ordinal);
        Assert.DoesNotContain("training images", Section(page, "evaluation-1").Value, StringComparison.Ordinal);
    }

    [Fact]
    public void The_test_loss_is_drawn_beside_the_training_loss()
    {
        using var run = new RunFolder().Prepare().Train(losses: [2, 1.5, 1.2, 1]).End();
        var training = Section(Parse(RunPage.Render(run.Folder, new ImagePicker())), "training");
        var loss = training.Descendants("figure").Single(figure => figure.Descendants("svg").Any(picture => (string?)picture.Attribute("aria-label") == "Loss"));
        Assert.Equal(["training", "test, plain"], loss.Descendants("div").Single(div => (string?)div.Attribute("class") == "legend").Elements().Select(entry => entry.Value.Trim()));
        Assert.Equal([4, 2], new[] { "dot s1", "dot s2" }.Select(dots => loss.Descendants("circle").Count(dot => (string?)dot.Attribute("class") == dots)));
        Assert.Contains("labels smoothed by 0.2", training.Value, StringComparison.Ordinal);
        Assert.Single(training.Descendants("img"));   // of the augmentation
        Assert.Contains("alternating flip, moved by up to 2 pixels", training.Value, StringComparison.Ordinal);
    }

    [Fact]
    public void The_commands_for_the_model_have_its_place_and_are_those_of_its_readme()
    {
        using var run = new RunFolder().Prepare().Train().Export().End();
        var commands = Section(Parse(RunPage.Render(run.Folder, new ImagePicker())), "use").Descendants("pre").Select(block => block.Value).ToList();
        Assert.Equal("airbench predict --bundle exports/demo photo.jpg folder-of-photos/", commands[0]);
        Assert.Equal("airbench verify exports/demo", commands[1]);
        Assert.Contains("cd exports/demo", commands);
        foreach (var client in (string[])["csharp/classify.cs", "python/classify.py", "javascript/classify.mjs"])
        {
            Assert.Single(commands, command => command.Contains($"samples/{client}", StringComparison.Ordinal) && !command.Contains('\n', StringComparison.Ordinal));
        }
        Assert.Contains("python3 -m http.server", commands[^1], StringComparison.Ordinal);
    }

    [Fact]
    public void Names_are_text_whatever_they_hold() => Gen.String.Array[2, 4].ForEachCase(
        names =>
        {
            string[] hostile = ["</style><script>alert(1)</script>", "\"><img src=x onerror=alert(1)>", "a&amp;b", "'", "\u0001\uD800", .. names.Select((name, i) => $"{name}{i}")];
            using var run = new RunFolder { Classes = [.. hostile.Distinct()] }.Prepare(40).Evaluate(0.5, images: 40, broken: 1, status: "failed").End("failed");
            var page = Parse(RunPage.Render(run.Folder, new ImagePicker()));
            Assert.Empty(page.Descendants("script"));
            Assert.All(page.Descendants().Attributes(), attribute => Assert.False(attribute.Name.LocalName.StartsWith("on", StringComparison.Ordinal)));
            var shown = page.Descendants("td").Select(cell => cell.Value).ToHashSet();
            Assert.Contains(hostile[0], shown);
            Assert.Contains(hostile[1], shown);
            Assert.Contains(hostile[2], shown);
            Assert.Contains("\u0001\uD800".Replace('\u0001', '\uFFFD').Replace('\uD800', '\uFFFD'), shown);
        },
        cases: 25);

    [Fact]
    public void A_failed_run_says_what_failed_and_shows_what_there_is()
    {
        using var run = new RunFolder().Prepare().Train().Export().Evaluate(status: "failed").Stage("later", "evaluate", "notrun", error: "it needs 'evaluate', which failed").End("failed");
        var page = Parse(RunPage.Render(run.Folder, new ImagePicker()));
        var problems = page.Descendants("p").Where(p => (string?)p.Attribute("class") == "problem").Select(p => p.Value).ToList();
        Assert.Equal("evaluate failed: accuracy_min: found 0.9, expected at least 0.99 <script>alert(1)</script>", problems[0]);
        Assert.Equal("later did not run: it needs 'evaluate', which failed", problems[1]);
        Assert.Contains("it failed & stopped", page.Root!.Value, StringComparison.Ordinal);
        Assert.NotNull(Section(page, "evaluation-1"));
    }

    [Fact]
    public void A_run_that_failed_at_once_still_has_a_page()
    {
        using var run = new RunFolder().Stage("prepare", "prepare", "failed", 0.01, error: "there is no such file").Stage("train", "train", "notrun").End("failed");
        var page = Parse(RunPage.Render(run.Folder, new ImagePicker()));
        Assert.Contains("prepare failed: there is no such file", page.Root!.Value, StringComparison.Ordinal);
        Assert.DoesNotContain(page.Descendants("section"), section => (string?)section.Attribute("id") is "accuracy" or "training");
    }

    [Fact]
    public void A_killed_run_shows_what_is_in_its_folder()
    {
        using var run = new RunFolder().Prepare().Train().Evaluate().End(record: false);
        var page = Parse(RunPage.Render(run.Folder, new ImagePicker()));
        Assert.Contains("the run was killed, is still in progress", page.Root!.Value, StringComparison.Ordinal);
        Assert.NotNull(Section(page, "evaluation-1"));
    }

    [Fact]
    public void Several_evaluations_have_a_section_each_and_a_run_without_training_has_none_for_it()
    {
        using var run = new RunFolder().Prepare().Evaluate(0.9, "first").Evaluate(0.8, "second", Tta.None).End();
        var page = Parse(RunPage.Render(run.Folder, new ImagePicker()));
        Assert.Equal(["first", "second"], Cells(Section(page, "accuracy").Descendants("table").First()).Select(cells => cells[0]));
        Assert.StartsWith("Evaluation: second", Section(page, "evaluation-2").Value, StringComparison.Ordinal);
        Assert.DoesNotContain(page.Descendants("section"), section => (string?)section.Attribute("id") is "training" or "model");
    }

    [Theory]
    [InlineData(2)]
    [InlineData(21)]
    [InlineData(100)]
    [InlineData(1000)]
    public void Any_number_of_classes_stays_readable(int classes)
    {
        using var run = new RunFolder { Classes = [.. Enumerable.Range(0, classes).Select(i => $"class {i}")] }.Prepare(images: 10, size: 2).Evaluate(0.5, images: 4000).End();
        var html = RunPage.Render(run.Folder, new ImagePicker());
        Assert.True(html.Length < 1_000_000, $"{html.Length} characters");
        var page = Parse(html);
        var details = Section(page, "evaluation-1");
        var matrix = details.Descendants("svg").Single(picture => (string)picture.Attribute("aria-label")! == "Confusion matrix");
        Assert.Equal(classes > 200, details.Value.Contains("a cell is a block of 10 x 10 of 1,000 classes", StringComparison.Ordinal));
        Assert.True(matrix.ToString().Length < 200_000);
        var top = Cells(details.Descendants("table").Single(table => table.Descendants("th").Any(head => head.Value == "predicted as")));
        Assert.Equal(Math.Min(20, classes * (classes - 1)), top.Count);
        Assert.Equal(top.OrderByDescending(row => int.Parse(row[2], NumberStyles.AllowThousands, CultureInfo.InvariantCulture)).Select(row => row[2]), top.Select(row => row[2]));
    }

    [Fact]
    public void Numbers_that_are_not_finite_are_dashes_and_gaps()
    {
        using var run = new RunFolder().Prepare().Train(losses: [2, double.NaN, double.PositiveInfinity, 1]).Evaluate(images: 30).End();
        var predictions = File.ReadAllLines(run["evaluate", "predictions.csv"]);
        predictions[1] = "0,test/0.png,cat,dog,NaN,false,";
        File.WriteAllLines(run["evaluate", "predictions.csv"], predictions);
        var html = RunPage.Render(run.Folder, new ImagePicker());
        Parse(html);
        Assert.DoesNotContain("NaN", html, StringComparison.Ordinal);
        Assert.DoesNotContain("Infinity", html, StringComparison.Ordinal);
    }

    [Fact]
    public void An_evaluation_without_an_image_that_could_be_decoded_has_a_page()
    {
        using var run = new RunFolder().Prepare().Evaluate(images: 0, broken: 3).End();
        var page = Parse(RunPage.Render(run.Folder, new ImagePicker()));
        Assert.Contains("3 images could not be decoded", page.Root!.Value, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("timings.csv")]
    [InlineData("run.json")]
    [InlineData("pipeline.resolved.yaml")]
    [InlineData("log.txt")]
    [InlineData("evaluate/metrics.json")]
    [InlineData("evaluate/predictions.csv")]
    [InlineData("evaluate/confusion.csv")]
    [InlineData("_record/prepare/dataset.json")]
    [InlineData("_record/train/model.json")]
    [InlineData("_record/train/curve.csv")]
    [InlineData("_record/export/metadata.json")]
    public void A_file_that_is_missing_or_cut_short_takes_only_its_own_part_away(string file)
    {
        using var run = new RunFolder().Prepare().Train().Export().Evaluate(0.7).End();
        var whole = File.ReadAllBytes(run[file]);
        for (var length = 0; length < whole.Length; length += Math.Max(1, whole.Length / 7))
        {
            File.WriteAllBytes(run[file], whole[..length]);
            Parse(RunPage.Render(run.Folder, new ImagePicker()));
        }
        File.Delete(run[file]);
        Parse(RunPage.Render(run.Folder, new ImagePicker()));
    }

    [Fact]
    public void The_same_files_give_the_same_page_wherever_they_lie()
    {
        using var run = new RunFolder().Prepare().Train().Export().Evaluate(0.7).End();
        var page = RunPage.Render(run.Folder, new ImagePicker());
        Assert.Equal(page, RunPage.Render(run.Folder, new ImagePicker()));
        Assert.DoesNotContain(run.Root, page, StringComparison.Ordinal);
        Assert.Equal(run[RunPage.FileName], RunPage.Write(run.Folder, new ImagePicker()));
        Assert.Equal(page, File.ReadAllText(run[RunPage.FileName]));
    }

    [Fact]
    public void Another_folder_is_refused_with_what_was_expected()
    {
        using var run = new RunFolder();
        var error = Assert.Throws<DataException>(() => RunPage.Render(run.Folder, new ImagePicker()));
        Assert.Contains("found no timings.csv and no run.json there; expected the folder of a run", error.Message, StringComparison.Ordinal);
    }

    /// <summary>A picture that is not the same everywhere.</summary>
    private static void Photo(string file, byte shade, int size)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(file)!);
        File.WriteAllBytes(file, Photo(shade, size));
    }

    private static byte[] Photo(byte shade, int size) => Png.Encode([.. Enumerable.Range(0, 3 * size * size).Select(i => (byte)(shade + (i / 16 % 50)))], size);

    private static (string MediaType, int Size) SizeOf(XElement image)
    {
        var data = ((string)image.Attribute("src")!)["data:".Length..].Split(";base64,");
        var header = ImageDecoder.HeaderOf(Convert.FromBase64String(data[1]));
        Assert.Equal(header.Width, header.Height);
        return (data[0], header.Width);
    }

    internal static XDocument Parse(string html)
    {
        Assert.StartsWith("<!DOCTYPE html>\n<html lang=\"en\">", html, StringComparison.Ordinal);
        return XDocument.Parse(html["<!DOCTYPE html>\n".Length..]);
    }

    internal static XElement Section(XDocument page, string id) => page.Descendants("section").Single(section => (string?)section.Attribute("id") == id);

    internal static List<string[]> Cells(XElement table) =>
        [.. table.Element("tbody")!.Elements("tr").Select(row => row.Elements().Select(cell => cell.Value).ToArray())];

    private static string Ends(int part, int whole)
    {
        var ends = Proportion.WilsonInterval(part, whole);
        return string.Create(CultureInfo.InvariantCulture, $"{ends[0] * 100:0.0}% to {ends[1] * 100:0.0}%");
    }

    private static string Percent(double share) => (share * 100).ToString("0.00", CultureInfo.InvariantCulture) + "%";
}
