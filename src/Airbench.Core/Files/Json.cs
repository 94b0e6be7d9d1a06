using System.Runtime.CompilerServices;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;

namespace Airbench;

/// <summary>
/// The one JSON dialect of all artifacts: snake_case, indented, enums by name. What is read is believed by nobody: unknown, missing and
/// doubled members are refused, and so is all that <see cref="JsonRules"/> finds.
/// </summary>
public static class Json
{
    /// <summary>More is no file of ours: the largest, of an evaluation with 100,000 classes, has a tenth of it.</summary>
    private const long MostBytes = 256 << 20;

    private static readonly JsonSerializerOptions Options = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.SnakeCaseLower, allowIntegerValues: false) },
        WriteIndented = true,
        NewLine = "\n",
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
        AllowDuplicateProperties = false,
        RespectNullableAnnotations = true,
        RespectRequiredConstructorParameters = true,
        Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    private static readonly JsonSerializerOptions WithoutComputed = new(Options)
    {
        TypeInfoResolver = new DefaultJsonTypeInfoResolver { Modifiers = { DropComputed } },
    };

    /// <summary><paramref name="value"/> as a tree; members that are null, or computed from others, are left out.</summary>
    public static JsonNode? ToNode(object value) => JsonSerializer.SerializeToNode(value, value.GetType(), WithoutComputed);

    /// <summary><paramref name="value"/> as indented JSON with a final newline.</summary>
    public static string Write<T>(T value) => JsonSerializer.Serialize(value, Options) + "\n";

    /// <summary>Reads the file at <paramref name="path"/>.</summary>
    /// <exception cref="InvalidFileException">
    /// The file is missing, not JSON, lacks or exceeds the members of <typeparamref name="T"/>, or a value in it cannot be (<see cref="JsonRules"/>).
    /// </exception>
    public static T Read<T>(string path)
    {
        FileKind.Require(path);
        try
        {
            using var stream = File.OpenRead(path);
            if (stream.Length > MostBytes)
            {
                throw new InvalidFileException(path, $"has {stream.Length} bytes; a {typeof(T).Name} has at most {MostBytes}");
            }
            var value = JsonSerializer.Deserialize<T>(stream, Options) ?? throw new InvalidFileException(path, "is the JSON value null");
            return JsonRules.Problem(value, Options) is { } problem
                ? throw new InvalidFileException(path, $"is not a valid {typeof(T).Name}: {problem}")
                : value;
        }
        catch (JsonException e)
        {
            throw new InvalidFileException(path, $"is not a valid {typeof(T).Name}: {JsonProblem.Of(e, typeof(T), Options)}", e);
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new InvalidFileException(path, "does not exist", e);
        }
    }

    /// <summary>A property without a setter is computed, but in an anonymous type, where none has one.</summary>
    private static void DropComputed(JsonTypeInfo type)
    {
        if (type.Kind == JsonTypeInfoKind.Object && !type.Type.IsDefined(typeof(CompilerGeneratedAttribute), inherit: false))
        {
            foreach (var property in type.Properties.Where(property => property.Set is null).ToList())
            {
                type.Properties.Remove(property);
            }
        }
    }
}
