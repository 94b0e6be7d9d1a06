using System.Buffers.Binary;
using System.Globalization;
using Airbench.Data;
using Airbench.Report;
using Tensorboard;

namespace Airbench.Tests;

/// <summary>Runs in the formats of other tools, read back by other people's code where there is some.</summary>
public sealed class TrackingTests
{
    /// <summary>The check value of CRC-32C (RFC 3720, B.4) is E3069283 for "123456789"; TensorFlow turns it by 15 bits and adds a constant.</summary>
    [Fact]
    public void The_mask_is_that_of_tensorflow()
    {
        Assert.Equal(0xE3069283, SlowCrc("123456789"u8));
        Assert.Equal(unchecked(((0xE3069283 >> 15) | (0xE3069283 << 17)) + 0xA282EAD8), TensorBoardFiles.MaskedCrc("123456789"u8));
    }

    [Fact]
    public void Event_files_hold_the_learning_curves_and_results()
    {
        using var run = new RunFolder().Prepare().Train(losses: [2, 1.5, double.NaN]).Evaluate().End();
        TensorBoardFiles.Write(run.Folder);
        TensorBoardFiles.Write(run.Folder);   // once more replaces
        var training = Events(run["tensorboard", "train"]);
        Assert.Equal("brain.Event:2", training[0].FileVersion);
        var losses = training.Where(one => one.Summary?.Value[0].Tag == "train_loss").ToList();
        Assert.Equal([10, 20, 30], losses.Select(one => one.Step));
        Assert.Equal([2, 1.5f, float.NaN], losses.Select(one => one.Summary.Value[0].SimpleValue));
        var start = (new DateTime(2026, 1, 1, 12, 0, 0, DateTimeKind.Utc) - DateTime.UnixEpoch).TotalSeconds + 1.5;   // after prepare
        Assert.Equal([start + 15, start + 30, start + 45], losses.Select(one => one.WallTime));
        var accuracy = Events(run["tensorboard", "evaluate"]).Single(one => one.Summary?.Value[0].Tag == "accuracy").Summary.Value[0].SimpleValue;
        Assert.Equal((float)Evaluation.Open(run["evaluate"]).Metrics.Accuracy, accuracy);
    }

    [Fact]
    public void Each_of_several_trainings_is_a_line_of_its_own()
    {
        using var run = new RunFolder().Prepare().Train(runs: 2).End();
        TensorBoardFiles.Write(run.Folder);
        Assert.Equal(["run-1", "run-2"], Directory.GetDirectories(run["tensorboard", "train"]).Select(folder => Path.GetFileName(folder)).Order());
    }

    /// <summary>A reader of its own: records by their lengths, both sums checked bit by bit, the messages by TensorBoard's generated classes.</summary>
    private static List<Event> Events(string folder)
    {
        var bytes = File.ReadAllBytes(Assert.Single(Directory.GetFiles(folder, "events.out.tfevents.*"))).AsSpan();
        var events = new List<Event>();
        while (bytes.Length > 0)
        {
            var length = (int)BinaryPrimitives.ReadUInt64LittleEndian(bytes);
            Assert.Equal(Mask(SlowCrc(bytes[..8])), BinaryPrimitives.ReadUInt32LittleEndian(bytes[8..]));
            var data = bytes.Slice(12, length);
            Assert.Equal(Mask(SlowCrc(data)), BinaryPrimitives.ReadUInt32LittleEndian(bytes[(12 + length)..]));
            events.Add(Event.Parser.ParseFrom(data.ToArray()));
            bytes = bytes[(16 + length)..];
        }
        return events;
    }

    private static uint Mask(uint crc) => unchecked(((crc >> 15) | (crc << 17)) + 0xA282EAD8);

    private static uint SlowCrc(ReadOnlySpan<byte> data)
    {
        var crc = uint.MaxValue;
        foreach (var value in data)
        {
            crc ^= value;
            for (var bit = 0; bit < 8; bit++)
            {
                crc = (crc & 1) == 0 ? crc >> 1 : 0x82F63B78 ^ (crc >> 1);   // Castagnoli, reflected
            }
        }
        return ~crc;
    }
}
