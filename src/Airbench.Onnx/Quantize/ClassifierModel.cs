using System.Text.Json;
using Airbench.Onnx.Proto;
using static Airbench.Onnx.Proto.TensorProto.Types;

namespace Airbench.Onnx;

/// <summary>
/// An imported classifier with the signature of our own models: <c>images</c> uint8 [N,3,S,S], <c>logits</c> and <c>probabilities</c> float32 [N,K], and
/// the metadata properties by which the file alone can be evaluated.
/// </summary>
internal static class ClassifierModel
{
    private const string Images = "images", Probabilities = "probabilities";

    /// <summary>Builds it, batch norms folded.</summary>
    /// <param name="imported">The whole classifier (<see cref="ImportPart.Classifier"/>).</param>
    /// <param name="classes">Names of its classes; null where they are not known.</param>
    /// <param name="fit">How images that are not square become so.</param>
    /// <exception cref="InvalidFileException">It has one score, or a folded weight overflows float32.</exception>
    public static OnnxGraph Build(ImportedModel imported, IReadOnlyList<string>? classes, Fit fit)
    {
        if (imported.FeatureCount < 2)
        {
            throw new InvalidFileException(imported.Source.Path, "gives one score an image; expected one for each of at least 2 classes: export the model with a score for each");
        }
        var graph = MatMulToGemm.Apply(FoldBatchNorm.Apply(imported.Graph, imported.Source.Path), imported.Source.Path);
        var (model, size) = (graph.Model, imported.ImageSize);
        model.Graph.Input.Clear();
        model.Graph.Input.Add(GraphBuilder.Declare(Images, DataType.Uint8, [GraphBuilder.Batch, "3", $"{size}", $"{size}"]));
        graph.Insert(
        [
            new NodeProto
            {
                Name = InputWriter.Pixels, OpType = "Cast", Input = { Images }, Output = { InputWriter.Pixels }, Attribute = { Attribute.Int("to", (long)DataType.Float) },
            },
        ]);
        graph.Add(new NodeProto
        {
            Name = Probabilities,
            OpType = "Softmax",
            Input = { ImportedModel.Logits },
            Output = { Probabilities },
            Attribute = { Attribute.Int("axis", 1) },
        });
        model.Graph.Output.Add(GraphBuilder.Declare(Probabilities, DataType.Float, [GraphBuilder.Batch, $"{imported.FeatureCount}"]));
        model.MetadataProps.Clear();
        (model.ProducerName, model.ProducerVersion) = (Product.Name, Product.Version);
        if (classes is not null)
        {
            Add("classes", JsonSerializer.Serialize(classes));
        }
        Add("preprocessing", NetworkExporter.Preprocessing(size, fit, InputOptions.Default));
        Add(ModelMetadata.ImageSizeKey, $"{size}");
        Add(ModelMetadata.FitKey, JsonNamingPolicy.SnakeCaseLower.ConvertName(fit.ToString()));
        Add("layout", "nchw");
        Add("source", Path.GetFileName(imported.Source.Path));
        Add("source_sha256", Hash.OfFile(imported.Source.Path));
        Add("product_version", Product.Version);
        return graph;

        void Add(string key, string value) => model.MetadataProps.Add(new StringStringEntryProto { Key = key, Value = value });
    }
}
