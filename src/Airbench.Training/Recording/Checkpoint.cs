using System.Diagnostics;
using System.Runtime.InteropServices;
using TorchSharp;
using static TorchSharp.torch;

namespace Airbench.Training;

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
    private readonly IProgress _progress;
    private readonly Stopwatch _sinceLast = Stopwatch.StartNew();
    private TensorFile? _tensors;

    private Checkpoint(string folder, string key, TimeSpan interval, IProgress progress) =>
        (Folder, Key, _interval, _progress) = (folder, key, interval, progress);

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

    /// <summary>The checkpoint of the model in <paramref name="modelFolder"/>; what is there is left alone until <see cref="Find(TrainingPlan, int, int)"/>.</summary>
    /// <param name="modelFolder">models/&lt;name&gt;; the checkpoint is models/&lt;name&gt;.checkpoint.</param>
    /// <param name="key">What must agree.</param>
    /// <param name="interval">Time between two.</param>
    /// <param name="progress">Told what is found.</param>
    public static Checkpoint Open(string modelFolder, string key, TimeSpan interval, IProgress progress) => new(FolderOf(modelFolder), key, interval, progress);

    /// <summary>Removes the checkpoint of the model in <paramref name="modelFolder"/>, of whatever training it is; returns whether there was one.</summary>
    public static bool Remove(string modelFolder)
    {
        var folder = FolderOf(modelFolder);
        if (!Directory.Exists(folder))
        {
            return false;
        }
        Directory.Delete(folder, recursive: true);
        return true;
    }

    /// <summary>
    /// Key of the checkpoint of the model in <paramref name="modelFolder"/> that a training of so many runs could go on from; null where there is
    /// none. Of a damaged one too, as far as it can be read: <see cref="Find(TrainingPlan, int, int)"/> refuses it.
    /// </summary>
    public static string? KeyIn(string modelFolder, int runs)
    {
        try
        {
            return Json.Read<CheckpointState>(Path.Combine(FolderOf(modelFolder), StateName)) is var state && state.Run < runs ? state.Key : null;
        }
        catch (InvalidFileException)
        {
            return null;
        }
    }

    /// <summary>Takes the checkpoint that is there, if it is of this training; says so, or why not.</summary>
    /// <param name="plan">Steps and epochs of a run.</param>
    /// <param name="seed">Of the first run.</param>
    /// <param name="runs">Runs asked for.</param>
    /// <exception cref="InvalidFileException">
    /// It is damaged, or no training can have left it. Nothing goes on from it, and nothing replaces it unasked: what is in it may have taken hours.
    /// </exception>
    public void Find(TrainingPlan plan, int seed, int runs)
    {
        if (!Directory.Exists(Folder))
        {
            return;
        }
        try
        {
            var state = Json.Read<CheckpointState>(Path.Combine(Folder, StateName));
            var isOurs = state.Key == Key;
            if (!state.IsSealed() && (isOurs || state.Sha256 is not null))
            {
                throw new InvalidFileException(Path.Combine(Folder, StateName), "was changed since it was written: its checksum differs");
            }
            if (!isOurs || state.Run >= runs)
            {
                _progress.Info(isOurs
                    ? $"a checkpoint of run {state.Run + 1} is in {Folder}; {runs} are asked for: starting from the beginning"
                    : $"a checkpoint of other settings, data or versions is in {Folder}: starting from the beginning");
                return;
            }
            if (state.Problem(plan, seed) is { } problem)
            {
                throw new InvalidFileException(Path.Combine(Folder, StateName), $"holds what no training leaves: {problem}");
            }
            var tensors = Path.Combine(Folder, TensorsName);
            _tensors = TensorFile.Open(tensors);
            if (Hash.OfFile(tensors) != state.TensorsSha256)
            {
                Close();
                throw new InvalidFileException(tensors, "was changed since it was written: its checksum differs");
            }
            Found = state;
            _progress.Info($"resuming from the checkpoint of run {state.Run + 1}, step {state.Step} ({Folder})");
        }
        catch (InvalidFileException e)
        {
            throw new InvalidFileException(
                Folder, $"is a damaged checkpoint: {e.Message}. Delete this folder to start from the beginning (`airbench run --force` does)", e);
        }
    }

    private static string FolderOf(string modelFolder) => $"{Path.TrimEndingDirectorySeparator(Path.GetFullPath(modelFolder))}{TrainedModel.CheckpointEnding}";

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
        File.WriteAllText(output.File(StateName), Json.Write(state.Sealed(output.File(TensorsName))));
        output.Commit();
        IsWritten = true;
        _sinceLast.Restart();
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
