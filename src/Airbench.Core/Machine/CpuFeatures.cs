using System.Runtime.Intrinsics.X86;

namespace Airbench;

/// <summary>Processor features that decide speed here.</summary>
public static class CpuFeatures
{
    /// <summary>AVX512-BF16: bf16 products twice and more as fast as fp32.</summary>
    public static bool HasAvx512Bf16 { get; } = Bit(7, 1, Register.Eax, 5);

    /// <summary>AMX-BF16: bf16 products in tiles.</summary>
    public static bool HasAmxBf16 { get; } = Bit(7, 0, Register.Edx, 22);

    /// <summary>AVX512-VNNI: int8 products for quantized models.</summary>
    public static bool HasAvx512Vnni { get; } = Bit(7, 0, Register.Ecx, 11);

    /// <summary>AVX-VNNI: the same on processors without AVX-512.</summary>
    public static bool HasAvxVnni { get; } = Bit(7, 1, Register.Eax, 4);

    /// <summary>Whether int8 products are exact in one instruction.</summary>
    public static bool HasVnni => HasAvx512Vnni || HasAvxVnni;

    /// <summary>Whether bf16 is worth it on this CPU.</summary>
    public static bool HasBf16 => HasAvx512Bf16 || HasAmxBf16;

    private enum Register
    {
        Eax,
        Ecx,
        Edx,
    }

    private static bool Bit(int leaf, int subLeaf, Register register, int bit)
    {
        if (!X86Base.IsSupported || X86Base.CpuId(0, 0).Eax < leaf || X86Base.CpuId(leaf, 0).Eax < subLeaf)
        {
            return false;
        }
        var (eax, _, ecx, edx) = X86Base.CpuId(leaf, subLeaf);
        var value = register switch { Register.Eax => eax, Register.Ecx => ecx, _ => edx };
        return (value >> bit & 1) == 1;
    }
}
