using System.Globalization;
using Airbench.Onnx.Proto;
using Google.Protobuf;

namespace Airbench.Onnx;

/// <summary>A model file of someone else, looked through by <see cref="ModelInspector"/> and then read whole.</summary>
/// <param name="Path">As it was named.</param>
/// <param name="Facts">What was found in it before anything was parsed.</param>
/// <param name="Model">Its messages; tensors of other files are in it.</param>
/// <param name="Opset">Version of the standard operators.</param>
internal sealed record ForeignFile(string Path, ModelFacts Facts, ModelProto Model, int Opset)
{
    /// <summary>Versions of the standard operators that are understood.</summary>
    public const int EarliestOpset = 7, LatestOpset = 22;

    /// <summary>Most bytes of tensors in other files: a graph is one message in memory, and those end at 2 GB.</summary>
    private const long MaxExternalBytes = 1_900_000_000;

    /// <summary>Reads the file at <paramref name="path"/>.</summary>
    /// <param name="path">The file.</param>
    /// <param name="facts">What <see cref="ModelInspector"/> and <see cref="SizeEstimate"/> have passed.</param>
    /// <exception cref="InvalidFileException">It is not understood; the message names what.</exception>
    public static ForeignFile Read(string path, ModelFacts facts)
    {
        var model = ProtoFile.Read(path, ModelProto.Parser);
        if (model.Functions is [var function, ..])
        {
            throw new InvalidFileException(path,
                $"brings along {Counted.Of(model.Functions.Count, "operator")} of its own ('{function.Name}' of the domain '{function.Domain}'); " +
                "expected standard operators: export it with its functions inlined (onnx.inliner.inline_local_functions)");
        }
        if (model.Graph.Node.Count == 0)
        {
            throw new InvalidFileException(path, "has no nodes: it is not a network");
        }
        if (Graphs.All(model.Graph).SelectMany(graph => graph.Node).FirstOrDefault(node => node.OpType.Length == 0 || node.Output.All(output => output.Length == 0)) is { } empty)
        {
            throw new InvalidFileException(path, $"has a node without {(empty.OpType.Length == 0 ? "an operator" : "an output")}: '{empty.Name}'. Export it again");
        }
        return new ForeignFile(path, facts, ReadExternal(path, model), FindOpset(path, model));
    }

    /// <summary>Name and version of the program that wrote the file.</summary>
    public string Producer => $"{Model.ProducerName} {Model.ProducerVersion}".Trim();

    private static int FindOpset(string path, ModelProto model)
    {
        // Files of the time before other domains leave the version out; the first one was 1.
        var version = model.OpsetImport.Where(import => import.Domain is "" or "ai.onnx").Select(import => import.Version).DefaultIfEmpty(1).Max();
        return version is >= EarliestOpset and <= LatestOpset
            ? (int)version
            : throw new InvalidFileException(path,
                $"has operators of opset {version}; expected {EarliestOpset} to {LatestOpset}. Export it with another one (torch.onnx.export: opset_version=17)");
    }

    private static ModelProto ReadExternal(string path, ModelProto model)
    {
        var folder = System.IO.Path.GetDirectoryName(System.IO.Path.GetFullPath(path))!;
        var left = MaxExternalBytes;
        foreach (var tensor in Graphs.All(model.Graph).SelectMany(Graphs.Tensors).Where(tensor => tensor.DataLocation == TensorProto.Types.DataLocation.External))
        {
            var entries = tensor.ExternalData.ToLookup(entry => entry.Key, entry => entry.Value);
            var file = System.IO.Path.Combine(folder, entries["location"].Last().Replace('\\', '/'));   // checked by the inspection: inside of the folder, no link
            var (offset, length) = (Number(entries["offset"]) ?? 0, Number(entries["length"]));
            using var stream = File.OpenRead(file);
            var count = length ?? stream.Length - offset;
            left -= count;
            if (left < 0)
            {
                throw new InvalidFileException(path, $"has more than {MaxExternalBytes:N0} bytes of tensors in other files; expected a model of less than 2 GB");
            }
            stream.Position = offset;
            var bytes = new byte[count];
            stream.ReadExactly(bytes);
            tensor.RawData = UnsafeByteOperations.UnsafeWrap(bytes);
            tensor.ExternalData.Clear();
            tensor.ClearDataLocation();
        }
        return model;

        static long? Number(IEnumerable<string> texts) => texts.LastOrDefault() is { } text ? long.Parse(text, CultureInfo.InvariantCulture) : null;
    }
}
