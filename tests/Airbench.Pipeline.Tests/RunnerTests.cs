using System.Text.RegularExpressions;
using Airbench.Pipeline;

namespace Airbench.Tests;

public sealed partial class RunnerTests : IDisposable
{
    private readonly TemporaryFolder _root = new();
    private readonly FakeTime _time = new();
    private readonly ProgressLines _progress = new();

    public void Dispose() => _root.Dispose();

    [Fact]
    public void Stages_run_in_order_each_with_the_artifacts_of_its_needs()
    {
        var kinds = new FakeKinds { During = _ => _time.Pass(1.5) };

        var report = Run(kinds);

        Assert.Equal(RunStatus.Ok, report.Status);
        Assert.Equal(["prepare", "train", "export", "evaluate"], kinds.Ran);
        Assert.Equal("a Score from Pictures and Bundle", report.Stages[3].Result!.Summary);
        Assert.All(report.Stages, stage => Assert.Equal(1.5, stage.WallSeconds));
        Assert.Equal("20260102-030405", report.RunId);
        Assert.Equal(_root.File("runs", "demo", "20260102-030405"), report.RunFolder);
        Assert.True(File.Exists(Path.Combine(report.RunFolder, "evaluate", FakeKinds.ManifestName)));
    }

    [Fact]
    public void Every_attempt_is_a_row_of_timings_csv()
    {
        var kinds = new FakeKinds
        {
            During = context =>
            {
                _time.Pass(1.25);
                if (context.Name == "export")
                {
                    throw new GateException("parity: found 0.5, \"far\";\nexpected 0.001");
                }
            },
        };

        var report = Run(kinds);

        Assert.Equal(
            """
            run_id,pipeline,stage,uses,status,started_utc,wall_seconds,work_seconds,items,items_per_second,device,peak_rss_mb,usd,error,precision,bf16_gflops,fp32_gflops
            20260102-030405,demo,prepare,prepare,ok,2026-01-02T03:04:05.000Z,1.250,2.000,60000,30000.0,cpu,MB,,,,,
            20260102-030405,demo,train,train,ok,2026-01-02T03:04:06.250Z,1.250,,,,cpu,MB,,,bf16,197.3,121.9
            20260102-030405,demo,export,export,failed,2026-01-02T03:04:07.500Z,1.250,,,,,MB,,"parity: found 0.5, ""far"";\nexpected 0.001",,,

            """,
            PeakColumn.Replace(Text(report, "timings.csv"), ",MB,"));
    }

    [Fact]
    public void With_a_price_every_row_says_what_its_time_on_the_wall_cost()
    {
        var kinds = new FakeKinds
        {
            During = context =>
            {
                _time.Pass(90);
                if (context.Name == "train")
                {
                    throw new DataException("no images");
                }
            },
        };

        var report = Run(kinds, text: $"usd_per_hour: 2.5\n{Given.Yaml}");

        var rows = Text(report, "timings.csv").TrimEnd().Split('\n').Skip(1).Select(row => row.Split(',')).ToList();
        Assert.Equal(["0.062500", "0.062500"], rows.Select(row => row[12]));   // 90 s at $2.50 an hour; the one that failed too
        Assert.Equal((2.5, 0.0625), (report.UsdPerHour!.Value, report.Stages[1].Usd!.Value));
        Assert.Null(report.Stages[2].Usd);   // it did not start
    }

    [Fact]
    public void Stages_see_the_price()
    {
        var prices = new List<double?>();
        Run(new FakeKinds { During = context => prices.Add(context.UsdPerHour) }, text: $"usd_per_hour: 0\n{Given.Yaml}");
        Run(new FakeKinds { During = context => prices.Add(context.UsdPerHour) }, forceAll: true);

        Assert.Equal([0, 0, 0, 0, null, null, null, null], prices);
    }

    [Fact]
    public void A_row_is_on_disk_when_the_next_stage_starts()
    {
        var rows = new List<int>();
        Run(new FakeKinds { During = context => rows.Add(File.ReadAllLines(Path.Combine(context.RunFolder, "timings.csv")).Length) });

        Assert.Equal([1, 2, 3, 4], rows);
    }

    [Fact]
    public void After_a_failure_dependants_do_not_run_and_the_others_do()
    {
        var kinds = new FakeKinds { During = context => _ = context.Name == "train" ? throw new DataException("no images") : 0 };

        var report = Run(kinds, text: Given.Yaml + "\n  more: { uses: prepare, with: { name: more } }");

        Assert.Equal(RunStatus.Failed, report.Status);
        Assert.Equal(
            """
            prepare Ok
            train Failed no images
            export NotRun it needs 'train', which failed
            evaluate NotRun it needs 'export', which did not run
            more Ok
            """,
            Show(report));
    }

