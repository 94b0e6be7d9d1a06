using Airbench.Pipeline;

namespace Airbench.Tests;

/// <summary>What stopped and killed runs leave beside the results.</summary>
public sealed class LeftoverTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_run_sweeps_what_killed_ones_were_building_though_it_reuses_every_result()
    {
        var pipeline = Given.Parse(Given.Yaml);
        var options = new RunOptions { Root = _folder.Path };
        Run(pipeline, options);
        string[] dead =
        [
            "models/.demo.tmp-dead/weights", "models/.demo.tmp-dead.lock", "models/.demo.checkpoint.tmp-dead/checkpoint.json",
            "models/.demo.checkpoint.tmp-dead.lock", "data/.other.v2.tmp-dead.lock", "exports/.demo.tmp-dead/model.onnx",
        ];
        Array.ForEach(dead, file => _folder.Write(file, "x"u8));

        Run(pipeline, options);

        Assert.DoesNotContain(Directory.EnumerateFileSystemEntries(_folder.Path, "*", SearchOption.AllDirectories), path => path.Contains(".tmp-", StringComparison.Ordinal));
    }

    [Fact]
    public void They_are_listed_with_their_sizes_and_removed_when_asked_for()
    {
        _folder.Write("models/demo/model.json", "whole"u8);
        _folder.Write("models/demo.checkpoint/checkpoint.json", "12345"u8);
        _folder.Write("models/.other.tmp-dead/weights", "123"u8);
        _folder.Write("models/.other.tmp-dead.lock", ""u8);
        _folder.Write(".airbench/cache/.a-b.tmp-dead/files/x", "1"u8);
        _folder.Write("runs/demo/20260101-000000/.evaluate.tmp-dead/metrics.json", "12"u8);
        using var living = AtomicFolder.Create(_folder.File("models/living"));

        Assert.Equal(
            [
                (".airbench/cache/.a-b.tmp-dead", 1), ("models/.other.tmp-dead", 3), ("models/demo.checkpoint", 5),
                ("runs/demo/20260101-000000/.evaluate.tmp-dead", 2L),
            ],
            Leftovers.Find(_folder.Path).Select(leftover => (leftover.Path, leftover.Bytes)));
        Assert.Equal(4, Leftovers.Remove(_folder.Path).Count);
        Assert.Empty(Leftovers.Find(_folder.Path));
        Assert.True(File.Exists(_folder.File("models/demo/model.json")));
        Assert.True(Directory.Exists(living.Path));
    }

    [Fact]
    public void The_checkpoint_of_a_training_under_way_is_no_leftover()
    {
        var kinds = new FakeKinds
        {
            During = context =>
            {
                if (context.Name == "train")
                {
                    _folder.Write("models/demo.checkpoint/checkpoint.json", "12345"u8);
                    Assert.Empty(Leftovers.Find(_folder.Path));
                }
            },
        };
        Run(PipelineFile.Parse(Given.Yaml, "pipeline.yaml", kinds.All, []), new RunOptions { Root = _folder.Path });
        Assert.Single(Leftovers.Find(_folder.Path));
    }

    [Theory]
    [InlineData(false, new string[0], false)]
    [InlineData(true, new string[0], true)]
    [InlineData(false, new[] { "train" }, true)]
    [InlineData(false, new[] { "export" }, false)]
    public void Only_a_forced_stage_starts_anew(bool all, string[] named, bool anew)
    {
        bool? found = null;
        var kinds = new FakeKinds { During = context => found = context.Name == "train" ? context.StartsAnew : found };
        var pipeline = PipelineFile.Parse(Given.Yaml, "pipeline.yaml", kinds.All, []);
        Run(pipeline, new RunOptions { Root = _folder.Path, ForceAll = all, Force = named });
        Assert.Equal(anew, found);
    }

    private static void Run(PipelineDefinition pipeline, RunOptions options) =>
        Assert.Equal(RunStatus.Ok, PipelineRunner.Run(pipeline, options, IProgress.Silent, TimeProvider.System, CancellationToken.None).Status);
}
