namespace Airbench;

/// <summary>One layer of a network.</summary>
/// <param name="Name">Its name in weight files and in the ONNX graph.</param>
public abstract record Layer(string Name)
{
    /// <summary>Name of the layer whose output it reads; null for the layer before it.</summary>
    public string? Input { get; init; }

    /// <summary>Tensors that it needs, with shapes.</summary>
    public virtual IEnumerable<(string Name, long[] Shape)> Parameters() => [];
}

/// <summary>2-D convolution, square kernel. Weight (Out, In, Kernel, Kernel), bias (Out).</summary>
public sealed record ConvLayer(string Name, int In, int Out, int Kernel, int Padding) : Layer(Name)
{
    /// <summary>Step between output positions.</summary>
    public int Stride { get; init; } = 1;

    /// <summary>Whether a bias is added.</summary>
    public bool HasBias { get; init; }

    /// <inheritdoc/>
    public override IEnumerable<(string Name, long[] Shape)> Parameters()
    {
        yield return ($"{Name}.weight", [Out, In, Kernel, Kernel]);
        if (HasBias)
        {
            yield return ($"{Name}.bias", [Out]);
        }
    }
}

/// <summary>Batch normalization. Bias, running mean, running variance and, with <see cref="HasScale"/>, weight (Channels).</summary>
public sealed record BatchNormLayer(string Name, int Channels) : Layer(Name)
{
    /// <summary>Whether there is a learned scale; otherwise it is 1.</summary>
    public bool HasScale { get; init; }

    /// <inheritdoc/>
    public override IEnumerable<(string Name, long[] Shape)> Parameters()
    {
        if (HasScale)
        {
            yield return ($"{Name}.weight", [Channels]);
        }
        yield return ($"{Name}.bias", [Channels]);
        yield return ($"{Name}.running_mean", [Channels]);
        yield return ($"{Name}.running_var", [Channels]);
    }
}

/// <summary>A non-linearity, element by element.</summary>
public sealed record ActivationLayer(string Name, Activation Kind) : Layer(Name);

/// <summary>Max pool, kernel and stride <paramref name="Size"/>, no padding, rounding down.</summary>
public sealed record MaxPoolLayer(string Name, int Size) : Layer(Name);

/// <summary>Adds the output of layer <paramref name="From"/>.</summary>
public sealed record AddLayer(string Name, string From) : Layer(Name);

/// <summary>Maximum over all positions; (N, C, H, W) becomes (N, C).</summary>
public sealed record GlobalMaxPoolLayer(string Name) : Layer(Name);

/// <summary>Mean over all positions; (N, C, H, W) becomes (N, C).</summary>
public sealed record GlobalAveragePoolLayer(string Name) : Layer(Name);

/// <summary>Linear layer; its output is multiplied by <paramref name="Scale"/>. Weight (Out, In), bias (Out).</summary>
public sealed record LinearLayer(string Name, int In, int Out, double Scale) : Layer(Name)
{
    /// <summary>Whether a bias is added, before the scale.</summary>
    public bool HasBias { get; init; }

    /// <inheritdoc/>
    public override IEnumerable<(string Name, long[] Shape)> Parameters()
    {
        yield return ($"{Name}.weight", [Out, In]);
        if (HasBias)
        {
            yield return ($"{Name}.bias", [Out]);
        }
    }
}