    [Fact]
    public void A_defect_is_told_with_its_type_and_its_trace_is_in_the_log_alone()
    {
        var report = Run(new FakeKinds { During = _ => throw new FormatException("odd") });

        Assert.Equal("defect: System.FormatException: odd", report.Stages[0].Error);
        Assert.IsType<FormatException>(report.Stages[0].Exception);
        Assert.Matches(@"(?m)^\S+ trace System\.FormatException: odd\n\S+ trace    at Airbench\.Tests\.", Log(report));
        Assert.DoesNotContain(_progress.Lines, line => line.Contains("   at ", StringComparison.Ordinal));
    }

    [Fact]
    public void A_stage_that_makes_another_artifact_than_declared_is_a_defect()
    {
        var wrong = new FakeStage<ExportOptions, Bundle>("wrong")
        {
            Folder = (context, _) => Path.Combine(context.Root, "exports", "x"),
            Opener = folder => new Bundle(folder),
            Work = (_, _) => new StageResult(new Score("x"), ""),
        };

        var pipeline = PipelineFile.Parse("stages: { w: { uses: wrong } }", "p.yaml", [wrong], []);

        var report = PipelineRunner.Run(pipeline, new RunOptions { Root = _root.Path }, _progress, _time, CancellationToken.None);

        Assert.Equal("defect: System.InvalidOperationException: stage kind 'wrong' made Score; it declares Bundle", report.Stages[0].Error);
    }

    [Fact]
    public void Cancelling_ends_the_stage_and_the_run_and_is_a_row()
    {
        using var source = new CancellationTokenSource();
        var kinds = new FakeKinds
        {
            During = context =>
            {
                if (context.Name == "train")
                {
                    source.Cancel();
                    context.Cancel.ThrowIfCancellationRequested();
                }
            },
        };

        var report = Run(kinds, cancel: source.Token);

        Assert.Equal(RunStatus.Cancelled, report.Status);
        Assert.Equal(
            """
            prepare Ok
            train Cancelled cancelled
            export NotRun the run was cancelled
            evaluate NotRun the run was cancelled
            """,
            Show(report));
        Assert.Contains(",train,train,cancelled,", Text(report, "timings.csv"), StringComparison.Ordinal);
    }

    [Fact]
    public void A_cancellation_that_nobody_asked_for_is_a_failure()
    {
        var report = Run(new FakeKinds { During = _ => throw new OperationCanceledException("a timeout inside") });

        Assert.Equal(RunStatus.Failed, report.Status);
        Assert.Equal("defect: System.OperationCanceledException: a timeout inside", report.Stages[0].Error);
    }

    [Fact]
    public void The_log_has_every_line_with_its_time_and_progress_gets_the_same()
    {
        var kinds = new FakeKinds
        {
            During = context =>
            {
                using (var task = context.Progress.Start("reading", 9, "images", done: 7))
                {
                    task.Report(8);
                }

                context.Progress.Warn("one\ntwo");
                _time.Pass(0.5);
            },
        };

        var report = Run(kinds, only: "prepare");

        Assert.Equal(
            """
            2026-01-02T03:04:05.000Z info  run runs/demo/20260102-030405: prepare
            2026-01-02T03:04:05.000Z info  prepare: --only prepare: named
            2026-01-02T03:04:05.000Z info  prepare: started (uses prepare)
            2026-01-02T03:04:05.000Z warn  one
            2026-01-02T03:04:05.000Z warn  two
            2026-01-02T03:04:05.500Z info  prepare: done in 0.5 s: a Pictures from 
            2026-01-02T03:04:05.500Z info  train: --only prepare: no stage that runs needs it
            2026-01-02T03:04:05.500Z info  export: --only prepare: no stage that runs needs it
            2026-01-02T03:04:05.500Z info  evaluate: --only prepare: no stage that runs needs it
            2026-01-02T03:04:05.500Z info  run 20260102-030405 ended: ok

            """,
            Log(report).Replace('\\', '/'));
        Assert.Equal(
            ["info prepare: started (uses prepare)", "start reading 9 images from 7", "at 8", "end", "warn one\ntwo"],
            _progress.Lines[2..7]);
    }

    [Fact]
    public void The_resolved_pipeline_of_a_run_runs_again_to_the_same_resolved_pipeline()
    {
        var kinds = new FakeKinds();
        var first = Run(kinds);
        var resolved = Path.Combine(first.RunFolder, "pipeline.resolved.yaml");

        var second = PipelineRunner.Run(
            PipelineFile.Load(resolved, kinds.All, []), new RunOptions { Root = _root.Path }, _progress, _time, CancellationToken.None);

        Assert.Equal(RunStatus.Ok, second.Status);
        Assert.Equal(File.ReadAllText(resolved), File.ReadAllText(Path.Combine(second.RunFolder, "pipeline.resolved.yaml")));
    }

