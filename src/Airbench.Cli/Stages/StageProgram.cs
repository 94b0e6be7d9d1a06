using System.Reflection;
using Airbench.Pipeline;

namespace Airbench.Cli;

/// <summary>This program, to be started again as the process of a stage.</summary>
internal static class StageProgram
{
    private const string DotnetHostVariable = "DOTNET_HOST_PATH";   // set by the SDK's commands, such as `dotnet test`

    /// <summary>How stages are executed: each in a process of its own, or here for debuggers.</summary>
    public static IStageExecutor Executor(bool inProcess) => inProcess ? new InProcessExecutor() : new ProcessExecutor(Command());

    /// <summary>
    /// The published program or the one that `dotnet run` starts is an executable of its own; under `dotnet airbench.dll`, or where
    /// another program uses this assembly, .NET's host has to be told which assembly.
    /// </summary>
    private static IReadOnlyList<string> Command()
    {
        var assembly = typeof(StageProgram).Assembly;
        var running = Environment.ProcessPath ?? "";
        var name = Path.GetFileNameWithoutExtension(running);
        if (name == assembly.GetName().Name && (Assembly.GetEntryAssembly() == assembly))
        {
            return [running];
        }
        var host = name == "dotnet" ? running : Environment.GetEnvironmentVariable(DotnetHostVariable) ?? "dotnet";
        return [host, "exec", assembly.Location];
    }
}
