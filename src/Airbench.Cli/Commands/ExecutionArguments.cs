using System.CommandLine;
using Airbench.Pipeline;

namespace Airbench.Cli.Commands;

/// <summary>How stages are executed: the flags that <c>run</c> and the verbs of single stages share.</summary>
internal sealed class ExecutionArguments
{
    private readonly Option<bool> _inProcess = new("--in-process")
    {
        Description = "Run stages in this process, for a debugger: a native crash then ends everything.",
    };

    private readonly Option<bool> _noWait = new("--no-wait")
    {
        Description = "Fail where another run works in the same folders, instead of waiting for its end.",
    };

    public void AddTo(Command command)
    {
        command.Add(_inProcess);
        command.Add(_noWait);
    }

    public RunOptions Apply(RunOptions options, ParseResult parsed) => options with
    {
        Executor = StageProgram.Executor(parsed.GetValue(_inProcess)),
        Wait = !parsed.GetValue(_noWait),
    };
}
