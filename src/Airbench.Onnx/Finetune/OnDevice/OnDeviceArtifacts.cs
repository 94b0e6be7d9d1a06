using System.Text.Json;
using Airbench.Onnx.Proto;
using Google.Protobuf;

namespace Airbench.Onnx;

/// <summary>
/// The files that ONNX Runtime's TrainingSession starts from. Upstream only Python's onnxruntime-training writes them.
/// </summary>
/// <remarks>
/// For ONNX Runtime 1.19.2, the last version with a training package. The optimizer is heavy-ball SGD with weight decay in the gradient:
/// that runtime has no clean way to Nesterov's, which <see cref="TrainStep"/> computes.
/// </remarks>
public static class OnDeviceArtifacts
{
    /// <summary>The ONNX Runtime version that the files are for and are tested with.</summary>
    public const string RuntimeVersion = "1.19.2";

    /// <summary>Forward and backward pass.</summary>
    public const string TrainingModelName = "training_model.onnx";

    /// <summary>The network as deployed.</summary>
    public const string EvaluationModelName = "eval_model.onnx";

    /// <summary>The update.</summary>
    public const string OptimizerModelName = "optimizer_model.onnx";

    /// <summary>All tensors.</summary>
    public const string CheckpointName = "checkpoint";

    /// <summary>Folder of the files inside of a bundle's training/&lt;part&gt;/.</summary>
    public const string FolderName = "ort";

    /// <summary>The four files.</summary>
    public static IReadOnlyList<string> FileNames { get; } = [TrainingModelName, EvaluationModelName, OptimizerModelName, CheckpointName];

    /// <summary>The learning rate that a session starts with, and that its JavaScript API cannot change.</summary>
    public const double InitialLearningRate = OptimizerModel.InitialLearningRate;

    /// <summary>Writes the four files to <paramref name="folder"/>, which exists.</summary>
    /// <param name="folder">Where to.</param>
    /// <param name="spec">Network, what learns, and the loss.</param>
    /// <param name="options">The update rule's numbers.</param>
    /// <param name="weightsFile"><c>weights.safetensors</c> of the network.</param>
    /// <exception cref="InvalidFileException">The weights do not fit the network.</exception>
    public static void Write(string folder, TrainingSpec spec, OnDeviceOptions options, string weightsFile)
    {
        using var weights = NetworkWeights.Open(weightsFile, spec.Network);
        Save(TrainingModelName, TrainingModel.Build(spec, options.WeightDecay));
        Save(EvaluationModelName, EvaluationModel.Build(spec));
        Save(OptimizerModelName, OptimizerModel.Build(options.LearningRate, options.Momentum));
        File.WriteAllBytes(Path.Combine(folder, CheckpointName), Checkpoint.Write(
            Tensors(spec.Trained), Tensors(spec.Network.Parameters().ExceptBy(spec.Trained.Select(t => t.Name), t => t.Name))));

        List<NamedTensor> Tensors(IEnumerable<(string Name, long[] Shape)> tensors) =>
            [.. tensors.Select(t => new NamedTensor(t.Name, t.Shape, weights[t.Name].ToArray()))];

        void Save(string name, ModelProto model)
        {
            foreach (var (key, value) in Metadata(spec, options))
            {
                model.MetadataProps.Add(new StringStringEntryProto { Key = key, Value = value });
            }
            File.WriteAllBytes(Path.Combine(folder, name), model.ToByteArray());
        }
    }

    private static IEnumerable<(string Key, string Value)> Metadata(TrainingSpec spec, OnDeviceOptions options)
    {
        yield return ("runtime", $"onnxruntime-training {RuntimeVersion}");
        yield return ("train", TrainedParts.NameOf(spec.Part));
        yield return ("loss", FormattableString.Invariant($"cross-entropy, mean over the batch, label smoothing {spec.LabelSmoothing} in training and none in evaluation"));
        yield return ("optimizer", FormattableString.Invariant(
            $"SGD with heavy-ball momentum {options.Momentum} (not Nesterov), weight decay {options.WeightDecay}: g += wd * w; v = mu * v + g; w -= lr * v"));
        yield return ("learning_rate", FormattableString.Invariant(
            $"{options.LearningRate} where the session's is {OptimizerModel.InitialLearningRate}, as every session starts; in proportion where it is another"));
        yield return ("trained", JsonSerializer.Serialize(spec.Trained.Select(t => t.Name)));
    }
}
