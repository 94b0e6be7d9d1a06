using System.Buffers.Binary;
using System.Text;

namespace Airbench.Training;

/// <summary>Marks one symbol-version need of a 64-bit little-endian ELF library as weak, so that the loader accepts its absence.</summary>
/// <remarks>
/// <c>libLibTorchSharp.so</c> 0.107.0 names <c>GLIBCXX_3.4.32</c> (GCC 13) for the single symbol
/// <c>_ZSt21ios_base_library_initv</c>, which <c>&lt;iostream&gt;</c> declares and nothing calls or relocates. Debian 12, Ubuntu 22.04
/// and RHEL 9 stop at 3.4.30 and refuse the library for it. Structures: System V ABI, "Symbol Versioning", section <c>.gnu.version_r</c>.
/// </remarks>
internal static class ElfVersionPatch
{
    private const uint SectionTypeVersionNeeds = 0x6ffffffe;   // SHT_GNU_verneed
    private const ushort FlagWeak = 2;                         // VER_FLG_WEAK

    /// <summary>A copy of <paramref name="library"/> in which every need of <paramref name="version"/> is weak.</summary>
    /// <exception cref="FormatException">Not such a library, or it does not need that version.</exception>
    public static byte[] MakeWeak(ReadOnlySpan<byte> library, string version)
    {
        try
        {
            var patched = library.ToArray();
            return Patch(patched, version) > 0 ? patched : throw new FormatException($"the library does not need the version {version}");
        }
        catch (ArgumentOutOfRangeException e)
        {
            throw new FormatException("an ELF structure points outside the file", e);
        }
    }

    private static int Patch(byte[] elf, string version)
    {
        // Header: magic, class 2 (64-bit), data 1 (little-endian); section table at e_shoff with e_shnum entries of e_shentsize.
        if (elf.Length < 64 || !elf.AsSpan(0, 6).SequenceEqual("\u007fELF\u0002\u0001"u8))
        {
            throw new FormatException("not a 64-bit little-endian ELF file");
        }
        var patched = 0;
        var (sections, size, count) = (U64(elf, 0x28), U16(elf, 0x3a), U16(elf, 0x3c));
        for (var i = 0; i < count; i++)
        {
            var section = sections + (i * size);
            if (U32(elf, section + 4) == SectionTypeVersionNeeds)
            {
                var strings = U64(elf, sections + ((int)U32(elf, section + 0x28) * size) + 0x18);   // sh_link -> sh_offset
                patched += PatchNeeds(elf, U64(elf, section + 0x18), (int)U32(elf, section + 0x2c), strings, version);
            }
        }
        return patched;
    }

    /// <summary>Walks Elf64_Verneed (one a library) and, below each, Elf64_Vernaux (one a version).</summary>
    private static int PatchNeeds(byte[] elf, int need, int needs, int strings, string version)
    {
        var patched = 0;
        for (var i = 0; i < needs; i++)
        {
            var aux = need + (int)U32(elf, need + 8);
            for (var versions = U16(elf, need + 2); versions > 0; versions--)
            {
                if (Text(elf, strings + (int)U32(elf, aux + 8)) == version)
                {
                    var flags = elf.AsSpan(aux + 4, 2);
                    BinaryPrimitives.WriteUInt16LittleEndian(flags, (ushort)(BinaryPrimitives.ReadUInt16LittleEndian(flags) | FlagWeak));
                    patched++;
                }
                aux += (int)U32(elf, aux + 12);
            }
            need += (int)U32(elf, need + 12);
        }
        return patched;
    }

    private static ushort U16(byte[] elf, int at) => BinaryPrimitives.ReadUInt16LittleEndian(elf.AsSpan(at, 2));

    private static uint U32(byte[] elf, int at) => BinaryPrimitives.ReadUInt32LittleEndian(elf.AsSpan(at, 4));

    private static int U64(byte[] elf, int at)
    {
        var value = BinaryPrimitives.ReadUInt64LittleEndian(elf.AsSpan(at, 8));
        return value <= (ulong)elf.Length ? (int)value : throw new FormatException("an ELF structure points outside the file");
    }

    private static string Text(byte[] elf, int at)
    {
        var rest = elf.AsSpan(at);
        var end = rest.IndexOf((byte)0);
        return end < 0 ? throw new FormatException("an ELF string has no end") : Encoding.ASCII.GetString(rest[..end]);
    }
}
