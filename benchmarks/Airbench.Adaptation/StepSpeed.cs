using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Text.Json;
using Airbench.Onnx;
using Microsoft.ML.OnnxRuntime;
using static System.FormattableString;

namespace Airbench.Adaptation;

/// <summary>Images/s of a full step (everything learns) in ONNX Runtime and in TorchSharp fp32, taking turns; then a profile of the former.</summary>
internal static class StepSpeed
{
    private const int Classes = 10;

    /// <summary>Steps before the clock starts: ONNX Runtime lays its memory out in the first and takes it in the second.</summary>
    private const int WarmUp = 2;

    public static void Run(string recipeName, int rounds, int[] batches, int threads)
    {
        var work = Directory.CreateTempSubdirectory("airbench-speed-").FullName;
        try
        {
            var recipe = Recipe.All[recipeName];
            var network = recipe.Network(32, Classes, [0.49, 0.48, 0.45], [0.25, 0.24, 0.26]);
            var weights = Path.Combine(work, "weights.safetensors");
            WriteWeights(weights, network);
            var request = new FinetuneRequest(network, weights, TrainedPart.All, 0.2, false, "cpu", threads, work);
            using var onnx = FinetuneEngines.Open(request, new FinetuneOptions());
            using var torch = TorchEngine.Open(request);
            Console.WriteLine(Invariant($"{recipeName}, part all, {threads} threads: {onnx.Description} beside {torch.Description}; median of {rounds} rounds"));
            Console.WriteLine();
            Console.WriteLine("| batch | ONNX Runtime, images/s | TorchSharp, images/s | ratio (rounds' median, least to most) | images per CPU second | | ratio |");
            Console.WriteLine("|---:|---:|---:|---|---:|---:|---:|");
            foreach (var batch in batches)
            {
                var (images, labels) = Data(batch);
                var steps = Math.Max(1, 128 / batch);
                var (ours, theirs) = (new List<double>(), new List<double>());
                var (ourCpu, theirCpu) = (new List<double>(), new List<double>());
                Time(onnx, images, labels, WarmUp);
                Time(torch, images, labels, WarmUp);
                for (var round = 0; round < rounds; round++)
                {
                    var (a, b) = (Time(onnx, images, labels, steps), Time(torch, images, labels, steps));
                    ours.Add(batch * steps / a.Wall);
                    theirs.Add(batch * steps / b.Wall);
                    ourCpu.Add(batch * steps / a.Cpu);
                    theirCpu.Add(batch * steps / b.Cpu);
                }
                var ratios = ours.Zip(theirs, (a, b) => a / b).Order().ToArray();
                Console.WriteLine(Invariant(
                    $"| {batch} | {Median(ours):0} | {Median(theirs):0} | {Median(ratios):0.00} ({ratios[0]:0.00} to {ratios[^1]:0.00}) ") +
                    Invariant($"| {Median(ourCpu):0} | {Median(theirCpu):0} | {Median(ourCpu.Zip(theirCpu, (x, y) => x / y)):0.00} |"));
            }
            Profile(Path.Combine(work, TrainingFiles.TrainStepName), request, batches[^1]);
        }
        finally
        {
            Directory.Delete(work, recursive: true);
        }
    }

    /// <summary>Seconds on the clock, and of all threads: the latter mean something on a busy machine too, with one thread.</summary>
    private static (double Wall, double Cpu) Time(IFinetuneEngine engine, byte[] images, long[] labels, int steps)
    {
        using var process = Process.GetCurrentProcess();
        var (clock, cpu) = (Stopwatch.StartNew(), process.TotalProcessorTime);
        for (var i = 0; i < steps; i++)
        {
            var loss = engine.Step(images, labels, new StepSettings(0.01f, 0.9f, 5e-4f));
            if (!float.IsFinite(loss))
            {
                throw new DivergedException(Invariant($"loss {loss}"));
            }
        }
        process.Refresh();
        return (clock.Elapsed.TotalSeconds, (process.TotalProcessorTime - cpu).TotalSeconds);
    }

