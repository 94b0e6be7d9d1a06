namespace Airbench;

/// <summary>One layer of a network.</summary>
/// <param name="Name">Its name in weight files and in the ONNX graph.</param>
public abstract record Layer(string Name)
{
    /// <summary>Name of the layer whose output it reads; null for the layer before it.</summary>
    public string? Input { get; init; }

    /// <summary>Name of a second layer, whose output it adds to the first's; null where it reads one alone.</summary>
    public virtual string? Addend => null;

    /// <summary>What it is for, where that is more than its kind says.</summary>
    public LayerRole Role { get; init; }

    /// <summary>Number, from 1, of the group of convolutions, or the stage of a ResNet, that it is in; 0 outside of them.</summary>
    public int Group { get; init; }

    /// <summary>Tensors that it needs, with shapes.</summary>
    public virtual IEnumerable<(string Name, long[] Shape)> Parameters() => [];

    /// <summary>Shape of its output for an input of shape <paramref name="input"/>.</summary>
    public virtual Plane Output(Plane input) => input;

    /// <summary>Multiply-adds of one image's forward pass, of convolutions and linear layers alone.</summary>
    /// <param name="output">Shape of its output.</param>
    public virtual long MultiplyAdds(Plane output) => 0;
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

    /// <inheritdoc/>
    public override Plane Output(Plane input) => new(Out, Steps(input.Height), Steps(input.Width));

    /// <inheritdoc/>
    public override long MultiplyAdds(Plane output) => output.Elements * In * Kernel * Kernel;

    private int Steps(int size) => ((size + (2 * Padding) - Kernel) / Stride) + 1;
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

/// <summary>Everything below the head of a network that was trained elsewhere: a graph of its own, with its own weights, from pixels to features.</summary>
public sealed record BackboneLayer(string Name, int Features) : Layer(Name)
{
    /// <inheritdoc/>
    public override Plane Output(Plane input) => new(Features, 1, 1);
}

/// <summary>A non-linearity, element by element.</summary>
public sealed record ActivationLayer(string Name, Activation Kind) : Layer(Name);

/// <summary>Max pool, kernel and stride <paramref name="Size"/>, no padding, rounding down.</summary>
public sealed record MaxPoolLayer(string Name, int Size) : Layer(Name)
{
    /// <inheritdoc/>
    public override Plane Output(Plane input) => input with { Height = input.Height / Size, Width = input.Width / Size };
}

/// <summary>Adds the output of layer <paramref name="From"/>.</summary>
public sealed record AddLayer(string Name, string From) : Layer(Name)
{
    /// <inheritdoc/>
    public override string? Addend => From;
}

/// <summary>Maximum over all positions; (N, C, H, W) becomes (N, C).</summary>
public sealed record GlobalMaxPoolLayer(string Name) : Layer(Name)
{
    /// <inheritdoc/>
    public override Plane Output(Plane input) => new(input.Channels, 1, 1);
}

/// <summary>Mean over all positions; (N, C, H, W) becomes (N, C).</summary>
public sealed record GlobalAveragePoolLayer(string Name) : Layer(Name)
{
    /// <inheritdoc/>
    public override Plane Output(Plane input) => new(input.Channels, 1, 1);
}

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

    /// <inheritdoc/>
    public override Plane Output(Plane input) => new(Out, 1, 1);

    /// <inheritdoc/>
    public override long MultiplyAdds(Plane output) => (long)Out * In;
}