    [Fact]
    public void From_takes_the_artifacts_of_an_earlier_run()
    {
        Run(new FakeKinds());
        var kinds = new FakeKinds();

        var report = Run(kinds, from: "export");

        Assert.Equal(["export", "evaluate"], kinds.Ran);
        Assert.Equal("prepare Existing\ntrain Existing\nexport Ok\nevaluate Ok", Show(report));
        Assert.Equal("a Score from Pictures and Bundle", report.Stages[3].Result!.Summary);
    }

    [Fact]
    public void A_plan_that_cannot_be_made_leaves_nothing_but_its_locks()
    {
        Assert.Throws<ConfigurationException>(() => Run(new FakeKinds(), from: "train"));

        Assert.Equal([_root.File(".airbench")], Directory.GetFileSystemEntries(_root.Path));
        Assert.Equal([_root.File(".airbench", "locks")], Directory.GetFileSystemEntries(_root.File(".airbench")));
    }

    [Fact]
    public void A_working_folder_that_cannot_hold_runs_is_refused()
    {
        File.WriteAllText(_root.File("runs"), "a file where the folder should be");

        var error = Assert.Throws<ConfigurationException>(() => Run(new FakeKinds()));

        Assert.Matches("cannot be created: .*; run in a folder that you can write to$", error.Message);
    }

    [Fact]
    public async Task Runs_that_start_in_the_same_second_get_folders_of_their_own()
    {
        const string Yaml = "name: demo\nstages: { p: { uses: prepare } }";
        var options = new RunOptions { Root = _root.Path };

        var reports = await Task.WhenAll(Enumerable.Range(0, 16).Select(_ => Task.Run(
            () => PipelineRunner.Run(Given.Parse(Yaml), options, IProgress.Silent, _time, CancellationToken.None))));

        Assert.Equal(
            Enumerable.Range(1, 16).Select(n => n == 1 ? "20260102-030405" : $"20260102-030405-{n}").Order(StringComparer.Ordinal),
            reports.Select(r => r.RunId).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void A_stage_by_itself_gets_its_options_from_flags_and_its_inputs_from_the_caller()
    {
        var kinds = new FakeKinds();
        var pipeline = PipelineFile.OneStage(
            kinds.All[1],
            new Dictionary<string, string> { ["epochs"] = "3" },
            new Dictionary<string, string> { ["name"] = "solo", ["device"] = "cpu" },
            [new Pictures("elsewhere")],
            input => $"some {input.Name}");

        var report = PipelineRunner.Run(pipeline, new RunOptions { Root = _root.Path }, _progress, _time, CancellationToken.None);

        Assert.Equal("a Network from Pictures", report.Stages.Single().Result!.Summary);
        Assert.Equal(_root.File("models", "solo"), report.Stages.Single().Result!.Artifact.Folder);
        Assert.Contains("  # given: the Pictures in elsewhere\n", Text(report, "pipeline.resolved.yaml"), StringComparison.Ordinal);
    }

    [Fact]
    public void A_stage_by_itself_is_checked_like_a_file()
    {
        var error = Assert.Throws<ConfigurationException>(() => PipelineFile.OneStage(
            new FakeKinds().All[1],
            new Dictionary<string, string> { ["epochs"] = "many" },
            new Dictionary<string, string> { ["name"] = "A B", ["seed"] = "x" },
            [],
            input => $"some {input.Name}"));

        Assert.Equal(
            """
            --name A B: name: found 'A B'; expected 1 to 64 of a-z, 0-9, '_', '-' and '.', starting with a letter or digit
            --seed x: seed: found 'x'; expected a whole number
            --epochs many: train.epochs: found 'many'; expected a number
            train: needs some Pictures
            """,
            error.Message);
    }

    [Fact]
    public void Peak_memory_is_a_plausible_number_of_megabytes()
    {
        PeakMemory.Reset();
        var managed = GC.GetTotalMemory(forceFullCollection: false) / (1024 * 1024);

        Assert.InRange(PeakMemory.Megabytes()!.Value, Math.Max(1, managed / 2), 1_000_000);
    }

    [GeneratedRegex(@",[0-9]+,(?=[0-9.]*,("".*"")?,[a-z0-9]*,[0-9.]*,[0-9.]*(\n|$))", RegexOptions.CultureInvariant)]
    private static partial Regex PeakColumn { get; }

    private RunReport Run(
        FakeKinds kinds, string text = Given.Yaml, string? from = null, string? only = null, bool forceAll = false, CancellationToken cancel = default) =>
        PipelineRunner.Run(
            PipelineFile.Parse(text, "pipeline.yaml", kinds.All, []),
            new RunOptions { Root = _root.Path, From = from, Only = only, ForceAll = forceAll },
            _progress,
            _time,
            cancel);

    private static string Log(RunReport report) => Text(report, "log.txt");

    private static string Text(RunReport report, string file) => File.ReadAllText(Path.Combine(report.RunFolder, file));

    private static string Show(RunReport report) =>
        string.Join('\n', report.Stages.Select(s => $"{s.Stage.Key} {s.Status} {s.Error}".TrimEnd()));
}
