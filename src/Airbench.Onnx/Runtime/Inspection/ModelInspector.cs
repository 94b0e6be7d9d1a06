using System.IO.MemoryMappedFiles;

namespace Airbench.Onnx;

/// <summary>What a model file says of itself, found without running or loading any of it.</summary>
/// <param name="Graph">Its graph: nodes, and the shapes of its constants.</param>
/// <param name="Functions">Its own operators, by domain and name.</param>
/// <param name="Metadata">Its metadata properties.</param>
/// <param name="ExternalFiles">Full paths of the files beside it that hold some of its tensors.</param>
internal sealed record ModelFacts(
    GraphFacts Graph, IReadOnlyDictionary<(string Domain, string Name), FunctionFacts> Functions, IReadOnlyDictionary<string, string> Metadata,
    IReadOnlyCollection<string> ExternalFiles);

/// <summary>
/// Looks through a model file before ONNX Runtime gets it: every message is walked, every tensor must have the bytes that its shape declares,
/// tensors in other files must be in the model's own folder, and versions and operators must be ones that ONNX Runtime has.
/// </summary>
/// <remarks>Field numbers are those of https://github.com/onnx/onnx/blob/main/onnx/onnx.proto.</remarks>
internal sealed class ModelInspector
{
    /// <summary>Latest versions that ONNX Runtime loads: of the file format, and of the standard operators.</summary>
    private const int LatestIr = 13, LatestOpset = 26;

    private readonly string _path;
    private readonly TensorCheck _tensors;
    private readonly GraphReader _graphs;
    private readonly Dictionary<(string Domain, string Name), FunctionFacts> _functions = [];
    private readonly Dictionary<string, string> _metadata = new(StringComparer.Ordinal);

    private ModelInspector(string path)
    {
        (_path, _tensors) = (path, new TensorCheck(path));
        _graphs = new GraphReader(path, _tensors);
    }

    /// <summary>Checks the file at <paramref name="path"/>.</summary>
    /// <exception cref="InvalidFileException">It is no ONNX model, or one that must not be loaded; the message says why.</exception>
    public static ModelFacts Inspect(string path)
    {
        FileKind.Require(path);
        var file = new FileInfo(path);
        if (!file.Exists)
        {
            throw new InvalidFileException(path, "does not exist");
        }
        var length = (file.ResolveLinkTarget(returnFinalTarget: true) as FileInfo ?? file).Length;
        if (length is 0 or > int.MaxValue)
        {
            throw new InvalidFileException(path, length == 0 ? "is empty; expected an ONNX model" : $"has {length:N0} bytes; an ONNX file has less than 2 GB");
        }
        if (OtherFormat.Name(path) is { } other)
        {
            throw new InvalidFileException(path, other);
        }
        var inspector = new ModelInspector(path);
        try
        {
            return inspector.Inspect(length);
        }
        catch (FormatException e)
        {
            throw new InvalidFileException(
                path, OtherFormat.NameOfDamaged(path) ?? $"is not an ONNX model, or is damaged or cut off: {e.Message}. Export or copy it again", e);
        }
    }

    private unsafe ModelFacts Inspect(long length)
    {
        using var map = MemoryMappedFile.CreateFromFile(_path, FileMode.Open, null, 0, MemoryMappedFileAccess.Read);
        using var view = map.CreateViewAccessor(0, 0, MemoryMappedFileAccess.Read);
        byte* start = null;
        view.SafeMemoryMappedViewHandle.AcquirePointer(ref start);
        try
        {
            var graph = Model(new ReadOnlySpan<byte>(start + view.PointerOffset, (int)length));
            graph.Inputs.RemoveAll(input => graph.Constants.ContainsKey(input.Name));   // before IR version 4, weights with values were listed as inputs too
            return new ModelFacts(graph, _functions, _metadata, _tensors.ExternalFiles);
        }
        finally
        {
            view.SafeMemoryMappedViewHandle.ReleasePointer();
        }
    }

