using System.Globalization;

namespace Airbench.Onnx;

/// <summary>Tensors of a model file: each has the bytes that its shape declares, here or in a file beside the model.</summary>
internal sealed class TensorCheck(string modelPath)
{
    public const int MaxRank = 32;

    /// <summary>Elements that a tensor made from few bytes may come to.</summary>
    private const long MaxMadeElements = 1 << 28;

    /// <summary>ONNX Runtime reads a location like this as an address in memory.</summary>
    private const string AddressMark = "_ORT_MEM_ADDR_";

    private readonly string _folder = Path.GetDirectoryName(Path.GetFullPath(modelPath))!;

    /// <summary>Full paths of the files beside the model that hold tensors of it.</summary>
    public HashSet<string> ExternalFiles { get; } = new(StringComparer.Ordinal);

    /// <summary>Checks a TensorProto and returns what it is.</summary>
    /// <exception cref="InvalidFileException">Its data is not what it declares, or is stored where it must not be.</exception>
    public TensorFacts Check(ReadOnlySpan<byte> bytes)
    {
        var (name, type, isExternal) = ("", 0L, false);
        var (raw, floats, ints, texts, longs, doubles) = (-1L, 0L, 0L, 0L, 0L, 0L);
        List<long> dims = [];
        Dictionary<string, string> external = [];
        var numbers = new ShortList();
        var tensor = new ProtoReader(bytes);
        while (tensor.Next())
        {
            switch (tensor.Field)
            {
                case 1: tensor.AddVarints(dims, MaxRank); break;
                case 2: type = tensor.Varint; break;
                case 4:
                    floats += tensor.CountFixed(4);
                    numbers.AddFloats(tensor);
                    break;
                case 5:
                    ints += tensor.CountVarints();
                    numbers.AddIntegers(tensor);
                    break;
                case 6: texts++; break;
                case 7 or 11:
                    longs += tensor.CountVarints();
                    numbers.AddIntegers(tensor);
                    break;
                case 8: name = tensor.Text; break;
                case 9:
                    raw = tensor.Message().Length;
                    numbers.Raw = tensor.Message();
                    break;
                case 10: doubles += tensor.CountFixed(8); break;
                case 13:
                    var (key, value) = ModelInspector.Entry(tensor.Message());
                    external[key] = value;
                    break;
                case 14: isExternal = tensor.Varint == 1; break;
            }
        }
        var what = $"tensor '{name}' ({ElementTypes.Name(type)} [{string.Join(", ", dims)}])";
        if (ElementTypes.Bits(type) is not { } bits)
        {
            throw Invalid($"{what} has an element type that ONNX does not have");
        }
        var elements = Elements(what, dims);
        var declared = type == ElementTypes.Text ? (Int128)0 : ((elements * bits) + 7) / 8;
        if (isExternal || external.Count > 0)
        {
            CheckExternal(what, external, declared);
        }
        else if (raw >= 0 && raw != declared)
        {
            throw Invalid($"{what} declares {declared:N0} bytes and has {raw:N0}");
        }
        else if (raw < 0)
        {
            var perEntry = bits < 8 ? 8 / bits : 1;   // small integers share an entry
            var entries = floats > 0 && type >= 14 ? floats / 2 : floats + (ints * perEntry) + texts + longs + (type == 15 ? doubles / 2 : doubles);
            if (entries < elements || entries >= elements + perEntry)
            {
                throw Invalid($"{what} declares {elements:N0} elements and has {entries:N0}");
            }
        }
        return new TensorFacts(name, dims, isExternal || external.Count > 0 ? null : numbers.Read(type, elements));
    }

    /// <summary>Refuses what few bytes would blow up to.</summary>
    public void RequireModest(string what, IReadOnlyList<long> dims)
    {
        if (Elements(what, dims) is var elements && elements > MaxMadeElements)
        {
            throw Invalid($"{what} [{string.Join(", ", dims)}] declares {elements:N0} elements; expected at most {MaxMadeElements:N0}");
        }
    }

    /// <summary>Product of the extents. 128 bits: 32 extents of 63 bits could overflow even those, so the running product is bounded.</summary>
    private Int128 Elements(string what, IReadOnlyList<long> dims)
    {
        if (dims.Any(extent => extent < 0))
        {
            throw Invalid($"{what} has a negative extent");
        }
        if (dims.Contains(0))
        {
            return 0;
        }
        var product = Int128.One;
        foreach (var extent in dims)
        {
            product *= extent;
            if (product > long.MaxValue)
            {
                throw Invalid($"{what} declares more elements than any file holds");
            }
        }
        return product;
    }

    private void CheckExternal(string what, Dictionary<string, string> external, Int128 declared)
    {
        if (!external.TryGetValue("location", out var location) || location.Length == 0)
        {
            throw Invalid($"{what} is stored in another file whose name is missing");
        }
        var parts = location.Split('/', '\\');
        if (Path.IsPathRooted(location) || location.StartsWith('\\') || parts.Contains("..") || location.Contains(':', StringComparison.Ordinal)
            || location.Contains('\0', StringComparison.Ordinal) || location.Contains(AddressMark, StringComparison.Ordinal))
        {
            throw Invalid($"{what} is stored in '{location}', outside of the model's folder {_folder}; nothing is read from there. Put its data beside the model");
        }
        var path = _folder;
        foreach (var part in parts.Where(part => part is not ("" or ".")))
        {
            path = Path.Combine(path, part);
            if (new FileInfo(path).LinkTarget is { } target)
            {
                throw Invalid($"{what} is stored in '{location}', where {part} is a link to {target}; links are not followed. Copy the file beside the model");
            }
        }
        var file = new FileInfo(path);
        if (!file.Exists || (file.Attributes & (FileAttributes.Directory | FileAttributes.Device)) != 0)
        {
            throw Invalid($"{what} is stored in '{location}', and there is no such file in {_folder}. Copy it there");
        }
        ExternalFiles.Add(path);
        var offset = Number(what, external, "offset") ?? 0;
        var length = Number(what, external, "length") ?? file.Length - offset;
        if (offset > file.Length || length > file.Length - offset || length != declared)
        {
            throw Invalid($"{what} declares {declared:N0} bytes; '{location}' has {file.Length:N0}, and {length:N0} of them from {offset:N0} are named");
        }
    }

    private long? Number(string what, Dictionary<string, string> external, string key) =>
        !external.TryGetValue(key, out var text) ? null
        : long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number
        : throw Invalid($"{what} has the {key} '{text}'; expected a number of bytes");

    private InvalidFileException Invalid(string problem) => new(modelPath, problem);
}
