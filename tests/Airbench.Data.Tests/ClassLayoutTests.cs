using Airbench.Data;
using CsCheck;

namespace Airbench.Tests;

public sealed class ClassLayoutTests
{
    [Fact]
    public void Train_and_test_folders_decide_for_themselves()
    {
        var layout = Layout(["train/dog/1.png", "train/cat/1.png", "test/dog/1.png", "test/cat/2.png"]);
        Assert.Equal(["cat", "dog"], layout.Classes);
        Assert.Equal([new(Split.Train, 1), new(Split.Train, 0), new(Split.Test, 1), new Placement(Split.Test, 0)], layout.Placements);
        Assert.Empty(layout.Warnings);
    }

    [Theory]
    [InlineData("set/")]
    [InlineData("")]
    public void One_common_folder_above_is_stripped(string top)
    {
        string[] split = ["train/dog/1.png", "train/cat/1.png", "test/dog/1.png", "test/cat/2.png"];
        Assert.Equal(["cat", "dog"], Layout([.. split.Select(p => top + p)]).Classes);
        Assert.Equal(["cat", "dog"], Layout([$"{top}dog/1.png", $"{top}dog/2.png", $"{top}cat/1.png", $"{top}cat/2.png"]).Classes);
    }

    [Fact]
    public void Train_and_test_are_recognized_in_any_case() =>
        Assert.Equal(["a", "b"], Layout(["Train/a/1.png", "Train/b/1.png", "TEST/a/1.png"]).Classes);

    [Fact]
    public void Class_names_sort_by_code_point_and_may_be_of_any_script() =>
        Assert.Equal(
            ["B", "a", "né", "犬"],
            Layout(["犬/1.png", "犬/2.png", "a/1.png", "a/2.png", "né/1.png", "né/2.png", "B/1.png", "B/2.png"]).Classes);

    [Fact]
    public void Images_in_subfolders_belong_to_the_class_above() =>
        Assert.Equal(["cat", "dog"], Layout(["train/cat/siamese/1.png", "train/dog/1.png", "test/dog/x/y/1.png"]).Classes);

    [Fact]
    public void Images_outside_the_class_folders_are_left_out_and_counted_by_their_place()
    {
        var leftOut = new LeftOut();
        var layout = Layout(
            ["preview.png", "train/a/1.png", "train/b/1.png", "test/a/1.png", "test/b/1.png", "test/loose.png", "val/a/1.png", "val/b/1.png"], leftOut: leftOut);
        Assert.Equal([0, 5, 6, 7], layout.Placements.Index().Where(p => p.Item is null).Select(p => p.Index));
        Assert.Equal([("above the class folders", 1), ("directly in test/", 1), ("in val/", 2L)], leftOut.Counts.Select(c => (c.Key, c.Value)));
        Assert.Equal(
            ("1 image above the class folders, 1 image directly in test/, 2 images in val/ left out, for example preview.png; expected in train/<class>/ or test/<class>/", true),
            Assert.Single(leftOut.Lines(layout.Expected)));
    }

    [Theory]
    [InlineData("val")]
    [InlineData("valid")]
    [InlineData("Validation")]
    public void A_validation_folder_is_the_test_split_where_there_is_no_other(string folder)
    {
        var layout = Layout(["train/a/1.png", "train/b/1.png", $"{folder}/a/1.png", $"{folder}/b/1.png"]);
        Assert.Equal([Split.Train, Split.Train, Split.Test, Split.Test], layout.Placements.Select(p => p!.Value.Split));
        Assert.Equal(folder.ToLowerInvariant(), layout.TestFolder);
        Assert.Contains(layout.Warnings, w => w.StartsWith($"{folder.ToLowerInvariant()}/ is taken for the test split", StringComparison.Ordinal));
    }

    [Fact]
    public void A_test_folder_without_classes_leaves_the_place_to_the_validation_folder()
    {
        var leftOut = new LeftOut();
        var layout = Layout(["train/a/1.png", "train/b/1.png", "val/a/1.png", "val/b/1.png", "test/1.png", "test/2.png"], leftOut: leftOut);
        Assert.Equal("val", layout.TestFolder);
        Assert.Equal(2, leftOut.Counts["in test/"]);
    }

    [Theory]
    [InlineData("train")]
    [InlineData("test")]
    [InlineData("val")]
    public void A_folder_called_like_a_split_that_holds_images_itself_is_a_class(string name)
    {
        var layout = Layout(["bus/1.png", "bus/2.png", "car/1.png", "car/2.png", $"{name}/1.png", $"{name}/2.png"]);
        Assert.Equal(["bus", "car", name], layout.Classes);
        Assert.All(layout.Placements, placement => Assert.NotNull(placement));
        Assert.Contains(layout.Warnings, w => w.StartsWith($"{name}/ holds images itself", StringComparison.Ordinal));
    }

