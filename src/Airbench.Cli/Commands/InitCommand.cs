using System.CommandLine;
using Airbench.Data;
using Airbench.Pipeline;
using Airbench.Training;

namespace Airbench.Cli;

/// <summary><c>airbench init</c>: a commented pipeline to start from.</summary>
internal static class InitCommand
{
    private const string SchemaName = "pipeline.schema.json";

    public static Command Create()
    {
        var images = new Argument<string?>("images")
        {
            Description = "Folder or archive (.tar, .tar.gz, .zip) of <class>/*, or of train/<class>/* and test/<class>/*; without it the pipeline is for CIFAR-10.",
            Arity = ArgumentArity.ZeroOrOne,
        };
        var force = new Option<bool>("--force") { Description = "Replace a pipeline.yaml that is here." };
        var encoding = new Option<string?>("--name-encoding") { Description = NameEncodingOption.Description };
        var command = new Command("init", "Write a commented pipeline.yaml, for CIFAR-10 or for your images after a look at them.") { images, force, encoding };
        command.SetAction((parsed, cancel) =>
        {
            var progress = Screen.Progress(quiet: false);
            var (pipeline, survey) = Init(parsed.GetValue(images), Directory.GetCurrentDirectory(), parsed.GetValue(force), SurveyScreen.Print, progress, cancel, parsed.GetValue(encoding));
            if (survey is not null)
            {
                TellTime(pipeline, survey, progress);
            }
            progress.Info("next: `airbench doctor` (would it run here?), then `airbench run`");
            return Task.FromResult(ExitCode.Done);
        });
        return command;
    }

    /// <summary>Writes pipeline.yaml and its schema into <paramref name="folder"/>, after <paramref name="show"/> has told what was found.</summary>
    /// <returns>What was written, and what was found; no survey where the pipeline is for CIFAR-10.</returns>
    internal static (PipelineDefinition Pipeline, ImageSurvey? Survey) Init(
        string? images, string folder, bool force, Action<ImageSurvey, string> show, IProgress progress, CancellationToken cancel, string? nameEncoding = null)
    {
        if (NameEncodingOption.Problem(nameEncoding) is { } problem)
        {
            throw new ConfigurationException($"init: {problem}");
        }
        var file = Path.Combine(folder, PipelineArguments.DefaultFile);
        RefuseExisting(file, force);
        ImageSurvey? survey = null;
        var text = images is null ? PipelineArguments.EmbeddedPipeline() : ForImages(images, folder, nameEncoding, Keep, progress, cancel);
        // What it writes must run: a defect here must not become the user's.
        var pipeline = PipelineFile.Parse(text, PipelineArguments.DefaultFile, Stages.All, []);

        RefuseExisting(file, force);
        AtomicFolder.WriteFile(Path.Combine(folder, SchemaName), SchemaWriter.Write(Stages.All));
        AtomicFolder.WriteFile(file, text);
        progress.Info($"wrote {PipelineArguments.DefaultFile} ('{pipeline.Name}'), and {SchemaName} by which editors complete and check it");
        return (pipeline, survey);

        void Keep(ImageSurvey found, string name)
        {
            survey = found;
            show(found, name);
        }
    }

    private static void TellTime(PipelineDefinition pipeline, ImageSurvey survey, IProgress progress)
    {
        var prepare = pipeline.Stages.Select(stage => stage.Options).OfType<PrepareOptions>().Single();
        var train = pipeline.Stages.Select(stage => stage.Options).OfType<TrainOptions>().Single();
        var task = new TrainingTask(train, prepare.ImageSize, survey.Classes.Count, survey.TrainCount, survey.TestCount, pipeline.Device, Directory.GetCurrentDirectory());
        if (TrainingTime.Measure(task) is { } estimate)
        {
            progress.Info($"training here: {TrainingTime.Describe(task, estimate)}");
        }
    }

    private static void RefuseExisting(string file, bool force)
    {
        if (Path.Exists(file) && !force)
        {
            throw new ConfigurationException(
                $"{Screen.Relative(file)}: exists and was not changed; move it away, or replace it with --force");
        }
    }

    private static string ForImages(
        string images, string folder, string? nameEncoding, Action<ImageSurvey, string> show, IProgress progress, CancellationToken cancel)
    {
        var full = Path.TrimEndingDirectorySeparator(Path.GetFullPath(images, folder));
        if (!Path.Exists(full))
        {
            throw new ConfigurationException(
                $"{images}: does not exist (looked at {full}); expected a folder of <class>/*, or a .tar, .tar.gz or .zip of one");
        }
        if ((folder + Path.DirectorySeparatorChar).StartsWith(Path.TrimEndingDirectorySeparator(full) + Path.DirectorySeparatorChar, StringComparison.Ordinal))
        {
            throw new ConfigurationException(
                $"{images}: holds the working folder, where data/, models/, exports/ and runs/ will be made; go to a folder outside of it and name it from there");
        }
        var survey = ImageSurvey.Of(full, new PrepareOptions { NameEncoding = nameEncoding }, progress, cancel);
        show(survey, images);
        foreach (var warning in SurveyWarnings.Of(survey))
        {
            progress.Warn(warning);
        }
        var inside = Path.GetRelativePath(folder, full).Replace(Path.DirectorySeparatorChar, '/');
        var path = inside.StartsWith("../", StringComparison.Ordinal) ? full : inside;
        return FolderPipeline.Text(survey, FolderChoices.For(survey), path, FolderName.For(full, folder), nameEncoding);
    }
}