    private GraphFacts Model(ReadOnlySpan<byte> bytes)
    {
        var functions = new ProtoReader(bytes);
        while (functions.Next())
        {
            if (functions is { Field: 25, Type: ProtoType.Bytes })
            {
                _graphs.OwnDomains.Add(FunctionDomain(functions.Bytes));
            }
        }
        var version = 0L;
        GraphFacts? graph = null;
        var model = new ProtoReader(bytes);
        while (model.Next())
        {
            switch (model.Field)
            {
                case 1:
                    version = model.Type == ProtoType.Varint ? model.Varint : 0;
                    break;
                case 7:
                    graph = _graphs.Read(model.Message(), depth: 0);
                    break;
                case 8:
                    Opset(model.Message());
                    break;
                case 14:
                    var (key, value) = Entry(model.Message());
                    _metadata[key] = value;
                    break;
                case 20:
                    TrainingInfo(model.Message());
                    break;
                case 25:
                    Function(model.Message());
                    break;
            }
        }
        if (version <= 0 || graph is null)
        {
            throw new FormatException($"it has no {(version > 0 ? "graph" : "ir_version")}");
        }
        if (version > LatestIr)
        {
            throw new InvalidFileException(_path,
                $"has the IR version {version}; ONNX Runtime {OnnxRuntime.Version} reads up to {LatestIr}. Export it with an older onnx package, or set model.ir_version there");
        }
        return graph;
    }

    private void Opset(ReadOnlySpan<byte> bytes)
    {
        var (domain, version) = ("", 0L);
        var opset = new ProtoReader(bytes);
        while (opset.Next())
        {
            (domain, version) = opset.Field switch { 1 => (opset.Text, version), 2 => (domain, opset.Varint), _ => (domain, version) };
        }
        if (domain is "" or "ai.onnx" && version > LatestOpset)
        {
            throw new InvalidFileException(_path,
                $"needs opset {version}; ONNX Runtime {OnnxRuntime.Version} has up to {LatestOpset}. Export it with a lower one (torch.onnx.export: opset_version=17)");
        }
    }

    private static string FunctionDomain(ReadOnlySpan<byte> bytes)
    {
        var domain = "";
        var function = new ProtoReader(bytes);
        while (function.Next())
        {
            domain = function.Field == 10 ? function.Text : domain;
        }
        return domain;
    }

    private void Function(ReadOnlySpan<byte> bytes)
    {
        var (name, domain) = ("", "");
        List<string> inputs = [], outputs = [];
        List<NodeFacts> nodes = [];
        var function = new ProtoReader(bytes);
        while (function.Next())
        {
            switch (function.Field)
            {
                case 1:
                    name = function.Text;
                    break;
                case 4:
                    inputs.Add(function.Text);
                    break;
                case 5:
                    outputs.Add(function.Text);
                    break;
                case 7:
                    nodes.Add(_graphs.Node(function.Message(), depth: 0));
                    break;
                case 10:
                    domain = function.Text;
                    break;
                case 11:
                    _graphs.Attribute(function.Message(), depth: 0);
                    break;
            }
        }
        _functions[(domain, name)] = new FunctionFacts(inputs, outputs, nodes);
    }

    private void TrainingInfo(ReadOnlySpan<byte> bytes)
    {
        var training = new ProtoReader(bytes);
        while (training.Next())
        {
            if (training.Field is 1 or 2)
            {
                _graphs.Read(training.Message(), depth: 1);
            }
        }
    }

    /// <summary>A StringStringEntryProto.</summary>
    internal static (string Key, string Value) Entry(ReadOnlySpan<byte> bytes)
    {
        var (key, value) = ("", "");
        var entry = new ProtoReader(bytes);
        while (entry.Next())
        {
            (key, value) = entry.Field switch { 1 => (entry.Text, value), 2 => (key, entry.Text), _ => (key, value) };
        }
        return (key, value);
    }
}
