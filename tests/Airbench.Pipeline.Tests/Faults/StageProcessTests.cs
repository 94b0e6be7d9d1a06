using System.Diagnostics;
using System.Text.RegularExpressions;
using Airbench.FaultHost;
using Airbench.Pipeline;

namespace Airbench.Tests.Faults;

/// <summary>One stage in a process of its own: what comes back from it, and how its death is told.</summary>
public sealed class StageProcessTests : IDisposable
{
    private static readonly ProcessExecutor OwnProcess = new(
        [Environment.GetEnvironmentVariable("DOTNET_HOST_PATH") ?? "dotnet", "exec", typeof(FastStages).Assembly.Location]);

    private readonly FaultPlace _place = new();
    private readonly ProgressLines _progress = new();

    public void Dispose() => _place.Dispose();

    [Fact]
    public void A_result_comes_back_with_every_number_and_the_artifact_of_its_type()
    {
        var (here, own) = (Run(new InProcessExecutor()), Run(OwnProcess));

        Assert.Equal(RunStatus.Ok, own.Status);
        Assert.Equal(
            here.Stages.Select(stage => stage.Result! with { Artifact = new Drawn("") }),
            own.Stages.Select(stage => stage.Result! with { Artifact = new Drawn("") }));
        Assert.Equal([typeof(Drawn), typeof(Mixed), typeof(Folded), typeof(Scored)], own.Stages.Select(stage => stage.Result!.Artifact.GetType()));
        Assert.All(own.Stages, stage => Assert.InRange(stage.PeakMegabytes!.Value, 10, 1000));
        Assert.All(File.ReadAllLines(Path.Combine(own.RunFolder, "timings.csv")).Skip(1).Zip(own.Stages), row =>
            Assert.Contains($",cpu,{row.Second.PeakMegabytes},", row.First, StringComparison.Ordinal));
    }

    [Fact]
    public void Progress_arrives_in_order_with_the_last_count_of_each_task()
    {
        Run(OwnProcess, "mix.with.files=50", "mix.with.bytes=10");

        var mix = _progress.Lines.SkipWhile(line => line != "info mix: started (uses mix)").TakeWhile(line => line != "info fold: started (uses fold)").ToList();
        Assert.Equal("start write 50 files", mix[1]);
        var counts = mix.Where(line => line.StartsWith("at ", StringComparison.Ordinal)).Select(line => int.Parse(line[3..], null)).ToList();
        Assert.Equal(counts.Order(), counts);
        Assert.Equal(50, counts[^1]);
        Assert.Equal(["end", "info mix wrote 50 files"], mix.SkipWhile(line => line != "end").Take(2));
    }

    [Theory]
    [InlineData("data", typeof(DataException), "no images; expected some", 1)]
    [InlineData("gate", typeof(GateException), "found 0.5;\nexpected 0.9", 1)]
    [InlineData("invalid_file", typeof(InvalidFileException), "a/b.bin: is torn", 1)]
    [InlineData("configuration", typeof(ConfigurationException), "found x; expected y", 2)]
    public void An_error_keeps_its_type_its_text_and_its_exit_code_and_has_the_trace_of_its_process(string fault, Type type, string message, int exitCode)
    {
        var stage = Run(OwnProcess, $"mix.with.fault={fault}").Stages[1];

        Assert.Equal((RunStatus.Failed, message), (stage.Status, stage.Error));
        var exception = Assert.IsAssignableFrom<AirbenchException>(stage.Exception);
        Assert.Equal((type, message, exitCode), (exception.GetType(), exception.Message, exception.ExitCode));
        Assert.Contains("at Airbench.FaultHost.Faults.Do", exception.ToString(), StringComparison.Ordinal);
        Assert.Equal(fault == "configuration", exception.ToString().Contains("System.FormatException: the cause", StringComparison.Ordinal));
    }

    [Fact]
    public void A_defect_keeps_the_name_of_its_type()
    {
        var stage = Run(OwnProcess, "mix.with.fault=odd").Stages[1];

        Assert.Equal("defect: System.FormatException: odd", stage.Error);
        Assert.Matches("the inner cause[^$]*at Airbench.FaultHost.Faults.Do", stage.Exception!.ToString());
    }

