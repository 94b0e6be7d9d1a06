using Microsoft.ML.OnnxRuntime;

namespace Airbench.Onnx;

/// <summary>A model that takes its weights as inputs beside <c>images</c>, and gives <c>logits</c>.</summary>
internal sealed class StateSession : IDisposable
{
    private readonly InferenceSession _session;
    private readonly RunOptions _runOptions = new();
    private readonly string[] _names;
    private readonly OrtValue[] _values;
    private readonly long[] _row;

    private StateSession(InferenceSession session, IReadOnlyDictionary<string, (long[] Shape, float[] Values)> state)
    {
        _session = session;
        _names = ["images", .. state.Keys];
        _values = [.. state.Values.Select(tensor => OrtValue.CreateTensorValueFromMemory(tensor.Values, tensor.Shape))];
        _row = [.. session.InputMetadata["images"].Dimensions.Skip(1).Select(extent => (long)extent)];
    }

    /// <summary>Opens the model with weights.</summary>
    public static StateSession Open(string file, IReadOnlyDictionary<string, (long[] Shape, float[] Values)> state, string device, int threads)
    {
        var chosen = ExecutionDevice.Resolve(device, OnnxRuntime.Start().GetAvailableProviders());
        return new StateSession(OnnxClassifier.OpenSession(file, ref chosen, new SessionSettings(threads)), state);
    }

    /// <summary>Logits [n,K] of <paramref name="count"/> images as the model takes them.</summary>
    public float[] Answer(float[] images, int count)
    {
        using var value = OrtValue.CreateTensorValueFromMemory(images, [count, .. _row]);
        using var outputs = _session.Run(_runOptions, _names, [value, .. _values], ["logits"]);
        return outputs[0].GetTensorDataAsSpan<float>().ToArray();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var value in _values)
        {
            value.Dispose();
        }
        _runOptions.Dispose();
        _session.Dispose();
    }
}
