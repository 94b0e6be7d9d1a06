using System.Text.Json;
using Microsoft.ML.OnnxRuntime;

namespace Airbench.Onnx;

/// <summary>
/// Which execution provider computes which node: a model that runs half on the CPU without a word would only be seen by its speed. The C# interface
/// does not tell, so ONNX Runtime's profile of one call does; it has one event a node.
/// </summary>
internal static class NodePlacement
{
    /// <summary>Runs one batch (of one image where the graph leaves it open) of a model's own session and counts its nodes.</summary>
    /// <returns>By provider, in the order of their number: how many nodes, and of which operators.</returns>
    /// <exception cref="OnnxRuntimeException">The model does not run.</exception>
    public static IReadOnlyList<ProviderNodes> Observe(string modelFile, ModelInput input, ExecutionDevice device, SessionSettings settings)
    {
        var folder = Directory.CreateTempSubdirectory("airbench-profile-");
        try
        {
            using var options = device.CreateOptions(settings, modelFile);
            options.ProfileOutputPathPrefix = Path.Combine(folder.FullName, "nodes");
            options.EnableProfiling = true;
            using var session = new InferenceSession(modelFile, options);
            using var runOptions = new RunOptions();
            using var pixels = input.Empty(input.FixedBatch ?? 1);
            session.Run(runOptions, [input.Name], [pixels], session.OutputNames).Dispose();
            return Count(session.EndProfiling());
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    /// <summary>For the log: "42 nodes on CUDAExecutionProvider, 2 on CPUExecutionProvider (Shape, Gather)".</summary>
    public static string Describe(IReadOnlyList<ProviderNodes> placement) => string.Join(", ", placement.Select((nodes, i) =>
        $"{nodes.Count} {(i == 0 ? "nodes " : "")}on {nodes.Provider}{(i == 0 ? "" : $" ({string.Join(", ", nodes.Operators)})")}"));

    private static List<ProviderNodes> Count(string profile)
    {
        using var events = JsonDocument.Parse(File.ReadAllBytes(profile));
        return
        [
            .. events.RootElement.EnumerateArray()
                .Where(entry => entry.GetProperty("cat").GetString() == "Node" && entry.GetProperty("args").TryGetProperty("provider", out _))
                .Select(entry => (
                    Name: entry.GetProperty("name").GetString()!, Operator: entry.GetProperty("args").GetProperty("op_name").GetString()!,
                    Provider: entry.GetProperty("args").GetProperty("provider").GetString()!))
                .DistinctBy(node => node.Name)
                .GroupBy(node => node.Provider)
                .Select(nodes => new ProviderNodes(nodes.Key, nodes.Count(), [.. nodes.Select(node => node.Operator).Distinct().Order(StringComparer.Ordinal)]))
                .OrderByDescending(nodes => nodes.Count),
        ];
    }
}

/// <summary>The nodes of a model that one provider computes.</summary>
/// <param name="Provider">By ONNX Runtime's name.</param>
/// <param name="Count">How many.</param>
/// <param name="Operators">Their operators, each once, in alphabetical order.</param>
internal sealed record ProviderNodes(string Provider, int Count, IReadOnlyList<string> Operators);
