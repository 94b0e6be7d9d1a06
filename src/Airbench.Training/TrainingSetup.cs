using static TorchSharp.torch;

namespace Airbench.Training;

/// <summary>What all runs of a training share.</summary>
/// <param name="Dataset">What is learned.</param>
/// <param name="Plan">The recipe, its steps and learning rates.</param>
/// <param name="Spec">The network.</param>
/// <param name="Device">Where it trains, and in which precision.</param>
/// <param name="Train">Training split, on the device.</param>
/// <param name="Test">Test split, on the device.</param>
internal sealed record TrainingSetup(
    DatasetManifest Dataset, TrainingPlan Plan, NetworkSpec Spec, ComputeDevice Device, DeviceImages Train, DeviceImages Test) : IDisposable
{
    /// <summary>Every hyperparameter.</summary>
    public Recipe Recipe => Plan.Recipe;

    /// <summary>The network that a recipe makes for a data set.</summary>
    /// <exception cref="ConfigurationException">Its images are smaller than a network takes, or the recipe does not fit them.</exception>
    public static NetworkSpec NetworkOf(Dataset dataset, Recipe recipe)
    {
        if (dataset.Manifest.ImageSize < NetworkSpec.MinImageSize)
        {
            throw new ConfigurationException(
                $"{dataset.Folder}: its images have {dataset.Manifest.ImageSize} pixels a side; expected {NetworkSpec.MinImageSize} or more, which a network needs: " +
                $"prepare them with image_size {NetworkSpec.MinImageSize} or more");
        }
        var spec = recipe.Network(dataset.Manifest);
        spec.Validate();
        return spec;
    }

    /// <summary>Copies both splits to the device.</summary>
    /// <exception cref="InvalidFileException">The data set is damaged.</exception>
    /// <exception cref="ConfigurationException">Its images are smaller than a network takes.</exception>
    public static TrainingSetup Load(Dataset dataset, TrainingPlan plan, ComputeDevice device)
    {
        var spec = NetworkOf(dataset, plan.Recipe);
        using var train = dataset.OpenSplit(Split.Train);
        using var test = dataset.OpenSplit(Split.Test);
        return new TrainingSetup(
            dataset.Manifest, plan, spec, device,
            DeviceImages.Load(train, spec, plan.Recipe.Translate, device.Device), DeviceImages.Load(test, spec, Scorer.Padding, device.Device));
    }

    /// <summary>One batch of noise as training split, to measure on.</summary>
    internal static TrainingSetup OfNoise(TrainingPlan plan, NetworkSpec spec, ComputeDevice device, Generator generator)
    {
        var count = plan.Recipe.BatchSize;
        var dataset = new DatasetManifest
        {
            Name = "noise",
            Source = "synthetic",
            Classes = [.. Enumerable.Range(0, spec.ClassCount).Select(k => $"{k}")],
            ImageSize = spec.ImageSize,
            Mean = spec.Mean,
            Std = spec.Std,
            TrainCount = count,
            TestCount = 0,
            DuplicatesAcrossSplits = 0,
            TrainSha256 = "",
            TestSha256 = "",
            ProductVersion = Product.Version,
        };
        return new TrainingSetup(
            dataset, plan, spec, device,
            DeviceImages.OfNoise(count, spec, plan.Recipe.Translate, device.Device, generator), DeviceImages.OfNoise(1, spec, Scorer.Padding, device.Device, generator));
    }

    /// <summary>Hash of all that decides the weights, bit by bit: a checkpoint is good for the same training only.</summary>
    /// <param name="seed">Of the first run.</param>
    public string Key(int seed) => Key(Dataset, Recipe, Spec, Device, seed);

    /// <summary>The same, before anything is loaded.</summary>
    public static string Key(DatasetManifest dataset, Recipe recipe, NetworkSpec spec, ComputeDevice device, int seed) => Hash.OfText(Json.Write(new
    {
        Recipe = recipe,
        Network = spec,
        Data = dataset.Sha256,
        Seed = seed,
        Device = device.Description,
        Precision = device.PrecisionName,
        Kernels = device.Kernels is null ? "libtorch" : "own",
        Threads = get_num_threads(),
        Libtorch = TorchRuntime.LibtorchVersion,
        Product = Product.Version,
    }));

    public void Dispose()
    {
        Train.Dispose();
        Test.Dispose();
    }
}
