using System.Runtime.InteropServices;
using System.Text;

namespace Airbench.Onnx;

/// <summary>
/// An engine for another process, over its standard input and output. A request is a byte and what that asks for; an answer is 0 and the
/// result, or 1 and what went wrong. Numbers are little-endian, texts are as <see cref="BinaryWriter"/> writes them.
/// </summary>
/// <remarks>
/// First, unasked, comes the description. Then: 1 step (count, lr, momentum, weight decay, labels, images) gives the loss; 2 answer (count, images)
/// gives the logits; 3 weights gives the number of tensors and for each its name and its values. The end of the input is the end.
/// </remarks>
public static class EngineServer
{
    internal const byte Step = 1, Answer = 2, Weights = 3;
    internal const byte Done = 0, Failed = 1;

    /// <summary>Serves until the requests end.</summary>
    /// <param name="engine">What computes.</param>
    /// <param name="imageSize">Height and width S of the images.</param>
    /// <param name="classCount">Rows of the head.</param>
    /// <param name="requests">Usually standard input.</param>
    /// <param name="answers">Usually standard output.</param>
    public static void Serve(IFinetuneEngine engine, int imageSize, int classCount, Stream requests, Stream answers)
    {
        using var reader = new BinaryReader(requests, Encoding.UTF8, leaveOpen: true);
        using var writer = new BinaryWriter(answers, Encoding.UTF8, leaveOpen: true);
        writer.Write(Done);
        writer.Write(engine.Description);
        writer.Flush();
        var pixels = 3 * imageSize * imageSize;
        while (reader.Read() is >= 0 and var request)
        {
            try
            {
                switch ((byte)request)
                {
                    case Step:
                        var batch = reader.ReadInt32();
                        var settings = new StepSettings(reader.ReadSingle(), reader.ReadSingle(), reader.ReadSingle());
                        var labels = ReadExactly<long>(reader, batch);
                        var loss = engine.Step(ReadExactly<byte>(reader, batch * pixels), labels, settings);
                        writer.Write(Done);
                        writer.Write(loss);
                        break;
                    case Answer:
                        var count = reader.ReadInt32();
                        var logits = new float[count * classCount];
                        engine.Answer(ReadExactly<byte>(reader, count * pixels), count, logits);
                        writer.Write(Done);
                        writer.Write(MemoryMarshal.AsBytes<float>(logits));
                        break;
                    case Weights:
                        var weights = engine.ReadWeights();
                        writer.Write(Done);
                        writer.Write(weights.Count);
                        foreach (var (name, values) in weights)
                        {
                            writer.Write(name);
                            writer.Write(values.Length);
                            writer.Write(MemoryMarshal.AsBytes<float>(values));
                        }
                        break;
                    default:
                        throw new InvalidDataException($"request {request}; expected {Step}, {Answer} or {Weights}");
                }
            }
            catch (AirbenchException e)
            {
                writer.Write(Failed);
                writer.Write(e.Message);
            }
            writer.Flush();
        }
    }

    private static T[] ReadExactly<T>(BinaryReader reader, int count) where T : unmanaged
    {
        var values = new T[count];
        reader.BaseStream.ReadExactly(MemoryMarshal.AsBytes(values.AsSpan()));
        return values;
    }
}
