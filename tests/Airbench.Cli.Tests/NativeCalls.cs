using System.Collections.Frozen;
using System.Reflection;
using System.Reflection.Emit;
using System.Reflection.Metadata;
using System.Reflection.Metadata.Ecma335;
using System.Reflection.PortableExecutable;
using System.Runtime.InteropServices;
using System.Runtime.Versioning;

namespace Airbench.Tests;

/// <summary>The native calls of an assembly, from its IL. Methods are named "Type.Method".</summary>
/// <param name="Externs">Native functions by declaration.</param>
/// <param name="WithoutSystem">Those that do not say on which systems they are.</param>
/// <param name="Unguarded">
/// Methods that call a native function, or a method for certain systems, and neither ask for the system before nor are for certain systems.
/// </param>
/// <param name="Asking">Methods that ask for the system.</param>
internal sealed record NativeCalls(
    IReadOnlyList<string> Externs, IReadOnlyList<string> WithoutSystem, IReadOnlyList<string> Unguarded, IReadOnlyList<string> Asking)
{
    private static readonly FrozenDictionary<short, OpCode> Codes = typeof(OpCodes).GetFields()
        .Select(field => (OpCode)field.GetValue(null)!)
        .ToFrozenDictionary(code => code.Value);

    private static readonly string[] Systems = [nameof(SupportedOSPlatformAttribute), nameof(UnsupportedOSPlatformAttribute)];

    /// <summary>Walks every method of the assembly in a file.</summary>
    public static NativeCalls In(string file)
    {
        using var image = new PEReader(File.OpenRead(file));
        var reader = image.GetMetadataReader();
        var methods = reader.MethodDefinitions.ToList();
        var externs = methods.Where(method => IsExtern(reader, method)).ToList();
        var bodies = methods
            .Where(method => reader.GetMethodDefinition(method).RelativeVirtualAddress != 0)
            .Select(method => (Method: method, Calls: Calls(reader, image, method).ToList()))
            .ToList();
        return new(
            [.. externs.Select(method => Name(reader, method))],
            [.. externs.Where(method => !IsForCertainSystems(reader, method)).Select(method => Name(reader, method))],
            [.. bodies
                .Where(body => body.Calls.TakeWhile(call => call != Call.Question).Contains(Call.Native) && !IsForCertainSystems(reader, body.Method))
                .Select(body => Name(reader, body.Method))
                .Distinct()],
            [.. bodies.Where(body => body.Calls.Contains(Call.Question)).Select(body => Name(reader, body.Method)).Distinct()]);
    }

    private enum Call
    {
        Other,
        Native,
        Question,
    }

    /// <summary>In the order of the IL, which is that of the text.</summary>
    private static IEnumerable<Call> Calls(MetadataReader reader, PEReader image, MethodDefinitionHandle method)
    {
        var il = image.GetMethodBody(reader.GetMethodDefinition(method).RelativeVirtualAddress).GetILReader();
        while (il.RemainingBytes > 0)
        {
            var first = il.ReadByte();
            var code = Codes[first == 0xFE ? (short)(0xFE00 | il.ReadByte()) : first];
            if (code.OperandType is OperandType.InlineMethod or OperandType.InlineSig)
            {
                yield return Kind(reader, MetadataTokens.EntityHandle(il.ReadInt32()));
            }
            else
            {
                il.Offset += Length(code.OperandType, ref il);
            }
        }
    }

    private static int Length(OperandType operand, ref BlobReader il) => operand switch
    {
        OperandType.InlineNone => 0,
        OperandType.ShortInlineBrTarget or OperandType.ShortInlineI or OperandType.ShortInlineVar => 1,
        OperandType.InlineVar => 2,
        OperandType.InlineI8 or OperandType.InlineR => 8,
        OperandType.InlineSwitch => 4 * il.ReadInt32(),
        _ => 4,
    };

    private static Call Kind(MetadataReader reader, EntityHandle target)
    {
        switch (target.Kind)
        {
            case HandleKind.StandaloneSignature:   // calli
                var header = reader.GetBlobReader(reader.GetStandaloneSignature((StandaloneSignatureHandle)target).Signature).ReadSignatureHeader();
                return header.CallingConvention == SignatureCallingConvention.Default ? Call.Other : Call.Native;
            case HandleKind.MethodSpecification:
                return Kind(reader, reader.GetMethodSpecification((MethodSpecificationHandle)target).Method);
            case HandleKind.MethodDefinition:
                var method = (MethodDefinitionHandle)target;
                return IsExtern(reader, method) || IsForCertainSystems(reader, method) ? Call.Native : Call.Other;
            case HandleKind.MemberReference when reader.GetMemberReference((MemberReferenceHandle)target) is { Parent.Kind: HandleKind.TypeReference } member:
                var name = reader.GetString(member.Name);
                return reader.GetString(reader.GetTypeReference((TypeReferenceHandle)member.Parent).Name) switch
                {
                    nameof(OperatingSystem) when name.StartsWith("Is", StringComparison.Ordinal) => Call.Question,
                    nameof(NativeLibrary) => Call.Native,
                    _ => Call.Other,
                };
            default:
                return Call.Other;
        }
    }

    private static bool IsExtern(MetadataReader reader, MethodDefinitionHandle method) =>
        reader.GetMethodDefinition(method).Attributes.HasFlag(MethodAttributes.PinvokeImpl);

    /// <summary>By an attribute of the method, of its type or of one around that; what is inside of such a type may call the rest of it.</summary>
    private static bool IsForCertainSystems(MetadataReader reader, MethodDefinitionHandle method)
    {
        var definition = reader.GetMethodDefinition(method);
        if (definition.GetCustomAttributes().Any(attribute => IsSystems(reader, attribute)))
        {
            return true;
        }
        for (var type = definition.GetDeclaringType(); !type.IsNil; type = reader.GetTypeDefinition(type).GetDeclaringType())
        {
            if (reader.GetTypeDefinition(type).GetCustomAttributes().Any(attribute => IsSystems(reader, attribute)))
            {
                return true;
            }
        }
        return false;
    }

    private static bool IsSystems(MetadataReader reader, CustomAttributeHandle attribute) =>
        reader.GetCustomAttribute(attribute).Constructor is { Kind: HandleKind.MemberReference } constructor
        && reader.GetMemberReference((MemberReferenceHandle)constructor).Parent is { Kind: HandleKind.TypeReference } type
        && Systems.Contains(reader.GetString(reader.GetTypeReference((TypeReferenceHandle)type).Name));

    /// <summary>What the compiler makes of lambdas and local functions counts as the method that they stand in.</summary>
    private static string Name(MetadataReader reader, MethodDefinitionHandle method)
    {
        var definition = reader.GetMethodDefinition(method);
        var (type, name) = (definition.GetDeclaringType(), reader.GetString(definition.Name));
        while (reader.GetString(reader.GetTypeDefinition(type).Name) is ['<', ..])
        {
            type = reader.GetTypeDefinition(type).GetDeclaringType();
        }
        return $"{reader.GetString(reader.GetTypeDefinition(type).Name)}.{(name is ['<', ..] ? name[1..name.IndexOf('>', StringComparison.Ordinal)] : name)}";
    }
}
