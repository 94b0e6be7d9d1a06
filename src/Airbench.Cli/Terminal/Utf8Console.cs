using System.Text;

namespace Airbench.Cli;

/// <summary>
/// What is printed is UTF-8, in a file or pipe behind the console too, as on Linux and macOS. Windows prints in the code page of its console,
/// in which most names become question marks. Disposed, the console has the code page that it had.
/// </summary>
internal sealed class Utf8Console : IDisposable
{
    private readonly Encoding? _before;

    public Utf8Console()
    {
        if (OperatingSystem.IsWindows())
        {
            _before = Console.OutputEncoding;
            Console.OutputEncoding = new UTF8Encoding(encoderShouldEmitUTF8Identifier: false);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_before is not null)
        {
            Console.OutputEncoding = _before;
        }
    }
}
