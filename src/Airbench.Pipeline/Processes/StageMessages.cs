using System.Text.Json;
using System.Text.Json.Serialization;

namespace Airbench.Pipeline;

/// <summary>What the process of a stage gets to work on; the first line of its standard input.</summary>
/// <param name="Version">Of the program that asks: a build may have replaced it meanwhile.</param>
/// <param name="Uses">Kind of stage.</param>
/// <param name="Options">Its options as YAML on one line.</param>
/// <param name="Context">The rest of what the stage gets.</param>
internal sealed record StageRequest(string Version, string Uses, string Options, ContextData Context);

/// <summary><see cref="StageContext"/> as data.</summary>
internal sealed record ContextData(
    string Name, string DefaultName, int Seed, string Device, double? UsdPerHour, string Root, string RunFolder, bool StartsAnew, IReadOnlyList<ArtifactData> Inputs);

/// <summary>An artifact as data: its type's name and its folder, from which it can be opened.</summary>
internal sealed record ArtifactData(string Type, string Folder);

/// <summary><see cref="StageResult"/> as data.</summary>
internal sealed record ResultData(
    string Folder, string Summary, double? WorkSeconds, long? Items, string Device, double? AccuracyPlain, double? AccuracyTta, string? Precision,
    ArithmeticRates? Rates);

/// <summary>What the process of a stage tells, one line of JSON each.</summary>
[JsonPolymorphic(TypeDiscriminatorPropertyName = "event")]
[JsonDerivedType(typeof(LineEvent), "line")]
[JsonDerivedType(typeof(TaskStartEvent), "start")]
[JsonDerivedType(typeof(TaskReportEvent), "report")]
[JsonDerivedType(typeof(TaskEndEvent), "end")]
[JsonDerivedType(typeof(ResultEvent), "result")]
[JsonDerivedType(typeof(FaultEvent), "fault")]
internal abstract record StageEvent;

/// <summary><see cref="IProgress.Info"/> or <see cref="IProgress.Warn"/>.</summary>
internal sealed record LineEvent(string Text, bool IsWarning) : StageEvent;

/// <summary><see cref="IProgress.Start"/>.</summary>
internal sealed record TaskStartEvent(int Task, string What, long Total, string Unit, long Done) : StageEvent;

/// <summary><see cref="IProgressTask.Report"/>; not every one is told, but always the last.</summary>
internal sealed record TaskReportEvent(int Task, long Done, string? Detail) : StageEvent;

/// <summary>The end of a task.</summary>
internal sealed record TaskEndEvent(int Task) : StageEvent;

/// <summary>The work is done; nothing comes after it.</summary>
internal sealed record ResultEvent(ResultData Result, long? PeakMegabytes) : StageEvent;

/// <summary>An error ended the work; nothing comes after it.</summary>
internal sealed record FaultEvent(FaultData Fault, long? PeakMegabytes) : StageEvent;

/// <summary>The messages as lines. The code is generated, which spares every stage the start-up of reflection.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower,
    NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(StageRequest))]
[JsonSerializable(typeof(StageEvent))]
internal sealed partial class StageMessages : JsonSerializerContext
{
    /// <summary>The line that asks the process to stop after the current step.</summary>
    public const string Cancel = "cancel";

    public static string Write(StageRequest request) => JsonSerializer.Serialize(request, Default.StageRequest);

    public static string Write(StageEvent message) => JsonSerializer.Serialize(message, Default.StageEvent);

    public static StageRequest ReadRequest(string line) => JsonSerializer.Deserialize(line, Default.StageRequest)!;

    public static StageEvent ReadEvent(string line) => JsonSerializer.Deserialize(line, Default.StageEvent)!;
}
