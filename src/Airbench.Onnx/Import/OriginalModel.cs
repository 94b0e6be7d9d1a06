using Airbench.Onnx.Proto;
using Microsoft.ML.OnnxRuntime;

namespace Airbench.Onnx;

/// <summary>What a model is imported from, unchanged but for one more output.</summary>
/// <param name="Path">The model's file, for messages.</param>
/// <param name="Model">The model as it was read.</param>
/// <param name="Input">What it takes.</param>
/// <param name="Front">The model that makes its input of pixels; null where pixels are encoded for it.</param>
internal sealed record OriginalModel(string Path, ModelProto Model, ModelInput Input, OriginalModel? Front)
{
    /// <summary>Opens a session on it.</summary>
    /// <param name="value">The value to compare.</param>
    public OriginalRun Open(string value) => new(this, value);
}

/// <summary>The original, ready to run.</summary>
internal sealed class OriginalRun : IDisposable
{
    private readonly OriginalModel _original;
    private readonly string _value;
    private readonly ModelRun _run;
    private readonly OriginalRun? _front;
    private readonly PixelEncoder _encoder;

    public OriginalRun(OriginalModel original, string value)
    {
        (_original, _value, _encoder) = (original, value, new PixelEncoder(original.Input));
        _front = original.Front?.Open(original.Front.Model.Graph.Output[0].Name);
        var model = original.Model.Clone();
        model.Graph.Output.Clear();
        model.Graph.Output.Add(original.Model.Graph.Output.FirstOrDefault(output => output.Name == value) ?? new ValueInfoProto { Name = value });
        _run = ModelRun.Of(original.Path, model);
    }

    /// <summary>What it gives for one image [3,S,S]. A model of a fixed batch gets the image that often, and its first answer counts.</summary>
    public float[] Answer(ReadOnlySpan<byte> image)
    {
        var input = _original.Input;
        var images = input.FixedBatch ?? 1;
        using var value = _front is null ? input.Empty(images) : OrtValue.CreateTensorValueFromMemory(Repeat<float>(_front.Answer(image), images), input.Shape(images));
        if (_front is null)
        {
            _encoder.Encode(Repeat(image, images), value.GetTensorMutableRawData());
        }
        var answers = _run.Floats(input.Name, value, _value).Values;
        return answers[..(answers.Length / images)];
    }

    private static T[] Repeat<T>(ReadOnlySpan<T> image, int times)
    {
        var batch = new T[times * image.Length];
        for (var i = 0; i < times; i++)
        {
            image.CopyTo(batch.AsSpan(i * image.Length));
        }
        return batch;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _front?.Dispose();
        _run.Dispose();
    }
}
