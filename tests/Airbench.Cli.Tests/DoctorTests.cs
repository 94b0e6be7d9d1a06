using System.Text.Json;
using Airbench.Cli;
using Airbench.Pipeline;
using Airbench.Training;

namespace Airbench.Tests;

/// <summary><c>airbench doctor</c>: would the pipeline run on a machine like this one?</summary>
public sealed class DoctorTests : IDisposable
{
    private const string Cifar =
        """
        name: demo
        stages:
          prepare: { uses: prepare }
          train: { uses: train, needs: [prepare] }
          export: { uses: export, needs: [train] }
          evaluate: { uses: evaluate, needs: [prepare, export] }
        """;

    private readonly Workplace _place = new();

    public void Dispose() => _place.Dispose();

    private Surroundings Machine => new()
    {
        Root = _place.Folder,
        MemoryBytes = 16_000_000_000,
        FreeBytes = 100_000_000_000,
        TorchCudaDevices = 0,
        OnnxCuda = false,
        Unreachable = _ => null,
        Estimate = task => new(task.TrainCount / 1000.0, 100),
        Choose = (_, _, device) => device == "cuda" ? null : PrecisionChoice.By(new("Some CPU", 1, 88, 130, "2026-01-31T12:00:00Z")),
    };

    [Fact]
    public void A_folder_that_cannot_be_written_is_a_problem()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "/proc is a folder in which nobody writes");
        var finding = Assert.Single(MachineChecks.Folder("/proc"));
        Assert.Equal(FindingStatus.Problem, finding.Status);
        Assert.StartsWith("/proc cannot be written: ", finding.Found, StringComparison.Ordinal);
        Assert.Empty(MachineChecks.Folder(_place.Folder));
        Assert.Empty(Directory.GetFileSystemEntries(_place.Folder));
    }

    [Fact]
    public void A_pipeline_that_can_run_has_no_problem()
    {
        Assert.Empty(Problems(Workplace.SmallPipeline, Machine));
        Assert.Empty(Problems(Cifar, Machine));   // to be downloaded from a server that answers
    }

    [Fact]
    public void Cifar10_without_archive_and_network_cannot_run() =>
        Assert.StartsWith(
            "prepare: source: cifar-10-binary.tar.gz is not here, and www.cs.toronto.edu cannot be reached",
            Assert.Single(Problems(Cifar, Machine with { Unreachable = _ => "cannot be reached" })), StringComparison.Ordinal);

    [Fact]
    public void Another_file_in_the_archives_place_is_seen()
    {
        Directory.CreateDirectory(_place["data"]);
        File.WriteAllText(_place["data/cifar-10-binary.tar.gz"], "no archive");
        Assert.Contains("is not the original", Assert.Single(Problems(Cifar, Machine)), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("cuda", 0, false, "device: cuda, but libtorch sees no CUDA device")]
    [InlineData("cuda:2", 2, true, "device: cuda:2, but libtorch sees only cuda:0 to cuda:1")]
    [InlineData("cuda", 1, false, "device: cuda, but this ONNX Runtime has no CUDA")]
    public void A_device_that_is_not_there_is_a_problem(string device, int devices, bool onnxCuda, string problem) =>
        Assert.StartsWith(
            problem,
            Assert.Single(Problems($"device: {device}\n{Cifar}", Machine with { TorchCudaDevices = devices, OnnxCuda = onnxCuda })), StringComparison.Ordinal);

    [Theory]
    [InlineData("prepare: { uses: prepare }", "prepare: { uses: prepare, with: { source: folder, path: nowhere } }", "prepare: source: ")]
    [InlineData("needs: [prepare, export] }", "needs: [export], with: { data: photos } }", "evaluate: data: photos: does not exist")]
    [InlineData("needs: [prepare, export] }", "needs: [prepare], with: { model: other.onnx } }", "evaluate: model: other.onnx: does not exist")]
    public void A_path_that_is_not_there_is_a_problem(string old, string replacement, string problem) =>
        Assert.StartsWith(problem, Assert.Single(Problems(Cifar.Replace(old, replacement, StringComparison.Ordinal), Machine)), StringComparison.Ordinal);

    [Fact]
    public void Too_little_memory_or_disk_is_a_problem()
    {
        Assert.StartsWith("train: memory: about ", Assert.Single(Problems(Cifar, Machine with { MemoryBytes = 2_000_000_000 })), StringComparison.Ordinal);
        Assert.StartsWith("disk for it: about 0.7 GB needed, 0.5 GB free", Assert.Single(Problems(Cifar, Machine with { FreeBytes = 500_000_000 })), StringComparison.Ordinal);
    }

    /// <summary>As in `docker run --user` and in services. Below a file nobody can write, not even root.</summary>
    [Fact]
    public void A_user_without_a_home_has_no_problem()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "homes are no environment variable on Windows");
        (_place.Variables["HOME"], _place.Variables["XDG_DATA_HOME"], _place.Variables["AIRBENCH_CACHE"]) = ("/dev/null/home", null, null);
        var (exitCode, output, errors) = _place.Run("doctor");
        Assert.True(exitCode == 0, $"{output}{errors}");
        Assert.Contains("| ok | TorchSharp", output, StringComparison.Ordinal);
    }

    [Fact]
    public void The_command_says_by_its_exit_code_whether_the_pipeline_could_run()
    {
        _place.With("pipeline.yaml", Workplace.SmallPipeline).With("bad.yaml", "stages: { prepare: { uses: prepare, with: { sauce: x } } }\n");

        var (code, output, errors) = _place.Run("doctor", "--json");

        Assert.True(code == 0, output + errors);
        using var json = JsonDocument.Parse(output);
        Assert.Contains(json.RootElement.EnumerateArray(), finding =>
            finding.GetProperty("what").GetString() == "pipeline" && finding.GetProperty("found").GetString() == "small: prepare, train, export, evaluate");

        (code, output, _) = _place.Run("doctor", "bad.yaml");
        Assert.Equal(1, code);
        Assert.Contains("bad.yaml:1:45: prepare.with: unknown key 'sauce' (did you mean 'source'?)", output, StringComparison.Ordinal);
        Assert.Empty(Directory.GetFileSystemEntries(_place.Folder, ".*"));   // its probe of the folder is gone
    }

    [Fact]
    public void The_time_of_a_training_is_estimated_before_it_starts()
    {
        var time = Assert.Single(
            PipelineChecks.All(PipelineFile.Parse(Cifar, "pipeline.yaml", Stages.All, ["train.with.runs=2"]), Machine), finding => finding.What == "train: time");
        Assert.Equal("about 0:50 an epoch, 1:40 in all (2 runs of 9.9 epochs of 50,000 images)", time.Found);
        Assert.DoesNotContain(
            PipelineChecks.All(PipelineFile.Parse(Cifar, "pipeline.yaml", Stages.All, []), Machine with { MemoryBytes = 2_000_000_000 }), finding => finding.What == "train: time");
    }

    [Theory]
    [InlineData("device: cpu", "train.with.runs=1", "auto takes fp32: bf16 0.68 times as fast as fp32 (88 and 130 GFLOP/s a core) on Some CPU, measured 2026-01-31")]
    [InlineData("device: cpu", "train.with.precision=bf16", null)]
    [InlineData("device: cpu", "train.with.backbone=resnet18", null)]
    [InlineData("device: cuda", "train.with.runs=1", null)]
    public void A_training_that_leaves_its_precision_open_is_told_the_rates_of_both_and_the_choice(string device, string set, string? expected)
    {
        var pipeline = PipelineFile.Parse($"{device}\n{Cifar}", "pipeline.yaml", Stages.All, [set]);
        var machine = Machine with { TorchCudaDevices = 1, OnnxCuda = true };
        Assert.Equal(expected, PipelineChecks.All(pipeline, machine).SingleOrDefault(finding => finding.What == "train: precision")?.Found);
    }

    private static IEnumerable<string> Problems(string yaml, Surroundings machine) =>
        PipelineChecks.All(PipelineFile.Parse(yaml, "pipeline.yaml", Stages.All, []), machine)
            .Where(finding => finding.Status == FindingStatus.Problem).Select(finding => $"{finding.What}: {finding.Found}");
}