    /// <summary>ONNX Runtime's own clock, by operator and, for the costly ones, by node.</summary>
    private static void Profile(string modelFile, FinetuneRequest request, int batch)
    {
        var (images, labels) = Data(batch);
        var spec = new TrainingSpec(request.Network, request.Part) { LabelSmoothing = request.LabelSmoothing };
        using var options = new SessionOptions
        {
            ProfileOutputPathPrefix = Path.Combine(request.Folder, "profile"),
            EnableProfiling = true,   // takes the path as it is now
            IntraOpNumThreads = request.Threads,
        };
        using var session = new InferenceSession(modelFile, options);
        using var weights = TensorFile.Open(request.WeightsFile);
        var inputs = new Dictionary<string, OrtValue>
        {
            ["images"] = OrtValue.CreateTensorValueFromMemory(images, [batch, 3, 32, 32]),
            ["labels"] = OrtValue.CreateTensorValueFromMemory(labels, [batch]),
            ["lr"] = OrtValue.CreateTensorValueFromMemory([0f], []),
            ["momentum"] = OrtValue.CreateTensorValueFromMemory([0f], []),
            ["weight_decay"] = OrtValue.CreateTensorValueFromMemory([0f], []),
        };
        foreach (var (name, shape) in TrainStep.State(spec))
        {
            var values = weights.Tensors.TryGetValue(name, out var info)
                ? weights.Read<float>(info).ToArray()
                : new float[shape.Aggregate(1L, (product, extent) => product * extent)];
            inputs.Add(name, OrtValue.CreateTensorValueFromMemory(values, shape));
        }
        const int Runs = 4;
        using var run = new Microsoft.ML.OnnxRuntime.RunOptions();
        for (var i = 0; i < WarmUp + Runs; i++)
        {
            using var outputs = session.Run(run, inputs, session.OutputNames);
        }
        var nodes = new List<(string Op, string Name, double Ms)>();
        using (var json = JsonDocument.Parse(File.ReadAllText(session.EndProfiling())))
        {
            foreach (var entry in json.RootElement.EnumerateArray())
            {
                if (entry.TryGetProperty("cat", out var category) && category.GetString() == "Node" &&
                    entry.GetProperty("name").GetString()!.EndsWith("_kernel_time", StringComparison.Ordinal))
                {
                    var name = entry.GetProperty("name").GetString()!;
                    nodes.Add((entry.GetProperty("args").GetProperty("op_name").GetString()!, name[..^"_kernel_time".Length], entry.GetProperty("dur").GetDouble() / 1000));
                }
            }
        }
        nodes.RemoveRange(0, nodes.Count / (WarmUp + Runs) * WarmUp);
        var total = nodes.Sum(node => node.Ms);
        Console.WriteLine();
        Console.WriteLine(Invariant($"Where the time goes, batch {batch}: {total / Runs:0} ms a step in {nodes.Count / Runs} nodes."));
        Console.WriteLine();
        Console.WriteLine("| operator | nodes | ms | share |");
        Console.WriteLine("|---|---:|---:|---:|");
        foreach (var group in nodes.GroupBy(node => node.Op).OrderByDescending(group => group.Sum(node => node.Ms)).Take(16))
        {
            Console.WriteLine(Invariant($"| {group.Key} | {group.Count() / Runs} | {group.Sum(node => node.Ms) / Runs:0.0} | {group.Sum(node => node.Ms) / total:0.0%} |"));
        }
        Console.WriteLine();
        Console.WriteLine("| node | operator | ms |");
        Console.WriteLine("|---|---|---:|");
        foreach (var group in nodes.GroupBy(node => (node.Op, node.Name)).OrderByDescending(group => group.Sum(node => node.Ms)).Take(25))
        {
            Console.WriteLine(Invariant($"| {group.Key.Name} | {group.Key.Op} | {group.Sum(node => node.Ms) / Runs:0.0} |"));
        }
        foreach (var value in inputs.Values)
        {
            value.Dispose();
        }
    }

    /// <summary>Weights of the usual size; speed does not depend on their values.</summary>
    private static void WriteWeights(string path, NetworkSpec network)
    {
        var random = new Random(1);
        TensorFileWriter.Write(path, network.Parameters().Select(p =>
        {
            var values = new float[p.Shape.Aggregate(1L, (product, extent) => product * extent)];
            var fanIn = Math.Max(1, values.Length / p.Shape[0]);
            for (var i = 0; i < values.Length; i++)
            {
                values[i] = p.Name.EndsWith("running_var", StringComparison.Ordinal) ? 1 : (float)((random.NextDouble() - 0.5) * 2 / Math.Sqrt(fanIn));
            }
            return (p.Name, TensorType.F32, p.Shape, (ReadOnlyMemory<byte>)MemoryMarshal.AsBytes(values.AsSpan()).ToArray());
        }));
    }

    private static (byte[] Images, long[] Labels) Data(int batch)
    {
        var random = new Random(2);
        var images = new byte[batch * 3 * 32 * 32];
        random.NextBytes(images);
        return (images, [.. Enumerable.Range(0, batch).Select(_ => (long)random.Next(Classes))]);
    }

    private static double Median(IEnumerable<double> values)
    {
        var sorted = values.Order().ToArray();
        return (sorted[(sorted.Length - 1) / 2] + sorted[sorted.Length / 2]) / 2;
    }
}
