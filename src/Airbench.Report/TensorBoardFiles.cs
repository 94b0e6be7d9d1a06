using System.Buffers.Binary;
using System.Globalization;
using System.Numerics;
using Google.Protobuf;

namespace Airbench.Report;

/// <summary>
/// A run as TensorBoard shows it: <c>tensorboard/&lt;stage&gt;/events.out.tfevents.*</c> in the run's folder, so that
/// <c>tensorboard --logdir runs</c> sets all runs side by side.
/// </summary>
/// <remarks>
/// A file is a sequence of TFRecords: length (uint64), masked CRC-32C of it, bytes, masked CRC-32C of them, all little-endian
/// (tensorflow/core/lib/io/record_writer.h). The bytes are an Event of tensorflow/core/util/event.proto. TorchSharp has a writer of such
/// files too, but it would bring libtorch into the process that writes reports.
/// </remarks>
public static class TensorBoardFiles
{
    /// <summary>Name of the folder in the run's.</summary>
    public const string FolderName = "tensorboard";

    private const uint WallTimeTag = (1 << 3) | 1;     // double
    private const uint StepTag = 2 << 3;               // int64
    private const uint VersionTag = (3 << 3) | 2;      // string
    private const uint SummaryTag = (5 << 3) | 2;      // Summary
    private const uint ValueTag = (1 << 3) | 2;        // Summary.Value
    private const uint NameTag = (1 << 3) | 2;         // Value.tag
    private const uint SimpleValueTag = (2 << 3) | 5;  // Value.simple_value, float

    /// <summary>Writes the files of the run in <paramref name="folder"/>, whole or not at all.</summary>
    /// <exception cref="DataException">It is not the folder of a run.</exception>
    public static void Write(string folder)
    {
        var run = RunReader.Read(folder);
        using var build = AtomicFolder.Create(Path.Combine(folder, FolderName));
        foreach (var group in Measurement.Of(run).GroupBy(number => number.Group))
        {
            var start = Seconds(Measurement.Start(run));
            var name = string.Create(CultureInfo.InvariantCulture, $"events.out.tfevents.{(long)start:0000000000}.{Product.Name}");
            var file = Path.Combine(build.Path, group.Key, name);
            Directory.CreateDirectory(Path.GetDirectoryName(file)!);
            using var stream = File.Create(file);
            Record(stream, Event(start, 0, output => { output.WriteTag(VersionTag); output.WriteString("brain.Event:2"); }));
            foreach (var number in group)
            {
                var value = Message(output =>
                {
                    output.WriteTag(NameTag);
                    output.WriteString(number.Name);
                    output.WriteTag(SimpleValueTag);
                    output.WriteFloat((float)number.Value);
                });
                var summary = Message(output => { output.WriteTag(ValueTag); output.WriteBytes(value); });
                Record(stream, Event(Seconds(number.Time), number.Step, output => { output.WriteTag(SummaryTag); output.WriteBytes(summary); }));
            }
        }
        build.Commit();
    }

    /// <summary>CRC-32C, turned and shifted so that a CRC over data that hold CRCs stays one.</summary>
    internal static uint MaskedCrc(ReadOnlySpan<byte> data)
    {
        var crc = uint.MaxValue;
        foreach (var value in data)
        {
            crc = BitOperations.Crc32C(crc, value);
        }
        return BitOperations.RotateRight(~crc, 15) + 0xA282EAD8;
    }

    private static ByteString Event(double wallTime, long step, Action<CodedOutputStream> what) => Message(output =>
    {
        output.WriteTag(WallTimeTag);
        output.WriteDouble(wallTime);
        output.WriteTag(StepTag);
        output.WriteInt64(step);
        what(output);
    });

    private static ByteString Message(Action<CodedOutputStream> write)
    {
        using var bytes = new MemoryStream();
        using (var output = new CodedOutputStream(bytes, leaveOpen: true))
        {
            write(output);
        }
        return ByteString.CopyFrom(bytes.ToArray());
    }

    private static void Record(Stream stream, ByteString data)
    {
        Span<byte> length = stackalloc byte[sizeof(ulong)];
        Span<byte> crc = stackalloc byte[sizeof(uint)];
        BinaryPrimitives.WriteUInt64LittleEndian(length, (ulong)data.Length);
        stream.Write(length);
        BinaryPrimitives.WriteUInt32LittleEndian(crc, MaskedCrc(length));
        stream.Write(crc);
        stream.Write(data.Span);
        BinaryPrimitives.WriteUInt32LittleEndian(crc, MaskedCrc(data.Span));
        stream.Write(crc);
    }

    private static double Seconds(DateTime time) => (time - DateTime.UnixEpoch).TotalSeconds;
}
