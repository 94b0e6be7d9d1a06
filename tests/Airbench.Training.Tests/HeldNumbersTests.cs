using System.Collections.Immutable;
using System.Globalization;
using System.Reflection;
using System.Reflection.Emit;
using System.Reflection.Metadata;
using System.Reflection.Metadata.Ecma335;
using System.Reflection.PortableExecutable;
using Airbench.Training;
using TorchSharp;

namespace Airbench.Tests;

/// <summary>
/// A number converted to a TorchSharp <see cref="Scalar"/> on the way into a call may be freed by the garbage collector before the native
/// code reads it; it strikes once in millions of calls. So it is proved from the code: every conversion is kept in a variable, and no
/// operator is called that converts inside TorchSharp.
/// </summary>
public sealed class HeldNumbersTests
{
    /// <summary>With doubles it converts them inside; it takes scalars, which <c>Foreach</c> holds.</summary>
    private const string TakesScalars = "CompilationUnit.invoke(String,Object[])";

    [Fact]
    public void No_number_is_free_for_collection_while_a_native_call_reads_it()
    {
        var careless = Careless(Calls(typeof(torch).Assembly.Location));
        Assert.Contains("Tensor.op_Multiply(Tensor,Double)", careless);
        Assert.Contains("Tensor.op_Addition(Tensor,Tensor)", careless);   // alpha = 1

        var ours = Calls(typeof(Trainer).Assembly.Location);
        Assert.Contains(ours, call => IsConversion(call.Callee));
        Assert.Empty(ours.Where(call => call.Callee != TakesScalars && (careless.Contains(call.Callee) || IsLost(call))).Select(call => $"{call.Caller} calls {call.Callee}"));
    }

    internal sealed record Call(string Caller, string Callee, string NextOpcode);

    private static bool IsConversion(string method) => method.StartsWith("Scalar.op_Implicit(", StringComparison.Ordinal);

    private static bool IsLost(Call call) => IsConversion(call.Callee) && !call.NextOpcode.StartsWith("st", StringComparison.Ordinal);   // stloc, stsfld

    /// <summary>Methods that lose a scalar, and those that call them.</summary>
    private static HashSet<string> Careless(List<Call> torch)
    {
        var careless = torch.Where(IsLost).Select(call => call.Caller).ToHashSet();
        while (torch.FindAll(call => careless.Contains(call.Callee) && !call.Caller.StartsWith("Scalar.", StringComparison.Ordinal) && careless.Add(call.Caller)).Count > 0)
        {
        }
        return careless;
    }

    /// <summary>Every mention of a method by another, in the assembly at <paramref name="path"/>: calls, and functions that are passed on.</summary>
    internal static List<Call> Calls(string path)
    {
        using var file = new PEReader(File.OpenRead(path));
        var reader = file.GetMetadataReader();
        var names = new Names(reader);
        var calls = new List<Call>();
        foreach (var handle in reader.MethodDefinitions)
        {
            var method = reader.GetMethodDefinition(handle);
            if (method.RelativeVirtualAddress == 0)
            {
                continue;
            }
            string? callee = null;
            foreach (var (opcode, operand) in Instructions(file.GetMethodBody(method.RelativeVirtualAddress).GetILBytes()!))
            {
                if (callee is not null)
                {
                    calls.Add(new Call(names.Of(handle), callee, opcode.Name!));
                }
                callee = opcode.OperandType == OperandType.InlineMethod ? names.Of(MetadataTokens.EntityHandle(operand)) : null;
            }
        }
        return calls;
    }

    private static readonly Dictionary<ushort, OpCode> Opcodes =
        typeof(OpCodes).GetFields(BindingFlags.Public | BindingFlags.Static).Select(field => (OpCode)field.GetValue(null)!).ToDictionary(o => (ushort)o.Value);

