namespace Airbench.Onnx;

/// <summary>What a part of a network that learns reads: the values of a view of an image where the part begins.</summary>
internal interface IViewSource : IDisposable
{
    /// <summary>Numbers of one view.</summary>
    int Width { get; }

    /// <summary>Views of an image that can be learned; the first is the image itself.</summary>
    int Views { get; }

    /// <summary>Writes one view.</summary>
    /// <param name="image">Which image.</param>
    /// <param name="view">0 to <see cref="Views"/> - 1, or <see cref="Mirror"/>.</param>
    /// <param name="values">Receives <see cref="Width"/> numbers.</param>
    void Read(int image, int view, Span<float> values);

    /// <summary>Stands for the mirror image of a test image.</summary>
    const int Mirror = -1;
}
