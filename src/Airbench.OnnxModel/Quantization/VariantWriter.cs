using Airbench.OnnxModel.Proto;

namespace Airbench.OnnxModel.Quantization;

/// <summary>Writes the variants of a model and lets only those through that keep its accuracy.</summary>
internal static class VariantWriter
{
    private static readonly Dictionary<string, string> FileNames = new()
    {
        [ExportOptions.Fp32] = Exporter.ModelName,
        [ExportOptions.Fp16] = "model.fp16.onnx",
        [ExportOptions.Int8] = "model.int8.onnx",
    };

    /// <summary>
    /// Writes every variant beyond fp32 beside it, scores all of them on the test split once, and prints the table.
    /// </summary>
    /// <param name="fp32">The full-precision model, already in <paramref name="folder"/> and proved right.</param>
    /// <param name="options">Variants, calibration and bounds.</param>
    /// <param name="folder">The bundle being built.</param>
    /// <param name="runtime">Needed where there is more than fp32.</param>
    /// <param name="progress">Where to say what happens.</param>
    /// <param name="cancel">Ends the work early.</param>
    /// <returns>The files by variant, in the order of the options.</returns>
    /// <exception cref="GateException">A variant loses more than its <see cref="ExportOptions.MaxDropOf"/>.</exception>
    public static IReadOnlyDictionary<string, VariantFile> Write(
        ModelProto fp32, ExportOptions options, string folder, IVariantRuntime? runtime, IProgress progress, CancellationToken cancel)
    {
        var files = options.Variants.ToDictionary(variant => variant, variant => Path.Combine(folder, FileNames[variant]));
        if (files.Count == 1)
        {
            return new Dictionary<string, VariantFile> { [ExportOptions.Fp32] = Describe(files[ExportOptions.Fp32]) };
        }
        if (runtime is null)
        {
            throw new ConfigurationException(
                $"variants: [{string.Join(", ", options.Variants)}] without the data set that judges them; expected it beside the trained model, " +
                "so add the prepare stage to needs, or the flag --dataset");
        }
        if (files.TryGetValue(ExportOptions.Fp16, out var halfFile))
        {
            NetworkExporter.Save(Named(HalfWriter.Write(fp32), ExportOptions.Fp16), halfFile);
        }
        QuantizationFacts? facts = null;
        if (files.TryGetValue(ExportOptions.Int8, out var int8File))
        {
            var graph = new LayerGraph(fp32);
            var search = new Int8Search(graph, files[ExportOptions.Fp32], folder, runtime, progress, cancel);
            (var model, facts) = search.Run(options.Calibration, FloatLayers(options, graph), options.MaxDropOf(ExportOptions.Int8));
            NetworkExporter.Save(Named(model, ExportOptions.Int8), int8File);
        }
        cancel.ThrowIfCancellationRequested();

        string[] names = [ExportOptions.Fp32, .. options.Variants.Where(variant => variant != ExportOptions.Fp32)];
        var scores = names.Zip(runtime.Score([.. names.Select(name => (name, files[name]))])).ToDictionary(p => p.First, p => p.Second);
        var variants = options.Variants.ToDictionary(name => name, name => Describe(files[name]) with
        {
            Score = scores[name],
            Quantization = name == ExportOptions.Int8 ? facts : null,
        });
        VariantTable.Lines(variants).ToList().ForEach(progress.Info);
        VariantGate.Check(variants, options);
        return variants;
    }

    /// <summary>float_layers by name.</summary>
    private static List<string> FloatLayers(ExportOptions options, LayerGraph graph)
    {
        var unknown = options.FloatLayers.Except([ExportOptions.FirstLayer, ExportOptions.LastLayer, .. graph.Layers]).ToList();
        return unknown.Count == 0
            ? [.. options.FloatLayers.Select(name => name switch
            {
                ExportOptions.FirstLayer => graph.Layers[0],
                ExportOptions.LastLayer => graph.Layers[^1],
                _ => name,
            }).Distinct()]
            : throw new ConfigurationException(
                $"float_layers: '{unknown[0]}'; expected {ExportOptions.FirstLayer}, {ExportOptions.LastLayer}, {string.Join(", ", graph.Layers)}");
    }

    /// <summary>Says in the file what it is. The accuracy in the metadata of <c>model.onnx</c> is that of full precision, so it goes.</summary>
    private static ModelProto Named(ModelProto model, string variant)
    {
        foreach (var entry in model.MetadataProps.Where(p => p.Key == "tta" || p.Key.StartsWith("accuracy_", StringComparison.Ordinal)).ToList())
        {
            model.MetadataProps.Remove(entry);
        }
        model.MetadataProps.Add(new StringStringEntryProto { Key = "variant", Value = variant });
        return model;
    }

    private static VariantFile Describe(string file) => new(Path.GetFileName(file), new FileInfo(file).Length, Hash.OfFile(file));
}
