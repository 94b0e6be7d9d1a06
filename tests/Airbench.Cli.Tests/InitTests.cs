using Airbench.Cli;
using Airbench.Data;
using Airbench.Onnx;
using Airbench.Pipeline;
using CsCheck;

namespace Airbench.Tests;

/// <summary><c>airbench init</c>: what it writes can be run, whatever the folder.</summary>
public sealed class InitTests : IDisposable
{
    private readonly Workplace _place = new();

    public void Dispose() => _place.Dispose();

    [Fact]
    public void Without_images_it_writes_the_pipeline_for_cifar10_and_the_schema()
    {
        var (code, output, errors) = _place.Run("init");

        Assert.True(code == 0, errors);
        Assert.StartsWith("# yaml-language-server: $schema=pipeline.schema.json\n", File.ReadAllText(_place["pipeline.yaml"]), StringComparison.Ordinal);
        Assert.Equal(File.ReadAllText(Path.Combine(Workplace.Repository, "pipeline.schema.json")), File.ReadAllText(_place["pipeline.schema.json"]));
        Assert.Equal(DataSource.Cifar10, PrepareOptionsOf(Load(_place.Folder)).Source);
        Assert.Contains("airbench run", output, StringComparison.Ordinal);
    }

    [Fact]
    public void A_pipeline_that_is_here_stays_unless_forced()
    {
        _place.With("pipeline.yaml", "name: mine\n");

        var (code, _, errors) = _place.Run("init");

        Assert.Equal(2, code);
        Assert.Contains("--force", errors, StringComparison.Ordinal);
        Assert.Equal("name: mine\n", File.ReadAllText(_place["pipeline.yaml"]));
        Assert.False(File.Exists(_place["pipeline.schema.json"]));
        Init(null, force: true);
        Assert.NotEqual("name: mine\n", File.ReadAllText(_place["pipeline.yaml"]));
    }

    [Theory]
    [InlineData("nothing-here", "does not exist")]
    [InlineData("pipeline.txt", "is not a .tar, .tar.gz or .zip archive")]
    [InlineData("empty", "holds no image")]
    [InlineData(".", "holds the working folder")]
    [InlineData("single", "holds one class, 'cat'")]
    [InlineData("dead", "class 'dog' has no readable training image; 2 cannot be read")]
    public void What_is_no_data_set_is_refused_and_nothing_is_written(string images, string message)
    {
        _place.With("pipeline.txt", "no images");
        Directory.CreateDirectory(_place["empty"]);
        Draw("single/cat/1.png", "single/cat/2.png", "dead/cat/1.png", "dead/cat/2.png", "dead/dog/1.png", "dead/dog/2.png");
        PictureFolder.Break(_place["dead/dog/1.png"]);
        PictureFolder.Break(_place["dead/dog/2.png"]);

        var error = Assert.ThrowsAny<AirbenchException>(() => Init(images));

        Assert.Contains(message, error.Message, StringComparison.Ordinal);
        Assert.False(File.Exists(_place["pipeline.yaml"]));
    }

