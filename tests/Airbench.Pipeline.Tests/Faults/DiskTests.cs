using System.Diagnostics;

namespace Airbench.Tests.Faults;

/// <summary>A disk that is full at any point of a run, and one that takes nothing at all: small file systems in memory.</summary>
public sealed class DiskTests
{
    private static readonly int Disks = LongForm.IsAskedFor ? 20 : 7;

    [Fact]
    public void A_full_disk_ends_the_run_with_a_sentence_and_leaves_what_was_there()
    {
        using var disk = new SmallDisk("4m");
        using var place = new FaultPlace(disk.Path);
        var first = Run(place, 0);
        Assert.True(first.ExitCode == 0, first.Errors);

        var random = new Random(7);
        var full = 0;
        for (var n = 0; n < Disks; n++)
        {
            // From nothing at all to almost what a run needs: three new artifacts beside the old ones, and the run's own folder.
            File.WriteAllBytes(place["fill"], new byte[Math.Max(0, disk.Free - (random.Next(0, 34) * 4096))]);
            var (before, expected) = (place.Outputs(), FaultPlace.Expected(n + 1));
            var (code, output, errors) = Run(place, n + 1);
            File.Delete(place["fill"]);

            var after = place.Outputs();   // throws where one is torn
            if (code == 0)
            {
                Assert.Equal(expected, after);
            }
            else
            {
                full++;
                Assert.True(code is 1 or 2, $"{code}: {output}\n{errors}");
                Assert.Contains("No space left on device", errors, StringComparison.Ordinal);
                Assert.DoesNotContain("   at ", errors, StringComparison.Ordinal);
                // A stage before the full disk may have its new result; every other place has its old one.
                Assert.All(before, artifact => Assert.True(
                    after[artifact.Key] == artifact.Value || after[artifact.Key] == expected[artifact.Key], artifact.Key));
            }
            // The same again, or one of before, whose results may be in the cache.
            var seed = random.Next(2) == 0 ? n + 1 : n;
            var (again, _, why) = Run(place, seed);
            Assert.True(again == 0, why);
            Assert.Equal(FaultPlace.Expected(seed), place.Outputs());
            Assert.Empty(place.Leftovers());
            Directory.Delete(place["runs"], recursive: true);
        }
        FaultCounts.Add("full disks", full);
        Assert.InRange(full, Disks / 2, Disks);
    }

    private static (int ExitCode, string Output, string Errors) Run(FaultPlace place, int seed) =>
        place.Run("--set", $"seed={seed}", "--cache-bytes", "500000");

    [Fact]
    public void A_read_only_disk_is_refused_before_any_work_with_the_path()
    {
        using var disk = new SmallDisk("2m");
        using var place = new FaultPlace(disk.Path);
        Assert.Equal(0, place.Run("--set", "seed=0").ExitCode);
        var before = place.Outputs();
        disk.Remount("ro");

        var (code, output, errors) = place.Run("--set", "seed=1");

        Assert.Equal(2, code);
        Assert.Matches(@"cannot be created: Read-only file system.*; run in a folder that you can write to", errors);
        Assert.DoesNotContain("started", output, StringComparison.Ordinal);
        Assert.Equal(before, place.Outputs());
        FaultCounts.Add("read-only targets", 1);
    }

    [Fact]
    public void A_read_only_folder_of_results_fails_its_stage_with_the_path()
    {
        using var place = new FaultPlace();
        Directory.CreateDirectory(place["models"]);
        using var disk = new SmallDisk("64k", place["models"]);
        disk.Remount("ro");

        var (code, _, errors) = place.Run();

        Assert.Equal(1, code);
        Assert.Contains($"mix Failed: {place["models", "fast"]}: cannot be written: Read-only file system", errors, StringComparison.Ordinal);
        Assert.Equal(["data"], place.Outputs().Keys);
        FaultCounts.Add("read-only targets", 1);
    }

    /// <summary>A tmpfs of a given size, for whoever may mount one.</summary>
    private sealed class SmallDisk : IDisposable
    {
        private readonly bool _isOwn;

        public SmallDisk(string size, string? at = null)
        {
            Assert.SkipUnless(OperatingSystem.IsLinux(), "mounts a tmpfs");
            _isOwn = at is null;
            Path = at ?? Directory.CreateTempSubdirectory("airbench-disk-").FullName;
            if (Try("mount", "-t", "tmpfs", "-o", $"size={size}", "tmpfs", Path) is { } error)
            {
                Assert.Skip($"mounting a tmpfs is not permitted here: {error}");
            }
        }

        public string Path { get; }

        public int Free => (int)new DriveInfo(Path).AvailableFreeSpace;

        public void Remount(string how) => Assert.Null(Try("mount", "-o", $"remount,{how}", Path));

        public void Dispose()
        {
            Try("umount", Path);
            if (_isOwn)
            {
                Directory.Delete(Path);
            }
        }

        /// <summary>Null where it went well.</summary>
        private static string? Try(string program, params string[] arguments)
        {
            using var process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardError = true })!;
            var errors = process.StandardError.ReadToEnd();
            process.WaitForExit();
            return process.ExitCode == 0 ? null : errors;
        }
    }
}
