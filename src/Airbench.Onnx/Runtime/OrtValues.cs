using System.Runtime.InteropServices;
using Microsoft.ML.OnnxRuntime;

namespace Airbench.Onnx;

/// <summary>Tensors from raw bytes.</summary>
internal static class OrtValues
{
    /// <summary>A tensor of <paramref name="type"/>, uint8 or float, with these little-endian values.</summary>
    public static OrtValue Create(string type, byte[] values, long[] shape) => type == "uint8"
        ? OrtValue.CreateTensorValueFromMemory(values, shape)
        : OrtValue.CreateTensorValueFromMemory(MemoryMarshal.Cast<byte, float>(values).ToArray(), shape);
}
