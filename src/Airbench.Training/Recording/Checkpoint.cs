using System.Diagnostics;
using System.Runtime.InteropServices;
using TorchSharp;
using static TorchSharp.torch;

namespace Airbench.Training;

/// <summary>The numbers of a checkpoint; its tensors are stored beside it.</summary>
/// <param name="Key">Hash of everything that decides the weights: only a training with the same one may go on from here.</param>
/// <param name="Run">Index of the run under way.</param>
/// <param name="Step">Steps done.</param>
/// <param name="Seconds">Seconds done, by the <c>airbench</c> protocol.</param>
/// <param name="Meter">What the epoch under way has measured.</param>
/// <param name="Curve">Rows of <c>curve.csv</c> so far.</param>
/// <param name="Results">Runs done.</param>
internal sealed record CheckpointState(
    string Key, int Run, int Step, double Seconds, EpochMeter.Readings Meter, IReadOnlyList<CurvePoint> Curve, IReadOnlyList<RunResult> Results);

/// <summary>
/// A folder beside the model that a stopped training goes on from: written whole or not at all, every so many seconds, and removed
/// once the model is there.
/// </summary>
internal sealed class Checkpoint : IDisposable
{
    private const string StateName = "checkpoint.json";
    private const string TensorsName = "checkpoint.safetensors";
    private const int HeaderRoom = 1 << 20;

    private readonly TimeSpan _interval;
    private readonly Stopwatch _sinceLast = Stopwatch.StartNew();
    private TensorFile? _tensors;

    private Checkpoint(string folder, string key, TimeSpan interval) => (Folder, Key, _interval) = (folder, key, interval);

    /// <summary>Where it is stored.</summary>
    public string Folder { get; }

    /// <summary>Of the training under way: what it goes on from has the same.</summary>
    public string Key { get; }

    /// <summary>The state to go on from; null where there is none.</summary>
    public CheckpointState? Found { get; private set; }

    /// <summary>Whether this training has written one.</summary>
    public bool IsWritten { get; private set; }

    /// <summary>Whether it is time to write one.</summary>
    public bool IsDue => _sinceLast.Elapsed >= _interval;

    /// <summary>Looks for the checkpoint of the model in <paramref name="modelFolder"/>.</summary>
    /// <param name="modelFolder">models/&lt;name&gt;; the checkpoint is models/&lt;name&gt;.checkpoint.</param>
    /// <param name="key">What must agree.</param>
    /// <param name="interval">Time between two.</param>
    /// <param name="progress">Told what was found.</param>
    /// <exception cref="InvalidFileException">The checkpoint is damaged.</exception>
    public static Checkpoint Open(string modelFolder, string key, TimeSpan interval, IProgress progress)
    {
        var folder = $"{Path.TrimEndingDirectorySeparator(Path.GetFullPath(modelFolder))}.checkpoint";
        var checkpoint = new Checkpoint(folder, key, interval);
        if (Directory.Exists(folder))
        {
            var state = Read(folder, () => Json.Read<CheckpointState>(Path.Combine(folder, StateName)));
            if (state.Key == key)
            {
                checkpoint.Found = state;
                checkpoint._tensors = Read(folder, () => TensorFile.Open(Path.Combine(folder, TensorsName)));
                progress.Info($"resuming from the checkpoint of run {state.Run + 1}, step {state.Step} ({folder})");
            }
            else
            {
                progress.Info($"a checkpoint of other settings, data or versions is in {folder}: starting from the beginning");
            }
        }
        return checkpoint;
    }

    /// <summary>Says with the damage what the user can do about it.</summary>
    private static T Read<T>(string folder, Func<T> read)
    {
        try
        {
            return read();
        }
        catch (InvalidFileException e)
        {
            throw new InvalidFileException(folder, $"is a damaged checkpoint: {e.Message}. Delete this folder to start from the beginning", e);
        }
    }

    /// <summary>Copies the tensor of the found checkpoint into <paramref name="target"/>.</summary>
    /// <exception cref="InvalidFileException">It is not there, or has another shape.</exception>
    public void Restore(string name, Tensor target)
    {
        using var scope = NewDisposeScope();
        using var noGradients = no_grad();
        target.copy_(Read(name, TypeOf(target), target.shape));
    }

    /// <summary>The tensor <paramref name="name"/> of the found checkpoint, int64 or uint8, with its own shape; null where it is not there.</summary>
    public Tensor? Find(string name) => _tensors!.Tensors.TryGetValue(name, out var info) ? Read(name, info.Type, [.. info.Shape]) : null;

    /// <summary>Writes a checkpoint over the last one.</summary>
    public void Save(CheckpointState state, IEnumerable<(string Name, Tensor Tensor)> tensors)
    {
        _tensors?.Dispose();   // of the last one; Windows removes no file that is open
        _tensors = null;
        using var output = AtomicFolder.Create(Folder);
        using (var writer = new TensorFileWriter(output.File(TensorsName), metadata: null, HeaderRoom))
        {
            foreach (var (name, tensor) in tensors)
            {
                using var scope = NewDisposeScope();
                var type = TypeOf(tensor);
                var plain = tensor.detach().to(type == TensorType.F32 ? ScalarType.Float32 : tensor.dtype, CPU).contiguous();   // bf16 fits fp32
                writer.Begin(name, type, plain.shape.AsSpan(1));
                writer.Append<byte>(plain.bytes);
            }
            writer.Finish();
        }
        File.WriteAllText(output.File(StateName), Json.Write(state));
        output.Commit();
        IsWritten = true;
        _sinceLast.Restart();
    }

    /// <summary>Removes what is no longer needed.</summary>
    public void Delete()
    {
        Close();
        if (Directory.Exists(Folder))
        {
            Directory.Delete(Folder, recursive: true);
        }
    }

    /// <summary>Ends the going on: from here, what is found is of no use.</summary>
    public void Close()
    {
        _tensors?.Dispose();
        (_tensors, Found) = (null, null);
    }

    public void Dispose() => Close();

    private Tensor Read(string name, TensorType type, long[] shape)
    {
        var info = _tensors!.Require(name, type, shape);
        return type switch
        {
            TensorType.F32 => tensor(_tensors.Read<float>(info).ToArray()).view(shape),
            TensorType.I64 => tensor(_tensors.Read<long>(info).ToArray()).view(shape),
            _ => tensor(_tensors.Read<byte>(info).ToArray()).view(shape),
        };
    }

    private static TensorType TypeOf(Tensor tensor) => tensor.dtype switch
    {
        ScalarType.Int64 => TensorType.I64,
        ScalarType.Byte => TensorType.U8,
        _ => TensorType.F32,
    };
}
