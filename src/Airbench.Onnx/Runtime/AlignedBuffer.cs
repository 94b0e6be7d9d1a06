using System.Runtime.InteropServices;

namespace Airbench.Onnx;

/// <summary>
/// Native memory that begins where ONNX Runtime's own does. Some of its reductions sum in another order when their input begins elsewhere, and
/// the same batch has to give the same bits in every process.
/// </summary>
internal sealed unsafe class AlignedBuffer : IDisposable
{
    private const int Alignment = 64;

    private readonly int _length;
    private void* _start;

    /// <param name="length">Bytes; they are zero at first.</param>
    public AlignedBuffer(int length)
    {
        _length = length;
        _start = NativeMemory.AlignedAlloc((nuint)Math.Max(length, 1), Alignment);
        Span.Clear();
    }

    /// <summary>The bytes; valid until disposed.</summary>
    public Span<byte> Span => _start is null ? [] : new(_start, _length);

    /// <inheritdoc/>
    public void Dispose()
    {
        NativeMemory.AlignedFree(_start);
        _start = null;
    }
}