    [Fact]
    public void What_would_hurt_is_said()
    {
        var random = new Random(1);
        for (var i = 0; i < 30; i++)
        {
            PictureFolder.Write(_place[$"pets/train/cat/{i}.png"], 0, 90, 40, random);
        }

        Draw("pets/train/dog/1.jpg", "pets/train/dog/2.jpg", "pets/train/dog/3.jpg", "pets/test/cat/1.png", "pets/test/dog/1.png");
        File.Copy(_place["pets/train/dog/1.jpg"], _place["pets/train/cat/wrong.jpg"]);
        File.Copy(_place["pets/train/cat/4.png"], _place["pets/test/cat/leak.png"]);
        PictureFolder.Break(_place["pets/train/dog/2.jpg"]);

        var (code, output, errors) = _place.Run("init", "pets");

        Assert.True(code == 0, errors);
        Assert.All(
            new[]
            {
                "1 of 37 files cannot be read and will be left out: train/dog/2.jpg is a JPEG file ",
                "fewer than 20 training images: dog (2). ",
                "cat has 15.5 times as many training images as dog.",
                "the same file in two classes, one of which is wrong: train/cat/wrong.jpg = train/dog/1.jpg",
                "the same file in train/ and test/, which makes the accuracy look better than it is: train/cat/4.png = test/cat/leak.png",
                "of the images are much longer than wide or the other way round. They are padded with black (fit: pad)",
                "3 test images are few",
            },
            warning => Assert.Contains(warning, errors, StringComparison.Ordinal));
        Assert.Contains("33 PNG, 3 JPEG", output, StringComparison.Ordinal);
        var prepare = PrepareOptionsOf(Load(_place.Folder));
        Assert.Equal((64, Fit.Pad, 0.055), (prepare.ImageSize, prepare.Fit, prepare.MaxBadFraction));
        Assert.Contains("crop would lose a third or more of each", File.ReadAllText(_place["pipeline.yaml"]).ReplaceLineEndings(" ").Replace("      # ", "", StringComparison.Ordinal), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(97, Backbones.Resnet18, 224, Fit.Crop)]
    [InlineData(96, null, 64, Fit.Crop)]
    public void Photos_start_from_a_network_that_has_learned_to_see(int side, string? backbone, int imageSize, Fit fit)
    {
        var random = new Random(1);
        foreach (var (label, name) in new[] { "cat", "dog" }.Index())
        {
            for (var i = 0; i < (name == "cat" ? 25 : 10); i++)
            {
                PictureFolder.Write(_place[$"pets/{name}/{i}.png"], label, side + 20, side, random);
            }
        }

        Init("pets");

        var pipeline = Load(_place.Folder);
        var train = pipeline.Stages.Select(stage => stage.Options).OfType<TrainStageOptions>().Single();
        Assert.Equal((backbone, imageSize, fit), (train.Backbone, PrepareOptionsOf(pipeline).ImageSize, PrepareOptionsOf(pipeline).Fit));
        if (backbone is not null)
        {
            Assert.Equal((ClassWeights.Balanced, 5), (train.ClassWeights, train.Folds));
            Assert.Equal(Tta.None, pipeline.Stages.Select(stage => stage.Options).OfType<EvaluateOptions>().Single().Tta);
        }
    }

    [Theory]
    [InlineData(63, 32, false)]
    [InlineData(64, 64, true)]
    [InlineData(96, 64, true)]
    [InlineData(128, 224, false)]   // a backbone's
    public void Images_larger_than_the_recipe_s_get_widths_translation_and_growing_sizes_that_suit_them(int side, int imageSize, bool isLarge)
    {
        var random = new Random(1);
        foreach (var file in (string[])["cat/1.png", "cat/2.png", "dog/1.png", "dog/2.png"])
        {
            PictureFolder.Write(_place[$"pets/{file}"], label: 1, side, side, random);
        }

        Init("pets");

        var pipeline = Load(_place.Folder);
        var changes = pipeline.Stages.Select(stage => stage.Options).OfType<TrainStageOptions>().Single().Changes;
        Assert.Equal(imageSize, PrepareOptionsOf(pipeline).ImageSize);
        Assert.Equal(isLarge, changes.ContainsKey("widths") && changes.ContainsKey("resolutions") && changes.ContainsKey("translate"));
        if (isLarge)
        {
            var recipe = changes.ApplyTo(Recipe.All["airbench94"]);
            Assert.Equal([32, 128, 256], recipe.Widths);
            Assert.Equal((32, 64, 4), (recipe.SizeIn(0, imageSize), recipe.SizeIn((int)recipe.Epochs - 1, imageSize), recipe.Translate));
            // What the time in the comments rests on: an image costs as much as one of 32 pixels in the recipe.
            double Forward(Recipe of, int size) => of.Network(size, 2, [0, 0, 0], [1, 1, 1]).ForwardFlops();
            var mean = Enumerable.Range(0, (int)recipe.Epochs).Average(epoch => Forward(recipe, recipe.SizeIn(epoch, imageSize)));
            Assert.InRange(mean / Forward(Recipe.All["airbench94"], 32), 0.95, 1.05);
        }
    }

    [Theory]
    [InlineData(32, 815, 64)]
    [InlineData(64, 815, 16)]
    [InlineData(32, 6_000, 512)]
    [InlineData(64, 6_000, 128)]
    [InlineData(64, 100, 16)]
    public void Larger_images_are_learned_in_smaller_batches(int side, int trainCount, int batchSize)
    {
        var random = new Random(1);
        PictureFolder.Write(_place["pets/train/cat/1.png"], label: 1, side, side, random);
        PictureFolder.Write(_place["pets/train/dog/1.png"], label: 1, side, side, random);
        PictureFolder.Write(_place["pets/test/cat/1.png"], label: 1, side, side, random);
        PictureFolder.Write(_place["pets/test/dog/1.png"], label: 1, side, side, random);
        var survey = ImageSurvey.Of(_place["pets"], new PrepareOptions(), IProgress.Silent, CancellationToken.None);

        var choices = FolderChoices.For(survey with { Classes = [new("cat", trainCount / 2, 1), new("dog", trainCount - (trainCount / 2), 1)] });

        Assert.Equal((side, batchSize), (choices.ImageSize.Value, choices.BatchSize.Value));
        Assert.Equal(side == 64, choices.Widths is not null);
    }

    [Fact]
    public void What_prepare_will_leave_out_and_how_it_reads_the_folders_is_said()
    {
        Draw(
            "pets/train/cat/1.png", "pets/train/cat/2.png", "pets/train/dog/1.png", "pets/train/dog/2.png", "pets/val/cat/1.png", "pets/val/dog/1.png",
            "pets/train/.net/1.png", "pets/other/1.png", "pets/val/loose.png");
        _place.With("pets/train/cat/3.heic", "x");

        var progress = new RecordedProgress();
        ImageSurvey? survey = null;
        InitCommand.Init("pets", _place.Folder, force: false, (found, _) => survey = found, progress, CancellationToken.None);

        Assert.Equal("val", survey!.TestFolder);
        Assert.Equal((4, 2), (survey.TrainCount, survey.TestCount));
        Assert.All(
            new[] { "val/ is taken for the test split", "1 .heic left out", "1 image in hidden folder .net left out", "1 image directly in val/, 1 image in other/ left out" },
            part => Assert.Contains(progress.Warnings, line => line.Contains(part, StringComparison.Ordinal)));
        Assert.Contains("# The val/ folder is the test split.", File.ReadAllText(_place["pipeline.yaml"]), StringComparison.Ordinal);
    }

    [Fact]
    public void Names_in_another_encoding_are_read_by_an_option_which_the_pipeline_gets_too()
    {
        Draw("1.png", "2.png", "3.png", "4.png");
        byte[] Entry(byte letter, int number) => [letter, .. System.Text.Encoding.ASCII.GetBytes($"/{number}.png")];
        File.WriteAllBytes(_place["pets.zip"], Archives.ZipOfNames(
            Enumerable.Range(1, 4).Select(i => (Entry(i % 2 == 0 ? (byte)0x81 : (byte)'c', i), File.ReadAllBytes(_place[$"{i}.png"])))));

        Assert.Contains("--name-encoding", Assert.Throws<DataException>(() => Init("pets.zip")).Message, StringComparison.Ordinal);
        InitCommand.Init(_place["pets.zip"], _place.Folder, force: false, (_, _) => { }, IProgress.Silent, default, "cp437");

        Assert.Equal("cp437", PrepareOptionsOf(Load(_place.Folder)).NameEncoding);
        Prepare(Load(_place.Folder));
        Assert.Equal(["c", "\u00FC"], Dataset.Open(_place["data/pets"]).Manifest.Classes);
    }

    [Fact]
    public void Images_in_the_place_of_the_prepared_set_get_another_name()
    {
        Draw("data/pets/cat/1.png", "data/pets/cat/2.png", "data/pets/dog/1.png", "data/pets/dog/2.png");

        Init("data/pets");

        Assert.Equal("pets-2", Load(_place.Folder).Name);
        Prepare(Load(_place.Folder));
    }

    [Fact]
    public void Whatever_it_writes_for_a_random_folder_is_valid_and_can_be_prepared()
    {
        var name = Gen.OneOf(
            Gen.OneOf("cat", "it's", "a \"b\"", "# no", "${env:HOME}", "- x", "a: b", "Füchse", "猫", "yes", "3", " x ", "{a}", "null", "train ", "&a"),
            Gen.String[Gen.Char['a', 'z'], 1, 6]);
        var picture = Gen.Select(Gen.Int[1, 90], Gen.Int[1, 90], Gen.Int[0, 9]);
        var folder = Gen.Select(name, name.HashSet[2, 4], picture.Array[2, 10].Array[4], Gen.Bool, Gen.Bool);
        var (written, refused) = (0, 0);
        foreach (var (root, classes, pictures, withTest, twice) in folder.Cases(40))
        {
            using var place = new Workplace();
            var random = new Random(written + refused);
            foreach (var (label, className) in classes.Index())
            {
                foreach (var (i, (width, height, kind)) in pictures[label].Index())
                {
                    var side = withTest ? (i % 3 == 2 ? "test/" : "train/") : "";
                    var file = Path.Combine(place[root], $"{side}{className}", $"{i}.{(kind % 2 == 0 ? "png" : "JPG")}");
                    PictureFolder.Write(file, label, width, height, random);
                    if (kind == 9)
                    {
                        PictureFolder.Break(file);
                    }

                    if (kind == 8 && twice)
                    {
                        File.Copy(file, file[..^4] + ".copy.png");
                    }
                }
            }
            try
            {
                InitCommand.Init(root, place.Folder, force: false, (_, _) => { }, IProgress.Silent, CancellationToken.None);
            }
            catch (DataException refusal)
            {
                // Only what no options could make a data set of may be refused.
                var options = new PrepareOptions { Source = DataSource.Folder, Path = place[root], MaxBadFraction = 1 };
                Assert.Equal(refusal.GetType(), Assert.ThrowsAny<AirbenchException>(() => PrepareWith(options, place.Folder)).GetType());
                refused++;
                continue;
            }
            Prepare(Load(place.Folder), place.Folder);
            written++;
        }

        Assert.True(written >= 20, $"{written} written, {refused} refused");
    }

    private void Init(string? images, bool force = false) =>
        InitCommand.Init(images, _place.Folder, force, (_, _) => { }, IProgress.Silent, CancellationToken.None);

    private void Draw(params string[] files)
    {
        var random = new Random(7);
        foreach (var file in files)
        {
            PictureFolder.Write(_place[file], label: 1, 40, 40, random);
        }
    }

    private static PipelineDefinition Load(string folder) => PipelineFile.Load(Path.Combine(folder, "pipeline.yaml"), Stages.All, []);

    private static PrepareOptions PrepareOptionsOf(PipelineDefinition pipeline) => (PrepareOptions)pipeline.Stages[0].Options;

    private void Prepare(PipelineDefinition pipeline) => Prepare(pipeline, _place.Folder);

    private static void Prepare(PipelineDefinition pipeline, string root) => PrepareWith(PrepareOptionsOf(pipeline), root);

    private static void PrepareWith(PrepareOptions options, string root)
    {
        var data = Path.Combine(root, "data");
        Preparer.Prepare(
            options with { Path = Path.Combine(root, options.Path!) }, Path.Combine(data, Preparer.DatasetName(options)), data, 1, IProgress.Silent, CancellationToken.None);
    }
}
