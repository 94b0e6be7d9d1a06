using Airbench.Data;
using Airbench.Pipeline;

namespace Airbench.Cli;

/// <summary>Labelled images become a data set.</summary>
internal sealed class PrepareStage : Stage<PrepareOptions, Dataset>
{
    public override string Uses => "prepare";

    public override string Description => "Decode labelled images into one memory-mapped data set.";

    public override StageResult Run(StageContext context, PrepareOptions options)
    {
        // A relative path means what the pipeline file sees, wherever the command is typed.
        var rooted = options with { Path = options.Path is null ? null : Path.GetFullPath(options.Path, context.Root) };
        var dataset = Preparer.Prepare(
            rooted, OutputFolder(context, options), Path.Combine(context.Root, "data"), context.Seed, context.Progress, context.Cancel);
        var manifest = dataset.Manifest;
        var name = manifest.IsSynthetic && manifest.Name != "synthetic" ? $"{manifest.Name} (synthetic)" : manifest.Name;
        return new StageResult(dataset, $"{name}: {manifest.TrainCount:N0} train, {manifest.TestCount:N0} test, {manifest.Classes.Count} classes")
        {
            Items = manifest.TrainCount + manifest.TestCount,
        };
    }

    public override IEnumerable<string> Check(PrepareOptions options) => PrepareOptions.Check(options);

    public override string OutputFolder(StageContext context, PrepareOptions options) =>
        Path.Combine(context.Root, "data", Preparer.DatasetName(options));

    public override Dataset Open(string folder) => Dataset.Open(folder);

    public override DeviceUse UseOf(PrepareOptions options) => DeviceUse.None;

    public override Fingerprint Fingerprint(StageContext context, PrepareOptions options)
    {
        var readsFiles = options.Source is DataSource.Archive or DataSource.Folder;
        var isDrawn = options.Source == DataSource.Synthetic;
        return new Fingerprint
        {
            Settings = options with
            {
                Name = null,   // the folder says it
                Path = readsFiles ? null : options.Path,   // the content counts, see Reads
                Download = true,   // the archive's checksum is known, wherever it comes from
                TrainCount = isDrawn ? options.TrainCount : 0,
                TestCount = isDrawn ? options.TestCount : 0,
            },
            Environment = isDrawn ? Factors.Seed(context) : [],
            Reads = readsFiles ? [options.Path!] : [],
            Versions = Factors.All(Factors.Code(typeof(Preparer)), Factors.Packages(typeof(SkiaSharp.SKBitmap), typeof(BitMiracle.LibTiff.Classic.Tiff))),
        };
    }
}
