namespace Airbench.Onnx;

/// <summary>The tensors of a network, checked: exactly those of <see cref="NetworkSpec.Parameters"/>, float32, finite.</summary>
internal sealed class NetworkWeights : IDisposable
{
    private readonly TensorFile _file;

    private NetworkWeights(TensorFile file) => _file = file;

    /// <summary>Maps the weights of <paramref name="network"/>.</summary>
    /// <exception cref="InvalidFileException">A tensor is missing, unknown, of another type or shape, or holds a bad number.</exception>
    public static NetworkWeights Open(string path, NetworkSpec network)
    {
        var file = TensorFile.Open(path);
        try
        {
            Check(file, network);
            return new NetworkWeights(file);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>The file, for messages.</summary>
    public string Path => _file.Path;

    /// <summary>All elements, row-major; valid until disposed.</summary>
    public ReadOnlySpan<float> this[string name] => _file.Read<float>(_file.Tensors[name]);

    /// <inheritdoc/>
    public void Dispose() => _file.Dispose();

    private static void Check(TensorFile file, NetworkSpec network)
    {
        var expected = network.Parameters().ToArray();
        foreach (var (name, shape) in expected)
        {
            var values = file.Read<float>(file.Require(name, TensorType.F32, shape));
            for (var i = 0; i < values.Length; i++)
            {
                if (!float.IsFinite(values[i]))
                {
                    throw new InvalidFileException(
                        file.Path, $"element {i} of tensor '{name}' is {values[i]}; expected finite numbers: train again");
                }
                if (values[i] < 0 && name.EndsWith(".running_var", StringComparison.Ordinal))
                {
                    throw new InvalidFileException(file.Path,
                        FormattableString.Invariant($"element {i} of tensor '{name}' is {values[i]}; a variance is not negative"));
                }
            }
        }
        var unknown = file.Tensors.Keys.Except(expected.Select(p => p.Name)).Order(StringComparer.Ordinal).ToArray();
        if (unknown.Length > 0)
        {
            throw new InvalidFileException(file.Path, $"has tensors that the network does not know: {string.Join(", ", unknown.Take(10))}");
        }
    }
}