    [Fact]
    public void Classes_of_one_name_in_two_unicode_forms_are_one_class_and_named_where_both_are_in_one_split()
    {
        var layout = Layout(["train/caf\u00E9/1.png", "train/tea/1.png", "test/cafe\u0301/1.png", "test/tea/1.png"]);
        Assert.Equal(["caf\u00E9", "tea"], layout.Classes);
        Assert.Empty(layout.Warnings);

        layout = Layout(["caf\u00E9/1.png", "cafe\u0301/2.png", "tea/1.png", "tea/2.png"]);
        Assert.Equal(["caf\u00E9", "tea"], layout.Classes);
        Assert.Contains("cafe\\u0301 and caf\\u00E9 are one name in two Unicode forms: taken for one class, caf\u00E9", layout.Warnings);
    }

    [Theory]
    [InlineData("Training", "Testing")]
    [InlineData("training", "val")]
    [InlineData("train", "testing")]
    public void Training_and_testing_are_splits_where_there_is_nothing_else(string train, string test)
    {
        var layout = Layout([$"{train}/a/1.png", $"{train}/b/1.png", $"{test}/a/1.png", $"{test}/b/1.png"]);
        Assert.Equal(["a", "b"], layout.Classes);
        Assert.Equal([Split.Train, Split.Train, Split.Test, Split.Test], layout.Placements.Select(p => p!.Value.Split));
        Assert.Contains(layout.Warnings, w => w.Contains("split, as there is no", StringComparison.Ordinal));

        Assert.Equal(["cooking", "training"], Layout(["training/2020/1.png", "training/2021/2.png", "cooking/2020/3.png", "cooking/2021/4.png"]).Classes);
    }

    [Fact]
    public void Folders_that_look_like_splits_under_unknown_names_are_said_to_be_taken_for_classes()
    {
        const string Says = "hold folders of the same names (cat, dog) and are taken for the classes. If they are splits";
        Assert.Contains(Layout(["set1/cat/1.png", "set1/dog/2.png", "set2/cat/3.png", "set2/dog/4.png"]).Warnings, w => w.StartsWith($"set1/, set2/ {Says}", StringComparison.Ordinal));
        Assert.DoesNotContain(Layout(["pets/cat/1.png", "pets/dog/2.png", "wild/fox/3.png", "wild/wolf/4.png"]).Warnings, w => w.Contains("same names", StringComparison.Ordinal));
    }

    [Fact]
    public void Classes_that_differ_in_case_or_spaces_alone_are_named() =>
        Assert.Contains(
            "'Cat' and 'cat' and 'cat ' differ in case or spaces alone: they are taken for 3 classes; rename one if they are one",
            Layout(["Cat/1.png", "Cat/2.png", "cat/3.png", "cat/4.png", "cat /5.png", "cat /6.png"]).Warnings);

