using System.Runtime.InteropServices;
using System.Text;

namespace Airbench.Onnx;

/// <summary>An engine in another process, behind its <see cref="EngineServer"/>.</summary>
public sealed class RemoteEngine : IFinetuneEngine
{
    private readonly BinaryWriter _requests;
    private readonly BinaryReader _answers;
    private readonly Func<AirbenchException> _gone;
    private readonly int _classCount;

    /// <summary>Reads the description that the other side sends first.</summary>
    /// <param name="requests">What the other side reads; closed with this.</param>
    /// <param name="answers">What it writes; closed with this.</param>
    /// <param name="classCount">Rows of the head.</param>
    /// <param name="gone">What to throw when the other side has ended: it may have said why elsewhere.</param>
    public RemoteEngine(Stream requests, Stream answers, int classCount, Func<AirbenchException> gone)
    {
        _requests = new BinaryWriter(requests, Encoding.UTF8);
        _answers = new BinaryReader(answers, Encoding.UTF8);
        (_classCount, _gone) = (classCount, gone);
        Description = Ask(() => { }, () => _answers.ReadString());
    }

    /// <inheritdoc/>
    public string Description { get; }

    /// <inheritdoc/>
    public float Step(ReadOnlySpan<byte> images, ReadOnlySpan<long> labels, StepSettings settings)
    {
        var (pixels, classes) = (images.ToArray(), labels.ToArray());
        return Ask(() =>
        {
            _requests.Write(EngineServer.Step);
            _requests.Write(classes.Length);
            _requests.Write(settings.Lr);
            _requests.Write(settings.Momentum);
            _requests.Write(settings.WeightDecay);
            _requests.Write(MemoryMarshal.AsBytes<long>(classes));
            _requests.Write(pixels);
        }, _answers.ReadSingle);
    }

    /// <inheritdoc/>
    public void Answer(ReadOnlySpan<byte> images, int count, Span<float> logits)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(logits.Length, count * _classCount);
        var pixels = images.ToArray();
        Ask(() =>
        {
            _requests.Write(EngineServer.Answer);
            _requests.Write(count);
            _requests.Write(pixels);
        }, () => ReadFloats(count * _classCount)).CopyTo(logits);
    }

    /// <inheritdoc/>
    public Dictionary<string, float[]> ReadWeights() => Ask(() => _requests.Write(EngineServer.Weights), () =>
    {
        var weights = new Dictionary<string, float[]>();
        for (var left = _answers.ReadInt32(); left > 0; left--)
        {
            weights.Add(_answers.ReadString(), ReadFloats(_answers.ReadInt32()));
        }
        return weights;
    });

    /// <inheritdoc/>
    public void Dispose()
    {
        try
        {
            _requests.Dispose();
        }
        catch (IOException)
        {
            // The other side is gone already, which is what closing is for.
        }
        _answers.Dispose();
    }

    private T Ask<T>(Action request, Func<T> answer)
    {
        bool isDone;
        try
        {
            request();
            _requests.Flush();
            isDone = _answers.ReadByte() == EngineServer.Done;
            if (isDone)
            {
                return answer();
            }
        }
        catch (IOException)   // also the end of the stream
        {
            throw _gone();
        }
        throw new DeviceException(_answers.ReadString());
    }

    private float[] ReadFloats(int count)
    {
        var values = new float[count];
        _answers.BaseStream.ReadExactly(MemoryMarshal.AsBytes(values.AsSpan()));
        return values;
    }
}
