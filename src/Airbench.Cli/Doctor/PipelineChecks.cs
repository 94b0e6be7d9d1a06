using System.Globalization;
using Airbench.Data;
using Airbench.Onnx;
using Airbench.Pipeline;
using Airbench.Training;

namespace Airbench.Cli;

/// <summary>Whether a pipeline could run here: everything that can be told without doing its work.</summary>
internal static class PipelineChecks
{
    /// <summary>Memory of the process beside images and activations: runtimes, libraries, weights.</summary>
    private const long BaseBytes = 800_000_000;

    /// <summary>Models, bundles, checkpoints and records of a run.</summary>
    private const long ResultBytes = 300_000_000;

    private const int CifarTestImages = 10_000;

    /// <summary>Images where nobody has counted them yet.</summary>
    private const int SomeImages = 10_000;

    public static IEnumerable<Finding> All(PipelineDefinition pipeline, Surroundings here)
    {
        List<Finding> findings = [Writable(here.Root), .. Device(pipeline, here)];
        var sources = new Dictionary<string, SourceNeeds>();
        foreach (var stage in pipeline.Stages)
        {
            if (stage.Options is PrepareOptions prepare)
            {
                findings.Add(Source(stage, prepare, here, sources));
            }

            findings.AddRange(Files(stage, here.Root));
        }
        findings.Add(Disk(pipeline, here, sources));
        findings.AddRange(Memory(pipeline, here, sources));
        if (findings.TrueForAll(finding => finding.Status != FindingStatus.Problem))
        {
            findings.AddRange(Trainings(pipeline).SelectMany(
                training => PrecisionCheck.Of(training.Stage, training.Options, training.Prepare.ImageSize, pipeline.Device, here)));
            findings.AddRange(Times(pipeline, here, sources));   // a training that cannot start takes no time
        }
        var environment = pipeline.Environment.Below(here.Root);
        return findings.Select(finding => finding with { Found = environment.Hide(finding.Found) });
    }

    private static Finding Writable(string root)
    {
        var probe = Path.Combine(root, $".airbench-doctor-{Guid.NewGuid():N}");
        try
        {
            File.WriteAllText(probe, "");
            File.Delete(probe);
            return new("results", $"below {Path.GetFullPath(root)}");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return Finding.Problem("results", $"cannot be written: {e.Message}", "copy the pipeline to a folder of yours and run it there");
        }
    }

    private static IEnumerable<Finding> Device(PipelineDefinition pipeline, Surroundings here)
    {
        const string What = "device";
        if (pipeline.Device is "auto" or "cpu")
        {
            yield return new(What, pipeline.Device == "cpu" ? "cpu" : $"auto: {(here.TorchCudaDevices > 0 ? "cuda:0" : "cpu")}");
            yield break;
        }
        var index = pipeline.Device.Contains(':', StringComparison.Ordinal) ? int.Parse(pipeline.Device.Split(':')[1], CultureInfo.InvariantCulture) : 0;
        var trains = pipeline.Stages.Any(stage => stage.Options is TrainOptions);
        var infers = pipeline.Stages.Any(stage => stage.Options is EvaluateOptions or ModelBenchmarkOptions);
        if (trains && here.TorchCudaDevices is { } devices && index >= devices)
        {
            yield return Finding.Problem(
                What, $"{pipeline.Device}, but libtorch sees {(devices == 0 ? "no CUDA device" : $"only cuda:0 to cuda:{devices - 1}")}",
                devices == 0 ? "dotnet build -c Release -p:Backend=cuda, or device: cpu" : "device: cuda");
        }
        else if (infers && here.OnnxCuda == false)
        {
            yield return Finding.Problem(What, $"{pipeline.Device}, but this ONNX Runtime has no CUDA", "dotnet build -c Release -p:Backend=cuda, or device: cpu");
        }
        else
        {
            yield return new(What, pipeline.Device);
        }
    }

    private static Finding Source(PipelineStage stage, PrepareOptions options, Surroundings here, Dictionary<string, SourceNeeds> sources)
    {
        var what = $"{stage.Key}: source";
        try
        {
            var rooted = options with { Path = options.Path is null ? null : Path.Combine(here.Root, options.Path) };
            var needs = SourceNeeds.Of(rooted, Path.Combine(here.Root, "data"));
            sources[stage.Key] = needs;
            var count = needs.Images is { } images ? string.Create(CultureInfo.InvariantCulture, $", {images:N0} images") : "";
            if (needs.Download is not { } address)
            {
                return needs.Images == 0 ? Finding.Problem(what, $"{needs.Found} holds no image that is read", null) : new(what, needs.Found + count);
            }

            return here.Unreachable(address) is { } why
                ? Finding.Problem(
                    what, $"{needs.Found} is not here, and {address.Host} {why}",
                    $"put {address} into {Path.Combine(here.Root, "data")}, or run with --demo")
                : new(what, $"{needs.Found}: will be downloaded from {address.Host} ({MachineChecks.Gigabytes(needs.DownloadBytes)})");
        }
        catch (AirbenchException e)
        {
            return Finding.Problem(what, e.Message, null);
        }
    }

