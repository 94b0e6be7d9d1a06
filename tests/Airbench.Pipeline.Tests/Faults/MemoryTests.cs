using System.Diagnostics;
using Airbench.FaultHost;

namespace Airbench.Tests.Faults;

/// <summary>The kernel's out-of-memory killer, in earnest, in a control group with little memory.</summary>
public sealed class MemoryTests
{
    private const string Limit = "300000000";

    [Fact]
    public void The_out_of_memory_killer_fails_one_stage_and_is_named()
    {
        using var group = new MemoryGroup();
        using var place = new FaultPlace();
        using var process = Process.Start(new ProcessStartInfo(
            "bash",
            ["-c", $"echo $$ > '{group.Path}/cgroup.procs' && exec dotnet exec '{typeof(FastStages).Assembly.Location}' '{place.Root}' '{place.Pipeline}' --set mix.with.fault=memory"])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
        var (code, output, errors) = FaultPlace.End(process);

        Assert.True(code == 1, $"{code}: {output}\n{errors}");
        Assert.Contains("mix Failed: its process was ended by signal 9 (SIGKILL). Likely cause: out of memory: the kernel's out-of-memory killer", errors, StringComparison.Ordinal);
        Assert.Matches(@"It had up to [1-9]\d+ MiB of memory", errors);
        Assert.Contains("fold NotRun: it needs 'mix', which failed", errors, StringComparison.Ordinal);
        Assert.Equal(["data"], place.Outputs().Keys);
        FaultCounts.Add("out of memory", 1);
    }

    /// <summary>A control group for memory, version 1 or 2, for whoever may make one.</summary>
    private sealed class MemoryGroup : IDisposable
    {
        public MemoryGroup()
        {
            Assert.SkipUnless(OperatingSystem.IsLinux(), "control groups are Linux");
            var (parent, file) = Directory.Exists("/sys/fs/cgroup/memory") ? ("/sys/fs/cgroup/memory", "memory.limit_in_bytes") : ("/sys/fs/cgroup", "memory.max");
            Path = System.IO.Path.Combine(parent, $"airbench-test-{Guid.NewGuid():N}");
            try
            {
                Directory.CreateDirectory(Path);
                File.WriteAllText(System.IO.Path.Combine(Path, file), Limit);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                Dispose();
                Assert.Skip($"a control group with a limit cannot be made here: {e.Message}");
            }
        }

        public string Path { get; }

        public void Dispose()
        {
            if (Directory.Exists(Path))
            {
                using var remove = Process.Start("rmdir", [Path]);   // its files are the kernel's: only the folder can be removed
                remove.WaitForExit();
            }
        }
    }
}