    [Fact]
    public void A_class_folder_with_other_formats_alone_is_refused_with_their_names()
    {
        var leftOut = new LeftOut();
        leftOut.AddUnread(ImageFormats.OfExtension("c/1.heic")!, "c/1.heic");
        Assert.Contains(
            "class folder 'c' holds no image that is read; add some (JPEG, PNG, WebP, BMP, GIF, ICO or TIFF) or remove the folder; 1 .heic left out: not a format that is read",
            Assert.Throws<DataException>(() => Layout(["a/1.png", "b/1.png"], ["c"], leftOut)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_class_without_test_images_is_told() =>
        Assert.Contains(Layout(["train/a/1.png", "train/b/1.png", "test/a/1.png"]).Warnings, w => w.Contains("no test images of b"));

    [Theory]
    [InlineData("holds no image")]
    [InlineData("one class, 'a'", "a/1.png", "a/2.png")]
    [InlineData("no class", "1.png", "2.png")]
    [InlineData("classes that train/ lacks: c", "train/a/1.png", "train/b/1.png", "test/c/1.png")]
    [InlineData("no images in train/<class>/", "test/a/1.png", "test/b/1.png")]
    [InlineData("control character", "a\n/1.png", "b/1.png")]
    public void Folders_that_make_no_set_are_refused(string reason, params string[] paths)
    {
        var error = Assert.Throws<DataException>(() => Layout(paths));
        Assert.StartsWith("root: ", error.Message);
        Assert.Contains(reason, error.Message);
    }

    [Theory]
    [InlineData("train/c", "train/a/1.png", "train/b/1.png", "test/a/1.png", "test/b/1.png")]
    [InlineData("c", "a/1.png", "b/1.png")]
    [InlineData("top/c", "top/a/1.png", "top/b/1.png")]
    public void An_empty_class_folder_is_refused(string empty, params string[] paths) =>
        Assert.Contains($"class folder '{empty}'", Assert.Throws<DataException>(() => Layout(paths, [empty])).Message);

    [Fact]
    public void An_empty_test_folder_is_refused() =>
        Assert.Contains(
            "no image is left for the test split",
            Assert.Throws<DataException>(() => Layout(["train/a/1.png", "train/b/1.png"], ["train", "test"])).Message);

    [Fact]
    public void A_hash_below_the_fraction_goes_to_test()
    {
        var layout = ClassLayout.Of("root", [File("a/1", 0.1), File("a/2", 0.3), File("b/1", 0.19), File("b/2", 0.21)], [], 0.2, new LeftOut());
        Assert.Equal([Split.Test, Split.Train, Split.Test, Split.Train], layout.Placements.Select(p => p!.Value.Split));
        Assert.Empty(layout.Warnings);
    }

    [Fact]
    public void A_class_that_would_lack_one_side_gives_it_the_nearest_image_and_says_so()
    {
        var layout = ClassLayout.Of("root", [File("a/1", 0.9), File("a/2", 0.5), File("b/1", 0.01), File("b/2", 0.1)], [], 0.2, new LeftOut());
        Assert.Equal([Split.Train, Split.Test, Split.Test, Split.Train], layout.Placements.Select(p => p!.Value.Split));
        Assert.Contains(layout.Warnings, w => w.Contains("moved") && w.Contains("a, b"));
    }

    [Fact]
    public void A_single_image_goes_to_training_and_copies_of_it_too()
    {
        var layout = ClassLayout.Of(
            "root", [File("a/1", 0.1), File("b/1", 0.1), File("b/2", 0.1), File("c/1", 0.1), File("c/2", 0.9)], [], 0.2, new LeftOut());
        Assert.Equal([Split.Train, Split.Train, Split.Train, Split.Test, Split.Train], layout.Placements.Select(p => p!.Value.Split));
        Assert.Contains(layout.Warnings, w => w.Contains("single image") && w.Contains("a, b"));
    }

    [Fact]
    public void Adding_images_moves_none_that_were_there() =>
        Gen.Select(Gen.ULong.Array[4, 40], Gen.ULong.Array[0, 40], Gen.Double[0.1, 0.9]).ForEachCase((first, more, fraction) =>
        {
            // Each class starts with an image on either side, so that none has to be moved to fill a side.
            ScannedFile[] start =
            [
                .. from c in new[] { "a", "b" } from f in new[] { 0UL, ulong.MaxValue } select new ScannedFile($"{c}/{f}", f),
                .. first.Select((h, i) => new ScannedFile($"{(i % 2 == 0 ? "a" : "b")}/{i}", h)),
            ];
            ScannedFile[] grown = [.. more.Select((h, i) => new ScannedFile($"{(i % 3 == 0 ? "a" : "c")}/new{i}", h)), .. start];
            var before = ClassLayout.Of("root", start, [], fraction, new LeftOut()).Placements;
            var after = ClassLayout.Of("root", grown, [], fraction, new LeftOut()).Placements[more.Length..];
            Assert.Equal(before.Select(p => p!.Value.Split), after.Select(p => p!.Value.Split));
        });

    [Fact]
    public void Every_class_of_two_different_images_or_more_has_both_sides() =>
        Gen.Select(Gen.Int[0, 4], Gen.ULong[0, 20].Select(h => h * (ulong.MaxValue / 20))).Array[1, 30].ForEachCase(images =>
        {
            ScannedFile[] files =
            [
                new("x/1", 0), new("x/2", ulong.MaxValue), new("y/1", 0), new("y/2", ulong.MaxValue),
                .. images.Select((f, i) => new ScannedFile($"{f.Item1}/{i}", f.Item2)),
            ];
            var layout = ClassLayout.Of("root", files, [], 0.2, new LeftOut());
            foreach (var group in files.Zip(layout.Placements).GroupBy(f => f.Second!.Value.Label))
            {
                var sides = group.Select(f => f.Second!.Value.Split).Distinct().Count();
                Assert.Equal(Math.Min(2, group.Select(f => f.First.Hash).Distinct().Count()), sides);
                Assert.All(group.GroupBy(f => f.First.Hash), same => Assert.Single(same.Select(f => f.Second!.Value.Split).Distinct()));
            }
        });

    private static ClassLayout Layout(string[] paths, string[]? folders = null, LeftOut? leftOut = null) =>
        ClassLayout.Of("root", [.. paths.Select((p, i) => new ScannedFile(p, i % 2 == 0 ? 0 : ulong.MaxValue))], folders ?? [], 0.2, leftOut ?? new LeftOut());

    private static ScannedFile File(string path, double fraction) => new(path, (ulong)(fraction * Math.Pow(2, 64)));
}
