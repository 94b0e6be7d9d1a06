using System.Runtime.InteropServices;
using System.Text.Json;

namespace Airbench.Tests;

/// <summary>What a training session in onnxruntime-web 1.19.2 made of its artifacts.</summary>
/// <param name="Version">Of the runtime.</param>
/// <param name="Losses">Of every step, before its update.</param>
/// <param name="Seconds">Of every step, with its update.</param>
/// <param name="Evaluated">Outputs of the evaluation model on the last batch, after the last update.</param>
internal sealed record TrainingSessionResult(
    string Version, IReadOnlyList<double> Losses, IReadOnlyList<double> Seconds, IReadOnlyDictionary<string, double[]> Evaluated);

/// <summary>Runs tests/clients/ort_training.mjs.</summary>
internal static class TrainingSessions
{
    /// <summary>Trains a step on each batch with the artifacts in <paramref name="folder"/>.</summary>
    /// <param name="folder">training_model.onnx, eval_model.onnx, optimizer_model.onnx and checkpoint.</param>
    /// <param name="batches">Tensors by input name.</param>
    /// <param name="temporary">A folder for the files between.</param>
    public static TrainingSessionResult Run(
        string folder, IEnumerable<IReadOnlyDictionary<string, BatchTensor>> batches, TemporaryFolder temporary)
    {
        Programs.SkipWithoutNode("onnxruntime-web-training");
        var batchFile = temporary.File("batches.safetensors");
        using (var writer = new TensorFileWriter(batchFile, headerRoom: 64 * 1024))
        {
            foreach (var (i, batch) in batches.Index())
            {
                foreach (var (name, tensor) in batch)
                {
                    writer.Begin(FormattableString.Invariant($"{i}/{name}"), tensor.Type, tensor.Shape.AsSpan(1));
                    writer.Append<byte>(tensor.Bytes);
                }
            }
            writer.Finish();
        }
        var (exitCode, output) = Programs.Run("node", Path.Combine(Programs.Clients, "ort_training.mjs"), folder, batchFile);
        Assert.True(exitCode == 0, output);
        return JsonSerializer.Deserialize<TrainingSessionResult>(output, JsonSerializerOptions.Web)!;
    }
}

/// <summary>A tensor of a batch.</summary>
internal sealed record BatchTensor(TensorType Type, long[] Shape, byte[] Bytes)
{
    public static BatchTensor Of<T>(TensorType type, T[] values, params long[] shape) where T : unmanaged =>
        new(type, shape, MemoryMarshal.AsBytes(values.AsSpan()).ToArray());
}