    /// <summary>Opcodes with the first four bytes of their operand (ECMA-335, partition III).</summary>
    private static IEnumerable<(OpCode Opcode, int Operand)> Instructions(byte[] code)
    {
        for (var i = 0; i < code.Length;)
        {
            var opcode = code[i] == 0xFE ? Opcodes[(ushort)(0xFE00 | code[i + 1])] : Opcodes[code[i]];
            i += opcode.Size;
            var operand = i + 4 <= code.Length ? BitConverter.ToInt32(code, i) : 0;
            yield return (opcode, operand);
            i += opcode.OperandType switch
            {
                OperandType.InlineNone => 0,
                OperandType.ShortInlineBrTarget or OperandType.ShortInlineI or OperandType.ShortInlineVar => 1,
                OperandType.InlineVar => 2,
                OperandType.InlineI8 or OperandType.InlineR => 8,
                OperandType.InlineSwitch => 4 + (4 * operand),
                _ => 4,
            };
        }
    }

    /// <summary>Methods as <c>Type.Name(parameter types)</c>, the same in the assembly that defines them and in one that calls them.</summary>
    private sealed class Names(MetadataReader reader) : ISignatureTypeProvider<string, object?>
    {
        public string Of(EntityHandle handle)
        {
            switch (handle.Kind)
            {
                case HandleKind.MethodSpecification:
                    return Of(reader.GetMethodSpecification((MethodSpecificationHandle)handle).Method);
                case HandleKind.MethodDefinition:
                    var method = reader.GetMethodDefinition((MethodDefinitionHandle)handle);
                    return Text(method.GetDeclaringType(), method.Name, method.DecodeSignature(this, null));
                default:
                    var member = reader.GetMemberReference((MemberReferenceHandle)handle);
                    return Text(member.Parent, member.Name, member.DecodeMethodSignature(this, null));
            }
        }

        private string Text(EntityHandle type, StringHandle name, MethodSignature<string> signature) =>
            $"{TypeName(type)}.{reader.GetString(name)}({string.Join(',', signature.ParameterTypes)})";

        private string TypeName(EntityHandle type) => type.Kind switch
        {
            HandleKind.TypeReference => reader.GetString(reader.GetTypeReference((TypeReferenceHandle)type).Name),
            HandleKind.TypeDefinition => reader.GetString(reader.GetTypeDefinition((TypeDefinitionHandle)type).Name),
            _ => reader.GetTypeSpecification((TypeSpecificationHandle)type).DecodeSignature(this, null),
        };

        public string GetArrayType(string elementType, ArrayShape shape) => elementType + "[,]";

        public string GetByReferenceType(string elementType) => elementType + "&";

        public string GetFunctionPointerType(MethodSignature<string> signature) => "function";

        public string GetGenericInstantiation(string genericType, ImmutableArray<string> typeArguments) => $"{genericType}<{string.Join(',', typeArguments)}>";

        public string GetGenericMethodParameter(object? genericContext, int index) => index.ToString("!!0", CultureInfo.InvariantCulture);

        public string GetGenericTypeParameter(object? genericContext, int index) => index.ToString("!0", CultureInfo.InvariantCulture);

        public string GetModifiedType(string modifier, string unmodifiedType, bool isRequired) => unmodifiedType;

        public string GetPinnedType(string elementType) => elementType;

        public string GetPointerType(string elementType) => elementType + "*";

        public string GetPrimitiveType(PrimitiveTypeCode typeCode) => typeCode.ToString();

        public string GetSZArrayType(string elementType) => elementType + "[]";

        public string GetTypeFromDefinition(MetadataReader reader, TypeDefinitionHandle handle, byte rawTypeKind) => TypeName(handle);

        public string GetTypeFromReference(MetadataReader reader, TypeReferenceHandle handle, byte rawTypeKind) => TypeName(handle);

        public string GetTypeFromSpecification(MetadataReader reader, object? genericContext, TypeSpecificationHandle handle, byte rawTypeKind) => TypeName(handle);
    }
}
