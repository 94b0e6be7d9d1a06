using System.Runtime.ExceptionServices;

namespace Airbench.Pipeline;

/// <summary>An exception as data, so that it can pass from the process of a stage to the one that runs the pipeline.</summary>
/// <param name="Type">Full name of its type.</param>
/// <param name="Message">Its message.</param>
/// <param name="Trace">Where it was thrown and what caused it, for <c>--verbose</c>.</param>
/// <param name="Path">The file that an <see cref="InvalidFileException"/> is about.</param>
/// <param name="ExitCode">Of an <see cref="AirbenchException"/>; null where it is a defect or a failure of the system.</param>
/// <param name="SystemError">Of an <see cref="IOException"/>: the system's number for it.</param>
internal sealed record FaultData(string Type, string Message, string Trace, string? Path, int? ExitCode, int? SystemError)
{
    public static FaultData Of(Exception exception)
    {
        var head = $"{exception.GetType()}: {exception.Message}";
        var text = exception.ToString();
        return new(
            exception.GetType().FullName!,
            exception.Message,
            text.StartsWith(head, StringComparison.Ordinal) ? text[head.Length..].TrimStart('\n', '\r') : text,
            (exception as InvalidFileException)?.Path,
            (exception as AirbenchException)?.ExitCode,
            (exception as IOException)?.HResult);
    }

    /// <summary>
    /// The exception again, of the same type where the caller may care which it is, with the same message and exit code. Its text has
    /// the trace of the other process.
    /// </summary>
    public Exception ToException() => ExceptionDispatchInfo.SetRemoteStackTrace(Rebuild(), Trace);

    private Exception Rebuild() => Type switch
    {
        "Airbench.ConfigurationException" => new ConfigurationException(Message),
        "Airbench.DataException" => new DataException(Message.Split('\n')[0], Message.Split('\n').Skip(1)),
        "Airbench.DeviceException" => new DeviceException(Message),
        "Airbench.DivergedException" => new DivergedException(Message),
        "Airbench.GateException" => new GateException(Message),
        "Airbench.InvalidFileException" when Path is not null && Quote.OneLine($"{Path}: ") is var head && Message.StartsWith(head, StringComparison.Ordinal) =>
            new InvalidFileException(Path, Message[head.Length..]),
        "System.OperationCanceledException" or "System.Threading.Tasks.TaskCanceledException" => new OperationCanceledException(Message),
        "System.UnauthorizedAccessException" => new UnauthorizedAccessException(Message),
        _ when SystemError is { } number => new IOException(Message, number),
        _ => ExitCode is { } code ? new RemoteUserException(Type, Message, code) : new RemoteDefectException(Type, Message),
    };
}

/// <summary>A mistake that the user can fix, of a type that the process which runs the pipeline has no use for.</summary>
internal sealed class RemoteUserException(string type, string message, int exitCode) : AirbenchException(message)
{
    /// <summary>Full name of the type that it had.</summary>
    public string Type { get; } = type;

    /// <inheritdoc/>
    public override int ExitCode => exitCode;
}

/// <summary>A defect that showed in the process of a stage.</summary>
internal sealed class RemoteDefectException(string type, string message) : Exception(message)
{
    /// <summary>Full name of the type that it had.</summary>
    public string Type { get; } = type;
}
