using System.Diagnostics;

namespace Airbench.Tests;

/// <summary>The real command line, as a process of its own in a folder of its own.</summary>
internal sealed class Workplace : IDisposable
{
    /// <summary>Options that make a whole run take seconds: a small drawn set and a narrow network.</summary>
    public const string SmallPipeline =
        """
        name: small
        device: cpu
        stages:
          prepare:
            uses: prepare
            with: { source: synthetic, train_count: 256, test_count: 64 }
          train:
            uses: train
            needs: [prepare]
            with: { epochs: 1, batch_size: 64, widths: [4, 8, 8] }
          export:
            uses: export
            needs: [train]
          evaluate:
            uses: evaluate
            needs: [prepare, export]

        """;

    public string Folder { get; } = Directory.CreateTempSubdirectory("airbench-cli-").FullName;

    /// <summary>Root of the source tree.</summary>
    public static string Repository { get; } = FindRepository();

    /// <summary>Environment variables of the processes that are started; null takes one away.</summary>
    public Dictionary<string, string?> Variables { get; } = [];

    public string this[string name] => Path.Combine(Folder, name);

    public Workplace With(string name, string content)
    {
        File.WriteAllText(this[name], content.ReplaceLineEndings("\n"));
        return this;
    }

    public Process Start(params string[] arguments)
    {
        var start = new ProcessStartInfo("dotnet", ["exec", Path.Combine(AppContext.BaseDirectory, "airbench.dll"), .. arguments])
        {
            WorkingDirectory = Folder,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach (var (name, value) in Variables)
        {
            start.Environment[name] = value;
        }
        return Process.Start(start)!;
    }

    /// <summary>Runs to the end.</summary>
    public (int ExitCode, string Output, string Errors) Run(params string[] arguments)
    {
        using var process = Start(arguments);
        var errors = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return (process.ExitCode, output, errors.Result);
    }

    public void Dispose() => Directory.Delete(Folder, recursive: true);

    private static string FindRepository()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (folder is not null && !File.Exists(Path.Combine(folder.FullName, "Airbench.Onnx.sln")))
        {
            folder = folder.Parent;
        }
        return folder?.FullName ?? throw new InvalidOperationException("the tests run outside of the source tree");
    }
}
