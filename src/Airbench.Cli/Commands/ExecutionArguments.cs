using System.CommandLine;
using Airbench.Pipeline;

namespace Airbench.Cli;

/// <summary>How stages are executed: the flags that <c>run</c> and the verbs of single stages share.</summary>
internal sealed class ExecutionArguments
{
    /// <summary>The option that every verb has that runs stages, and no other.</summary>
    public const string InProcess = "--in-process";

    private readonly Option<bool> _inProcess = new(InProcess)
    {
        Description = "Run stages in this process, for a debugger: a native crash then ends everything.",
    };

    private readonly Option<bool> _noWait = new("--no-wait")
    {
        Description = "Fail where another run works in the same folders, instead of waiting for its end.",
    };

    private readonly Option<int> _jobs = new("--jobs", "-j")
    {
        Description = "Run up to N stages side by side where they do not need each other. Stages that compute take turns on the device; " +
            "a benchmark runs alone.",
        DefaultValueFactory = _ => 1,
        HelpName = "N",
    };

    public void AddTo(Command command, bool withJobs)
    {
        command.Add(_inProcess);
        command.Add(_noWait);
        if (withJobs)
        {
            command.Add(_jobs);
        }
    }

    /// <summary><paramref name="options"/> with what the flags say.</summary>
    /// <exception cref="ConfigurationException">They contradict each other.</exception>
    public RunOptions Apply(RunOptions options, ParseResult parsed)
    {
        var (inProcess, jobs) = (parsed.GetValue(_inProcess), parsed.GetResult(_jobs) is null ? 1 : parsed.GetValue(_jobs));
        if (inProcess && jobs > 1)
        {
            throw new ConfigurationException($"found --in-process and --jobs {jobs}; expected one of the two: libtorch and ONNX Runtime do not share a process well");
        }
        return options with { Executor = StageProgram.Executor(inProcess), Jobs = jobs, Wait = !parsed.GetValue(_noWait) };
    }
}
