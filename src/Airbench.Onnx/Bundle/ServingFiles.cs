using System.Globalization;
using System.Runtime.InteropServices;
using System.Text.RegularExpressions;

namespace Airbench.Onnx;

/// <summary>What inference servers want around a model: Triton's model repository, KServe's resource, a request of the Open Inference Protocol.</summary>
internal static partial class ServingFiles
{
    /// <summary>Largest batch that Triton may form; the model itself takes any.</summary>
    public const int MaxBatch = 128;

    /// <summary>File with one image's raw input bytes, which Triton runs through the model before it reports ready.</summary>
    public const string WarmupName = "warmup/image";

    private const int LongestDnsName = 53;

    /// <summary>What YAML, as Kubernetes reads it, takes for something else than a name.</summary>
    private static readonly HashSet<string> YamlWords = ["y", "n", "yes", "no", "on", "off", "true", "false", "null"];

    /// <summary>config.pbtxt of Triton: dynamic batching, labels, a warm-up from a real image.</summary>
    /// <param name="name">Of the model.</param>
    /// <param name="signature">Its inputs and outputs; an open extent is -1 there as here.</param>
    /// <param name="one">Extents of the warm-up image.</param>
    public static string TritonConfig(string name, ModelSignature signature, IReadOnlyList<long> one)
    {
        var input = signature.Inputs[0];
        var outputs = signature.Outputs.Select(output => Lines(
            "  {",
            $"    name: {Quote(output.Name)}",
            $"    data_type: {TritonType(output.Type)}",
            $"    dims: [ {Dims(output.Shape)} ]",
            output.Name == "probabilities" ? "    label_filename: \"labels.txt\"" : null,
            "  }"));
        return Lines(
            $"name: {Quote(name)}",
            "platform: \"onnxruntime_onnx\"",
            $"max_batch_size: {MaxBatch}",
            "input [",
            "  {",
            $"    name: {Quote(input.Name)}",
            $"    data_type: {TritonType(input.Type)}",
            $"    dims: [ {Dims(input.Shape)} ]",
            "  }",
            "]",
            "output [",
            string.Join(",\n", outputs.Select(o => o.TrimEnd('\n'))),
            "]",
            "dynamic_batching {",
            "  preferred_batch_size: [ 16, 64 ]",
            "  max_queue_delay_microseconds: 500",
            "}",
            "model_warmup [",
            "  {",
            "    name: \"a test image\"",
            "    batch_size: 1",
            "    inputs {",
            $"      key: {Quote(input.Name)}",
            "      value {",
            $"        data_type: {TritonType(input.Type)}",
            $"        dims: [ {Dims(one)} ]",
            $"        input_data_file: {Quote(Path.GetFileName(WarmupName))}",
            "      }",
            "    }",
            "  }",
            "]");
    }

    /// <summary>A KServe InferenceService that serves the <c>triton</c> folder.</summary>
    public static string KServe(string name) => Lines(
        "# The folder triton/ must be where storageUri points: copy it there and change the line.",
        DnsName(name) == name ? null : $"# The bundle is called {Airbench.Quote.Show(name)}; a service has to {DnsRule}.",
        "apiVersion: serving.kserve.io/v1beta1",
        "kind: InferenceService",
        "metadata:",
        $"  name: {DnsName(name)}",
        "spec:",
        "  predictor:",
        "    model:",
        "      modelFormat:",
        "        name: triton",
        "      protocolVersion: v2",
        $"      storageUri: pvc://models/{DnsName(name)}/triton",
        "      resources:",
        "        requests: { cpu: \"1\", memory: 1Gi }",
        "        limits: { cpu: \"2\", memory: 2Gi }");

    /// <summary>A request body for POST /v2/models/&lt;name&gt;/infer with one image.</summary>
    /// <param name="signature">Inputs and outputs of the model.</param>
    /// <param name="one">Extents of the image.</param>
    /// <param name="format">What the model takes.</param>
    /// <param name="image">Its values, as <see cref="InputFormats.Encode"/> gives them.</param>
    public static string Request(ModelSignature signature, IReadOnlyList<long> one, InputFormat format, byte[] image)
    {
        var input = signature.Inputs[0];
        var pixels = string.Join(",", format == InputFormat.FloatNchw
            ? MemoryMarshal.Cast<byte, float>(image).ToArray().Select(value => value.ToString("R", CultureInfo.InvariantCulture))
            : image.Select(value => value.ToString(CultureInfo.InvariantCulture)));
        return Lines(
            "{",
            $"  \"inputs\": [{{ \"name\": {Quote(input.Name)}, \"shape\": [1, {Dims(one)}], \"datatype\": {Quote(TritonType(input.Type)[5..])},",
            $"    \"data\": [{pixels}] }}],",
            "  \"outputs\": [{ \"name\": \"probabilities\" }]",
            "}");
    }

    /// <summary>
    /// A name as KServe takes it, by RFC 1035: lower-case letters, digits and inner hyphens, a letter first. It is at most 53 characters long, as
    /// KServe makes a host name of it with "-predictor" behind it, and that has at most 63.
    /// </summary>
    internal static string DnsName(string name)
    {
        var text = NotDns().Replace(name.ToLowerInvariant(), "-").Trim('-');
        text = text.Length > 0 && char.IsAsciiLetter(text[0]) && !YamlWords.Contains(text) ? text : $"model-{text}";
        return (text.Length > LongestDnsName ? text[..LongestDnsName] : text).TrimEnd('-');
    }

    /// <summary>What <see cref="DnsName"/> keeps to, behind "has to".</summary>
    internal static readonly string DnsRule = $"begin with a letter and consist of a-z, 0-9 and '-', at most {LongestDnsName} of them";

    private static string TritonType(string type) => type switch
    {
        "uint8" => "TYPE_UINT8",
        "float" => "TYPE_FP32",
        "float16" => "TYPE_FP16",
        _ => throw new ArgumentOutOfRangeException(nameof(type), type, "no name in Triton's configuration is known for it"),
    };

    /// <summary>Without the first dimension, which is Triton's own.</summary>
    private static string Dims(IReadOnlyList<long> shape) => string.Join(", ", shape.Skip(1));

    /// <summary>As JSON and the text format of protocol buffers read it alike: a name in quotes, control characters as escapes.</summary>
    private static string Quote(string text) => $"\"{Airbench.Quote.OneLine(
        text.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal))}\"";

    private static string Lines(params IEnumerable<string?> lines) => string.Concat(lines.Where(line => line is not null).Select(line => line + "\n"));

    [GeneratedRegex("[^a-z0-9]+")]
    private static partial Regex NotDns();
}