    [Fact]
    public void What_a_stage_prints_goes_to_the_log_and_is_no_message()
    {
        var report = Run(OwnProcess, "mix.with.fault=print");

        Assert.Equal(RunStatus.Ok, report.Status);
        var log = File.ReadAllText(Path.Combine(report.RunFolder, "log.txt"));
        Assert.Contains("out   mix: native library: last words", log, StringComparison.Ordinal);
        Assert.Contains("out   mix: {\"event\":\"result\",\"result\":{}}", log, StringComparison.Ordinal);
        Assert.DoesNotContain(_progress.Lines, line => line.Contains("last words", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("segv", "its process was ended by signal 11 (SIGSEGV). Likely cause: a defect in native code", "native library: last words")]
    [InlineData("abort", "its process was ended by signal 6 (SIGABRT). Likely cause: a native library aborted", "native library: last words")]
    [InlineData("thread", "its process was ended by signal 6 (SIGABRT)", "System.InvalidOperationException: on a thread of its own")]
    [InlineData("kill", "its process was ended by signal 9 (SIGKILL). Likely cause: another process or user killed it, or the system ran out of memory", "It printed nothing")]
    [InlineData("exit", "its process ended with exit code 7 and no message", "It printed nothing")]
    public void A_process_that_dies_fails_its_stage_alone_and_its_end_is_explained(string fault, string how, string lastWords)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "signals by their Linux numbers");
        var report = Run(OwnProcess, $"mix.with.fault={fault}");

        Assert.Equal([RunStatus.Ok, RunStatus.Failed, RunStatus.NotRun, RunStatus.NotRun], report.Stages.Select(stage => stage.Status));
        Assert.StartsWith(how, report.Stages[1].Error, StringComparison.Ordinal);
        Assert.Contains(lastWords, report.Stages[1].Error!, StringComparison.Ordinal);
        Assert.IsType<StageProcessException>(report.Stages[1].Exception);
        Assert.Equal(RunStatus.Ok, Run(OwnProcess).Status);
    }

    [Fact]
    public void A_program_that_cannot_start_fails_the_stage()
    {
        var stage = Run(new ProcessExecutor([_place["no-such-program"]])).Stages[0];

        Assert.Matches("^its process cannot be started: .*no-such-program.*--in-process", stage.Error!);
    }

