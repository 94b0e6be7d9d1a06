using Microsoft.ML.OnnxRuntime;

namespace Airbench.Onnx;

/// <summary>ONNX Runtime's process-wide environment: quiet, and without telemetry.</summary>
internal static class OnnxRuntime
{
    /// <summary>Every error also arrives as an exception with the same text, so nothing has to go to the console.</summary>
    public const OrtLoggingLevel LogLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_FATAL;

    /// <summary>Version of the native library.</summary>
    public static string Version => Start().GetVersionString();

    private static readonly Lock Starting = new();

    /// <summary>The environment, started on the first call.</summary>
    public static OrtEnv Start()
    {
        lock (Starting)
        {
            if (!OrtEnv.IsCreated)
            {
                var options = new EnvironmentCreationOptions { logId = Product.Name, logLevel = LogLevel };
                OrtEnv.CreateInstanceWithOptions(ref options).DisableTelemetryEvents();
            }
            return OrtEnv.Instance();
        }
    }
}
