using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.X86;
using System.Text;

namespace Airbench;

/// <summary>Processor features that decide speed here.</summary>
public static class CpuFeatures
{
    /// <summary>AVX512-BF16: bf16 products by VDPBF16PS. Whether they are faster than fp32 depends on the processor.</summary>
    public static bool HasAvx512Bf16 { get; } = Bit(7, 1, Register.Eax, 5);

    /// <summary>AMX-BF16: bf16 products in tiles.</summary>
    public static bool HasAmxBf16 { get; } = Bit(7, 0, Register.Edx, 22);

    /// <summary>AVX512-VNNI: int8 products for quantized models.</summary>
    public static bool HasAvx512Vnni { get; } = Bit(7, 0, Register.Ecx, 11);

    /// <summary>AVX-VNNI: the same on processors without AVX-512.</summary>
    public static bool HasAvxVnni { get; } = Bit(7, 1, Register.Eax, 4);

    /// <summary>Whether int8 products are exact in one instruction.</summary>
    public static bool HasVnni => HasAvx512Vnni || HasAvxVnni;

    /// <summary>Whether there are bf16 products at all.</summary>
    public static bool HasBf16 => HasAvx512Bf16 || HasAmxBf16;

    /// <summary>What kind of processor it is: "AuthenticAMD family 26 model 2 stepping 1, avx512-bf16"; the architecture alone where it is not x86.</summary>
    /// <remarks>A virtual machine may hide instructions of the same processor, so those that decide are named.</remarks>
    public static string Id { get; } = Identify();   // after the features, which it names

    private enum Register
    {
        Eax,
        Ecx,
        Edx,
    }

    private static string Identify()
    {
        if (!X86Base.IsSupported)
        {
            return RuntimeInformation.ProcessArchitecture.ToString().ToLowerInvariant();
        }
        var (_, ebx, ecx, edx) = X86Base.CpuId(0, 0);
        Span<byte> vendor = stackalloc byte[3 * sizeof(int)];
        MemoryMarshal.Cast<int, byte>([ebx, edx, ecx]).CopyTo(vendor);
        var signature = X86Base.CpuId(1, 0).Eax;
        var family = (signature >> 8 & 0xF) + (signature >> 20 & 0xFF);            // the upper parts are 0 where they mean nothing
        var model = (signature >> 4 & 0xF) + ((signature >> 16 & 0xF) << 4);
        var features = (HasAvx512Bf16 ? ", avx512-bf16" : "") + (HasAmxBf16 ? ", amx-bf16" : "");
        return FormattableString.Invariant($"{Encoding.ASCII.GetString(vendor)} family {family} model {model} stepping {signature & 0xF}{features}");
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
