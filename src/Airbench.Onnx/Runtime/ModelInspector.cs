using System.IO.MemoryMappedFiles;

namespace Airbench.Onnx;

/// <summary>What a model file says of itself, found without running or loading any of it.</summary>
/// <param name="Signature">Inputs that the caller gives, and outputs. The shape of a value whose shape is not stated is empty.</param>
/// <param name="Metadata">Its metadata properties.</param>
/// <param name="Producers">Operator that computes each value of the main graph, by the value's name.</param>
/// <param name="ExternalFiles">Full paths of the files beside it that hold some of its tensors.</param>
internal sealed record ModelFacts(
    ModelSignature Signature, IReadOnlyDictionary<string, string> Metadata, IReadOnlyDictionary<string, string> Producers,
    IReadOnlyCollection<string> ExternalFiles);

/// <summary>
/// Looks through a model file before ONNX Runtime gets it: every message is walked, every tensor must have the bytes that its shape declares,
/// tensors in other files must be in the model's own folder, and operators must be ones that ONNX Runtime has.
/// </summary>
/// <remarks>Field numbers are those of https://github.com/onnx/onnx/blob/main/onnx/onnx.proto.</remarks>
internal sealed class ModelInspector
{
    private const int MaxDepth = 32;

    private static readonly HashSet<string> KnownDomains =
        ["", "ai.onnx", "ai.onnx.ml", "ai.onnx.preview.training", "ai.onnx.training", "com.microsoft", "com.microsoft.nchwc", "com.ms.internal.nhwc"];

    private readonly string _path;
    private readonly TensorCheck _tensors;
    private readonly HashSet<string> _functions = new(StringComparer.Ordinal);
    private readonly Dictionary<string, string> _metadata = new(StringComparer.Ordinal);
    private readonly Dictionary<string, string> _producers = new(StringComparer.Ordinal);
    private readonly List<TensorSignature> _inputs = [];
    private readonly List<TensorSignature> _outputs = [];
    private readonly HashSet<string> _initializers = new(StringComparer.Ordinal);

    private ModelInspector(string path) => (_path, _tensors) = (path, new TensorCheck(path));

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
        var inspector = new ModelInspector(path);
        try
        {
            return inspector.Inspect(length);
        }
        catch (FormatException e)
        {
            throw new InvalidFileException(path, $"is not an ONNX model, or is damaged or cut off: {e.Message}. Export or copy it again", e);
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
            Model(new ReadOnlySpan<byte>(start + view.PointerOffset, (int)length));
        }
        finally
        {
            view.SafeMemoryMappedViewHandle.ReleasePointer();
        }
        _inputs.RemoveAll(input => _initializers.Contains(input.Name));   // before IR version 4, weights with values were listed as inputs too
        return new ModelFacts(new ModelSignature(_inputs, _outputs), _metadata, _producers, _tensors.ExternalFiles);
    }

    private void Model(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length > 8 && bytes.Slice(4, 4).SequenceEqual("ORTM"u8))
        {
            throw new InvalidFileException(_path, "is in ONNX Runtime's own format (.ort); give the .onnx file that it was made from");
        }
        var functions = new ProtoReader(bytes);
        while (functions.Next())
        {
            if (functions is { Field: 25, Type: ProtoType.Bytes })
            {
                _functions.Add(FunctionDomain(functions.Bytes));
            }
        }
        var (hasVersion, hasGraph) = (false, false);
        var model = new ProtoReader(bytes);
        while (model.Next())
        {
            switch (model.Field)
            {
                case 1:
                    hasVersion = model.Type == ProtoType.Varint && model.Varint > 0;
                    break;
                case 7:
                    Graph(model.Message(), depth: 0);
                    hasGraph = true;
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
        if (!hasVersion || !hasGraph)
        {
            throw new FormatException($"it has no {(hasVersion ? "graph" : "ir_version")}");
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
        var function = new ProtoReader(bytes);
        while (function.Next())
        {
            if (function.Field == 7)
            {
                Node(function.Message(), depth: 0, isMain: false);
            }
            else if (function.Field == 11)
            {
                Attribute(function.Message(), depth: 0);
            }
        }
    }

    private void TrainingInfo(ReadOnlySpan<byte> bytes)
    {
        var training = new ProtoReader(bytes);
        while (training.Next())
        {
            if (training.Field is 1 or 2)
            {
                Graph(training.Message(), depth: 1);
            }
        }
    }

    private void Graph(ReadOnlySpan<byte> bytes, int depth)
    {
        if (depth > MaxDepth)
        {
            throw new FormatException($"graphs are nested deeper than {MaxDepth} levels");
        }
        var graph = new ProtoReader(bytes);
        while (graph.Next())
        {
            switch (graph.Field)
            {
                case 1:
                    Node(graph.Message(), depth, isMain: depth == 0);
                    break;
                case 5:
                    var name = _tensors.Check(graph.Message());
                    if (depth == 0)
                    {
                        _initializers.Add(name);
                    }
                    break;
                case 11 or 12 when depth == 0:
                    (graph.Field == 11 ? _inputs : _outputs).Add(ValueReader.Read(graph.Message()));
                    break;
                case 15:
                    SparseTensor(graph.Message());
                    break;
            }
        }
    }

    private void Node(ReadOnlySpan<byte> bytes, int depth, bool isMain)
    {
        var (operation, domain) = ("", "");
        List<string> outputs = [];
        var node = new ProtoReader(bytes);
        while (node.Next())
        {
            switch (node.Field)
            {
                case 2 when isMain:
                    outputs.Add(node.Text);
                    break;
                case 4:
                    operation = node.Text;
                    break;
                case 5:
                    Attribute(node.Message(), depth);
                    break;
                case 7:
                    domain = node.Text;
                    break;
            }
        }
        if (!KnownDomains.Contains(domain) && !_functions.Contains(domain))
        {
            throw new InvalidFileException(_path,
                $"uses the operator {operation} of the domain '{domain}', which ONNX Runtime does not have; custom operators are not loaded. " +
                "Export the model with standard operators");
        }
        outputs.ForEach(output => _producers[output] = operation);
    }

    private void Attribute(ReadOnlySpan<byte> bytes, int depth)
    {
        var attribute = new ProtoReader(bytes);
        while (attribute.Next())
        {
            switch (attribute.Field)
            {
                case 5 or 10:
                    _tensors.Check(attribute.Message());
                    break;
                case 6 or 11:
                    Graph(attribute.Message(), depth + 1);
                    break;
                case 22 or 23:
                    SparseTensor(attribute.Message());
                    break;
            }
        }
    }

    private void SparseTensor(ReadOnlySpan<byte> bytes)
    {
        var sparse = new ProtoReader(bytes);
        List<long> dims = [];
        while (sparse.Next())
        {
            if (sparse.Field is 1 or 2)
            {
                _tensors.Check(sparse.Message());
            }
            else if (sparse.Field == 3)
            {
                sparse.AddVarints(dims, TensorCheck.MaxRank);
            }
        }
        _tensors.RequireModest("a sparse tensor", dims);   // ONNX Runtime makes it dense
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
