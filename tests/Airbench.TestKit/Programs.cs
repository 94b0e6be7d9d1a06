using System.Diagnostics;

namespace Airbench.Tests;

/// <summary>Other people's programs.</summary>
internal static class Programs
{
    /// <summary>The folder of the client programs: tests/clients.</summary>
    public static string Clients { get; } = Path.Combine(RepositoryRoot(), "tests", "clients");

    /// <summary>Distributions put python3-onnx beside their own interpreter, which need not be the first on the path.</summary>
    public static string? PythonWithOnnx() => Python("onnx");

    /// <summary>An interpreter that can import <paramref name="modules"/>, or null.</summary>
    public static string? Python(string modules) =>
        ((string[])["python3", "/usr/bin/python3"]).FirstOrDefault(p => Run(p, "-c", $"import {modules}").ExitCode == 0);

    /// <summary>Skips the test where Node or one of its packages is not there.</summary>
    public static void SkipWithoutNode(params string[] packages)
    {
        Assert.SkipUnless(Run("node", "--version").ExitCode == 0, "no node here");
        foreach (var package in packages)
        {
            Assert.SkipUnless(Directory.Exists(Path.Combine(Clients, "node_modules", package)),
                $"{package} is not installed (npm ci --prefix tests/clients)");
        }
    }

    /// <summary>Runs to the end; -1 where there is no such program.</summary>
    public static (int ExitCode, string Output) Run(string program, params string[] arguments)
    {
        try
        {
            using var process = Process.Start(
                new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true })!;
            var error = process.StandardError.ReadToEndAsync();
            var output = process.StandardOutput.ReadToEnd();
            process.WaitForExit();
            return (process.ExitCode, output + error.Result);
        }
        catch (System.ComponentModel.Win32Exception e)
        {
            return (-1, e.Message);
        }
    }

    /// <summary>Gives <paramref name="input"/> to a program and takes its output, both as bytes.</summary>
    public static byte[] Filter(byte[] input, string program, params string[] arguments)
    {
        using var process = Process.Start(
            new ProcessStartInfo(program, arguments) { RedirectStandardInput = true, RedirectStandardOutput = true })!;
        using var output = new MemoryStream();
        var reading = process.StandardOutput.BaseStream.CopyToAsync(output);
        process.StandardInput.BaseStream.Write(input);
        process.StandardInput.Close();
        process.WaitForExit();
        reading.Wait();
        Assert.Equal(0, process.ExitCode);
        return output.ToArray();
    }

    private static string RepositoryRoot()
    {
        var folder = AppContext.BaseDirectory;
        while (!File.Exists(Path.Combine(folder, "Airbench.Onnx.sln")))
        {
            folder = Path.GetDirectoryName(
                folder) ?? throw new InvalidOperationException("the tests do not run from inside the repository");
        }
        return folder;
    }
}
