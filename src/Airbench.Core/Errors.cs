namespace Airbench;

/// <summary>
/// A mistake that the user can fix. The message says what, where, what was found, what was expected and what to do;
/// it is printed without a stack trace. Anything else that escapes is a defect of ours.
/// </summary>
/// <remarks>Names of files and classes come into messages from many sides: nothing in one is invisible or obeyed by a terminal (<see cref="Quote"/>).</remarks>
public abstract class AirbenchException(string message, Exception? inner = null) : Exception(Quote.Lines(message), inner)
{
    /// <summary>The process exit code: 1 a stage failed, 2 bad usage or configuration.</summary>
    public virtual int ExitCode => 1;
}

/// <summary>Bad usage: pipeline.yaml, flags, option values.</summary>
public sealed class ConfigurationException(string message, Exception? inner = null) : AirbenchException(message, inner)
{
    /// <inheritdoc/>
    public override int ExitCode => 2;
}

/// <summary>Images, labels or archives that cannot be used.</summary>
public sealed class DataException : AirbenchException
{
    /// <summary>One line: a name in it writes none of its own.</summary>
    public DataException(string message, Exception? inner = null) : base(Quote.OneLine(message), inner)
    {
    }

    /// <summary>A line, and one below it for each of <paramref name="details"/>.</summary>
    public DataException(string message, IEnumerable<string> details) : base(string.Join('\n', details.Prepend(message).Select(Quote.OneLine)))
    {
    }
}

/// <summary>A file that is not what its format demands: truncated, wrong magic, overlapping tensors, sizes that do not add up.</summary>
public sealed class InvalidFileException(string path, string problem, Exception? inner = null)
    : AirbenchException(Quote.OneLine($"{path}: {problem}"), inner)
{
    /// <summary>The file as it was named by the caller.</summary>
    public string Path { get; } = path;

    /// <summary>What is wrong with it: the message without the path.</summary>
    public string Problem { get; } = Quote.OneLine(problem);
}

/// <summary>A device or native library that was asked for and is not there.</summary>
public sealed class DeviceException(string message, Exception? inner = null) : AirbenchException(message, inner);

/// <summary>A training run whose loss left the finite numbers.</summary>
public sealed class DivergedException(string message) : AirbenchException(message);

/// <summary>A result that missed its stated bound: parity of the exported model, accuracy_min and the like.</summary>
public sealed class GateException(string message) : AirbenchException(message);

/// <summary>The process of a stage that ended without saying how: killed, crashed, out of memory.</summary>
public sealed class StageProcessException(string message) : AirbenchException(message);

/// <summary>A folder in which another run is at work.</summary>
public sealed class BusyException(string message) : AirbenchException(message);
