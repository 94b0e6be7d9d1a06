using System.Globalization;
using System.Text.Json;
using Airbench.Onnx.Proto;
using Google.Protobuf;
using static Airbench.Onnx.Proto.TensorProto.Types;

namespace Airbench.Onnx;

/// <summary>A trained network as an ONNX model: its layers, folded, and where they come from.</summary>
internal static class NetworkExporter
{
    /// <summary>Protocol buffers end at 2 GB; a model beyond needs its weights in a file of their own.</summary>
    private const long MaxModelBytes = int.MaxValue - 1_000_000;

    /// <summary>What a caller must do, and must not do, before the model.</summary>
    public static string Preprocessing(NetworkSpec network, InputOptions input) => Preprocessing(network.ImageSize, network.Fit, input);

    /// <inheritdoc cref="Preprocessing(NetworkSpec, InputOptions)"/>
    public static string Preprocessing(int imageSize, Fit fit, InputOptions input)
    {
        var size = imageSize.ToString(CultureInfo.InvariantCulture);
        var values = input.Format switch
        {
            InputFormat.Uint8Nhwc => "RGB pixels as uint8, 0 to 255, interleaved [N,",
            InputFormat.FloatNchw => "RGB pixels / 255 as float32, 0 to 1, planar [N,3,",
            _ => "RGB pixels as uint8, 0 to 255, planar [N,3,",
        };
        var extents = (input.AnySize ? "H,W" : $"{size},{size}") + (input.Format == InputFormat.Uint8Nhwc ? ",3]" : "]");
        var (outside, inside) = fit switch
        {
            Fit.Pad => ($"Resize the long side to {size} and pad with black to the square, the image in the middle",
                $"resizes the long side to {size} and pads with black to the square"),
            Fit.Stretch => ($"Resize both sides to {size}", $"resizes both sides to {size}"),
            _ => ($"Resize the short side to {size} and crop the centre", $"resizes the short side to {size} and crops the centre"),
        };
        var geometry = input.AnySize ? $"Give the upright image in its own size: the model {inside}; " : $"{outside}; ";
        var limit = $"do not {(input.Format == InputFormat.FloatNchw ? "" : "scale or ")}normalize the values: the model does.";
        return $"images: {values}{extents}. {geometry}{limit}";
    }

    /// <summary>Builds the model. The same network, weights and manifest give the same bytes.</summary>
    /// <exception cref="InvalidFileException">The weights do not fit the network.</exception>
    /// <param name="manifest">Of the trained model.</param>
    /// <param name="weightsFile">Its weights.</param>
    /// <param name="opset">ONNX operator-set version; a model with a backbone has the backbone's.</param>
    /// <param name="input">What it is to take.</param>
    /// <param name="backboneFile"><c>backbone.onnx</c>, where it has one.</param>
    public static ModelProto Build(ModelManifest manifest, string weightsFile, int opset, InputOptions? input = null, string? backboneFile = null)
    {
        input ??= InputOptions.Default;
        var network = manifest.Network;
        network.Validate();
        var bytes = network.Parameters().Sum(p => p.Shape.Aggregate((long)sizeof(float), (product, extent) => product * extent));
        if (bytes > MaxModelBytes)
        {
            throw new ConfigurationException(
                $"network: {bytes} bytes of weights; one ONNX file holds at most {MaxModelBytes}: choose smaller widths");
        }
        var model = network.Architecture == Architecture.Backbone
            ? FoldBatchNorm.Apply(BackboneModel.Build(network, backboneFile!, weightsFile, input), backboneFile!).Model
            : FoldIntoWeights.Apply(Unfolded(manifest.RecipeName, network, weightsFile, opset, input), network, weightsFile).Model;
        model.DocString = Describe(manifest);
        foreach (var (key, value) in ModelMetadata.Of(manifest, input).Properties().Append(("product_version", Product.Version)))
        {
            model.MetadataProps.Add(new StringStringEntryProto { Key = key, Value = value });
        }
        return model;
    }

    /// <summary>
    /// Input <c>images</c> as <see cref="InputWriter"/> has it, the layers with their weights as constants, and the outputs <c>logits</c> and
    /// <c>probabilities</c>, float32 [N,K].
    /// </summary>
    private static OnnxGraph Unfolded(string name, NetworkSpec network, string weightsFile, int opset, InputOptions input)
    {
        var graph = new GraphBuilder(name);
        using var weights = NetworkWeights.Open(weightsFile, network);
        var logits = ForwardWriter.Write(graph, network, opset, input, declare: layer =>
        {
            foreach (var (tensor, shape) in layer.Parameters())
            {
                graph.Initializer(tensor, weights[tensor], shape);
            }
        });
        graph.Output(logits, DataType.Float, network.ClassCount);
        graph.Output(graph.Node("Softmax", "probabilities", [logits], [Attribute.Int("axis", 1)]), DataType.Float, network.ClassCount);
        return new OnnxGraph(graph.Build(opset));
    }

    /// <summary>Writes <paramref name="model"/> to a new file.</summary>
    public static void Save(ModelProto model, string path)
    {
        using var stream = new FileStream(path, FileMode.CreateNew, FileAccess.Write);
        model.WriteTo(stream);
    }

    private static string Describe(ModelManifest manifest) =>
        $"{manifest.RecipeName} network for {manifest.Classes.Count} classes, trained on {manifest.DatasetName}, seed {manifest.Seed}." +
        (manifest.Synthetic ? " The training images are synthetic: drawn by a program, not photographed." : "");
}