    [Fact]
    public void The_kernels_limit_on_a_file_is_an_error_with_its_path()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "uses ulimit");
        // Otherwise .NET maps its own code through a file, which the limit forbids.
        using var process = Process.Start(new ProcessStartInfo(
            "bash", ["-c", $"export DOTNET_EnableWriteXorExecute=0; ulimit -f 4096; exec dotnet exec '{typeof(FastStages).Assembly.Location}' '{_place.Root}' '{_place.Pipeline}' --set mix.with.fault=file"])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
        var (code, _, errors) = FaultPlace.End(process);

        Assert.Equal(1, code);
        Assert.Matches("mix Failed: (.*big|its process was ended by signal 25 .SIGXFSZ.)", errors);
        Assert.Equal(["data"], _place.Outputs().Keys);
    }

    [Fact]
    public void Everything_that_a_stage_gets_reaches_its_process()
    {
        var context = new StageContext
        {
            Name = "n",
            DefaultName = "d",
            Seed = 7,
            Device = "cuda:1",
            UsdPerHour = 1.5,
            Root = "/r",
            RunFolder = "/r/runs/x",
            Inputs = [new Drawn(_place["in"])],
        };
        Directory.CreateDirectory(_place["in"]);
        File.WriteAllText(_place["in", Parts.ManifestName], "{ \"files\": {} }");
        var options = new FastOptions { Files = 1, Bytes = 2, PauseMs = 3, Fault = Fault.Gate, Note = "${env:HOME} $${x} 'a' \"b\"\n# é: [~]" };
        var stage = new PipelineStage { Key = "n", Kind = FastStages.All[1], Options = options, Position = SourcePosition.Flag("x") };

        var request = StageMessages.ReadRequest(StageMessages.Write(StageData.Of(stage, context)));
        var there = StageData.ToContext(request.Context, FastStages.All, context.Progress, context.Cancel);

        Assert.Equal(options, StageData.ToOptions(stage.Kind, request.Options));
        // A property that is added to StageContext and not to the message shows here, once this test sets it.
        Assert.All(typeof(StageContext).GetProperties(), property =>
        {
            Assert.NotNull(property.GetValue(context));
            Assert.Equal(property.GetValue(context), property.GetValue(there));
        });
    }

    [Fact]
    public void Everything_that_a_stage_reports_comes_back()
    {
        var kind = FastStages.All[0];
        Directory.CreateDirectory(_place["out"]);
        File.WriteAllText(_place["out", Parts.ManifestName], "{ \"files\": {} }");
        var result = new StageResult(new Drawn(_place["out"]), "what\ncame out")
        {
            WorkSeconds = double.NaN,
            Items = 3,
            Device = "cuda:0 X",
            AccuracyPlain = 0.5,
            AccuracyTta = 1.0 / 3,
            Precision = "bf16",
            Rates = new ArithmeticRates("X", 1, 197.3, 121.9, "2026-01-31T12:00:00Z"),
        };

        var message = StageMessages.ReadEvent(StageMessages.Write(new ResultEvent(StageData.Of(result), 5)));
        var there = StageData.ToResult(kind, ((ResultEvent)message).Result);

        Assert.All(typeof(StageResult).GetProperties(), property => Assert.NotNull(property.GetValue(result)));
        Assert.Equal(result, there);
    }

    [Fact]
    public void The_first_interrupt_stops_the_stage_and_the_run_says_so()
    {
        Interrupts.SkipWhereImpossible();
        using var process = _place.Start("--set", "mix.with.fault=wait");
        FaultPlace.ReadTo(process, "waiting");
        InterruptAll(process);
        var (code, _, errors) = FaultPlace.End(process);

        Assert.Equal(130, code);
        Assert.Contains("mix Cancelled: cancelled", errors, StringComparison.Ordinal);
        Assert.Equal(["data"], _place.Outputs().Keys);
    }

    [Fact]
    public void One_interrupt_ends_a_stage_that_does_not_listen_unless_it_finishes_a_step()
    {
        Interrupts.SkipWhereImpossible();
        Assert.SkipUnless(OperatingSystem.IsLinux(), "children are found in /proc");
        using var process = _place.Start("--set", "draw.with.fault=deaf");
        FaultPlace.ReadTo(process, "waiting");
        var stages = Children.Of(process.Id);
        InterruptAll(process);
        var (code, _, errors) = FaultPlace.End(process);

        Assert.Equal(130, code);
        Assert.Contains("draw Cancelled: cancelled", errors, StringComparison.Ordinal);
        Children.WaitForEnd(stages);
    }

    [Fact]
    public void The_second_interrupt_ends_a_stage_that_does_not_listen()
    {
        Interrupts.SkipWhereImpossible();
        Assert.SkipUnless(OperatingSystem.IsLinux(), "children are found in /proc");
        using var process = _place.Start("--set", "mix.with.fault=deaf");
        FaultPlace.ReadTo(process, "waiting");
        var stages = Children.Of(process.Id);
        InterruptAll(process);
        Thread.Sleep(200);
        Assert.False(process.HasExited);
        InterruptAll(process);
        var (code, _, _) = FaultPlace.End(process);

        Assert.Equal(130, code);
        Assert.Single(stages);
        Children.WaitForEnd(stages);
    }

    [Fact]
    public void A_stage_ends_with_the_run_that_is_killed()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "children are found in /proc");
        using var process = _place.Start("--set", "mix.with.fault=deaf");
        FaultPlace.ReadTo(process, "waiting");
        var stages = Children.Of(process.Id);
        process.Kill();
        process.WaitForExit();

        Assert.Single(stages);
        Children.WaitForEnd(stages);
    }

    /// <summary>As a terminal does it: the runner and the stage get the signal.</summary>
    private static void InterruptAll(Process process)
    {
        var all = Children.Of(process.Id).Append(process.Id).Select(id => $"{id}");
        Process.Start("kill", ["-INT", .. all]).WaitForExit();
    }

    private RunReport Run(IStageExecutor executor, params string[] sets) => PipelineRunner.Run(
        PipelineFile.Load(_place.Pipeline, FastStages.All, sets), new RunOptions { Root = _place.Root, Executor = executor, KeepRecord = false },
        _progress, TimeProvider.System, CancellationToken.None);
}