    /// <summary>Files that options name and that no stage makes.</summary>
    private static IEnumerable<Finding> Files(PipelineStage stage, string root)
    {
        (string Key, string? Path)[] named = stage.Options switch
        {
            EvaluateOptions evaluate =>
            [
                ("data", evaluate.Data), ("labels", evaluate.Labels),
                .. evaluate.Model.Where(model => model.EndsWith(".onnx", StringComparison.OrdinalIgnoreCase) && !model.StartsWith("exports/", StringComparison.Ordinal))
                    .Select(model => ("model", (string?)model)),
            ],
            TrainStageOptions train =>
            [
                ("backbone", Backbones.Names.Contains(train.Backbone) ? null : train.Backbone), ("backbone_input.preprocess", train.BackboneInput.Preprocess),
            ],
            TrainBenchmarkOptions benchmark => [("against", benchmark.Against)],
            ModelBenchmarkOptions benchmark => [("against", benchmark.Against)],
            _ => [],
        };
        return named.Where(file => file.Path is not null && !Path.Exists(Path.Combine(root, file.Path)))
            .Select(file => Finding.Problem($"{stage.Key}: {file.Key}", $"{file.Path}: does not exist (looked at {Path.GetFullPath(Path.Combine(root, file.Path!))})", null));
    }

    private static Finding Disk(PipelineDefinition pipeline, Surroundings here, Dictionary<string, SourceNeeds> sources)
    {
        var prepared = pipeline.Stages.Where(stage => stage.Options is PrepareOptions).Sum(stage =>
            Bytes((PrepareOptions)stage.Options, sources.GetValueOrDefault(stage.Key)) + (sources.GetValueOrDefault(stage.Key)?.DownloadBytes ?? 0));
        var needed = ResultBytes + prepared;
        var found = $"about {MachineChecks.Gigabytes(needed)} needed, {(here.FreeBytes is { } free ? MachineChecks.Gigabytes(free) : "unknown")} free";
        return needed > here.FreeBytes
            ? Finding.Problem("disk for it", found, "free some space, or take a smaller image_size")
            : new("disk for it", found);
    }

    /// <summary>An estimate, good to a factor of two: the images, and what a step keeps for its backward pass.</summary>
    private static IEnumerable<Finding> Memory(PipelineDefinition pipeline, Surroundings here, Dictionary<string, SourceNeeds> sources)
    {
        foreach (var (stage, options, source, prepare) in Trainings(pipeline))
        {
            if (prepare.ImageSize < NetworkSpec.MinImageSize)
            {
                continue;   // the network's own check speaks of that
            }

            if (options is TrainStageOptions { Backbone: not null })
            {
                continue;   // a batch of a few images at a time
            }

            var recipe = options.ToRecipe();
            var network = recipe.Network(prepare.ImageSize, classCount: 10, mean: [0, 0, 0], std: [1, 1, 1]);
            var needed = BaseBytes + Bytes(prepare, sources.GetValueOrDefault(source.Key)) + network.TrainingBytes(recipe.BatchSize);
            var found = $"about {MachineChecks.Gigabytes(needed)} needed (batch_size {recipe.BatchSize}, image_size {prepare.ImageSize}), {MachineChecks.Gigabytes(here.MemoryBytes)} there";
            yield return needed > here.MemoryBytes
                ? Finding.Problem($"{stage.Key}: memory", found, $"{pipeline.Command} --set {stage.Key}.with.batch_size={Math.Max(16, recipe.BatchSize / 4)}")
                : new($"{stage.Key}: memory", found);
        }
    }

    /// <summary>Where the number of images is known.</summary>
    private static IEnumerable<Finding> Times(PipelineDefinition pipeline, Surroundings here, Dictionary<string, SourceNeeds> sources)
    {
        foreach (var (stage, options, source, prepare) in Trainings(pipeline))
        {
            if (sources.GetValueOrDefault(source.Key)?.Images is not { } images)
            {
                continue;
            }
            var testCount = prepare.Source switch
            {
                DataSource.Synthetic => prepare.TestCount,
                DataSource.Cifar10 or DataSource.Cifar100 => CifarTestImages,
                _ => (int)(images * prepare.TestFraction),   // about, also where test/ says it
            };
            var task = new TrainingTask(options, prepare.ImageSize, ClassCount: 10, images - testCount, testCount, pipeline.Device, here.Root);
            if (here.Estimate(task) is { } estimate)
            {
                yield return new($"{stage.Key}: time", TrainingTime.Describe(task, estimate));
            }
        }
    }

    /// <summary>Train stages that learn what a prepare stage makes.</summary>
    private static IEnumerable<(PipelineStage Stage, TrainOptions Options, PipelineStage Source, PrepareOptions Prepare)> Trainings(PipelineDefinition pipeline) =>
        from stage in pipeline.Stages
        where stage.Options is TrainOptions
        let source = pipeline.Stages.FirstOrDefault(other => stage.Needs.Contains(other.Key) && other.Options is PrepareOptions)
        where source is not null
        select (stage, (TrainOptions)stage.Options, source, (PrepareOptions)source.Options);

    private static long Bytes(PrepareOptions options, SourceNeeds? needs) => 3L * options.ImageSize * options.ImageSize * (needs?.Images ?? SomeImages);
}
