using Airbench.Onnx.Proto;
using static Airbench.Onnx.Proto.TensorProto.Types;

namespace Airbench.Onnx;

/// <summary>What a training step is generated from: a graph that gives features, and what is added to it.</summary>
/// <param name="Backbone">One input, and one output float32 [N,F]; opset 13 to 22. It stays as it is.</param>
/// <param name="Shapes">Its shapes.</param>
internal record TrainingSource(OnnxGraph Backbone, ValueShapes Shapes)
{
    /// <summary>First opset in which ScatterElements adds, which windows that overlap need. Newer operators do the same with what older files say.</summary>
    private const int LeastOpset = 16;

    /// <summary>The value that <c>images</c> stands for; everything behind it must depend on no other input.</summary>
    public string Start { get; init; } = Backbone.Model.Graph.Input.First(input => Backbone.Constant(input.Name) is null).Name;

    /// <summary>Element type of <c>images</c>: float32, or uint8, whose numbers are those of the value.</summary>
    public DataType ImageType { get; init; } = DataType.Float;

    /// <summary>The linear layer on the features, which learns.</summary>
    public LinearLayer Head { get; init; } = new("head", 0, 0, Scale: 1) { HasBias = true };

    /// <summary>Names of the constants that learn besides the head; <see cref="GradientPaths.Trainable"/> says which can.</summary>
    public IReadOnlyList<string> Learned { get; init; } = [];

    /// <summary>
    /// Whether batch norms that learn still normalize with their running statistics, and keep them. Otherwise they normalize with those of the batch, and
    /// the running ones follow. Batch norms that do not learn are always as in deployment.
    /// </summary>
    public bool KeepsStatistics { get; init; } = true;

    /// <summary>Share of probability, 0 to 1, that the loss spreads over all classes.</summary>
    public double LabelSmoothing { get; init; }

    /// <summary>Share of the batch statistics that enters the running ones at a step, 0 to 1 (PyTorch's convention).</summary>
    public double BatchNormMomentum { get; init; } = 0.1;

    /// <summary>Images in a batch that ways of computing are chosen for.</summary>
    public double UsualBatch { get; init; } = 16;   // of backbones, whose images are large

    /// <summary>Other constants of the backbone that are in the model that is generated, under their own names.</summary>
    public IReadOnlyList<string> Given { get; init; } = [];

    /// <summary>The value that the head reads.</summary>
    public string Features => Backbone.Model.Graph.Output.Single().Name;

    /// <summary>Of the model that is generated.</summary>
    public int Opset => Math.Max(GradientPaths.OpsetOf(Backbone), LeastOpset);

    /// <summary>Running means and variances that follow the batches: those of batch norms that learn, where no other node reads them.</summary>
    public IReadOnlyList<string> Moving => KeepsStatistics ? [] :
    [
        .. Backbone.Nodes.Where(node => node.OpType == "BatchNormalization" && node.Input.Skip(1).Take(2).Any(Learned.Contains))
            .Where(node => node.Input.Skip(3).Take(2).All(name => Backbone.Constant(name) is not null && Backbone.Readers(name).Count == 1))
            .SelectMany(node => node.Input.Skip(3).Take(2)),
    ];

    /// <summary>Writes what leads from the images to the features; returns those.</summary>
    /// <param name="pass">Into a graph that has <see cref="Learned"/>, <see cref="Moving"/> and <see cref="Given"/>.</param>
    /// <param name="images">What <see cref="AddImages"/> gave.</param>
    /// <exception cref="ArgumentException">No gradient comes to a constant that is to learn, or the features depend on more than <see cref="Start"/>.</exception>
    public string WriteForward(BackwardPass pass, string images)
    {
        pass.Bind(Start, images);
        foreach (var name in Learned.Concat(Moving).Union(Given))
        {
            pass.Bind(name, name);
        }
        return pass.Forward(Features);
    }

    /// <summary>Adds the input <c>images</c>; returns what stands for <see cref="Start"/>.</summary>
    public string AddImages(GraphBuilder graph)
    {
        var shape = Shapes[Start] is { Rank: > 0 } found && (found.Type == DataType.Float || found.Type == ImageType)
            && found.Extents[0].IsBatch && !found.Extents.Skip(1).Any(extent => extent.IsPerImage)
            ? found : throw new ArgumentException($"the value '{Start}' is {Shapes[Start]?.ToString() ?? "unknown"}; expected float [N,...] with one row for each image");
        var images = graph.Input("images", ImageType, [.. shape.Extents.Skip(1).Select(extent => extent.Count)]);
        return ImageType == shape.Type ? images : graph.Node("Cast", "images/float", [images], [Attribute.Int("to", (long)shape.Type)]);
    }
}
