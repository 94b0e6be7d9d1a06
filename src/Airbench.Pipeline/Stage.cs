using System.Globalization;

namespace Airbench.Pipeline;

/// <summary>What a stage does with the pipeline's device, which decides what may run beside it.</summary>
public enum DeviceUse
{
    /// <summary>Nothing: it works on files, and may run beside any stage that does not want to be alone.</summary>
    None,

    /// <summary>It computes there, and has it to itself. The CPU is a device like any other: two stages would only take turns on its cores.</summary>
    Takes,

    /// <summary>It measures time: nothing runs beside it.</summary>
    Alone,
}

/// <summary>
/// One kind of stage: a function from artifacts and typed options to one artifact. The pipeline knows stages by this
/// interface alone; <see cref="Stage{TOptions, TArtifact}"/> is what to derive from.
/// </summary>
public interface IStage
{
    /// <summary>The name in <c>uses:</c>, for example "train".</summary>
    string Uses { get; }

    /// <summary>One line for the help text.</summary>
    string Description { get; }

    /// <summary>The record that <c>with:</c> is bound to: init properties with defaults, snake_case in YAML.</summary>
    Type OptionsType { get; }

    /// <summary>Artifact types that <c>needs</c> has to bring, each exactly once.</summary>
    IReadOnlyList<Type> Inputs { get; }

    /// <summary>Artifact types that <c>needs</c> may bring beside <see cref="Inputs"/>, each at most once.</summary>
    IReadOnlyList<Type> OptionalInputs { get; }

    /// <summary>Artifact type that it makes.</summary>
    Type Output { get; }

    /// <summary>Why no earlier result can stand for a new one ("it measures time"); null where one can.</summary>
    string? AlwaysRuns { get; }

    /// <summary>Does the work.</summary>
    StageResult Run(StageContext context, object options);

    /// <summary>Problems of option values that the types cannot express, as "key: found; expected"; empty where there are none. No work, no files.</summary>
    IEnumerable<string> Check(object options);

    /// <summary>Those of <see cref="OptionalInputs"/> that these options cannot do without.</summary>
    IReadOnlyList<Type> InputsFor(object options);

    /// <summary>Folder that the artifact gets, below <see cref="StageContext.Root"/> or the run folder.</summary>
    string OutputFolder(StageContext context, object options);

    /// <summary>Opens an artifact made earlier, for <c>--from</c> and <c>--only</c>.</summary>
    Artifact Open(string folder);

    /// <summary>What it does with the device.</summary>
    DeviceUse UseOf(object options);

    /// <summary>Whether it ends a step, which may take long, before it heeds a signal to stop: to train is to lose no step. Others end at once.</summary>
    bool FinishesStep { get; }

    /// <summary>What decides the result, beside the artifacts that it needs.</summary>
    Fingerprint Fingerprint(StageContext context, object options);

    /// <summary>
    /// What the stage would choose otherwise now than when it made <paramref name="earlier"/>, for the user; null for nothing. A choice of its own
    /// decides nothing: no result is made again because of it. Found without work, and without loading a native library.
    /// </summary>
    string? ChangedChoice(StageContext context, object options, Artifact earlier);
}

/// <summary>Everything outside of its artifacts that a stage's result depends on. An earlier result stands for a new one where nothing in it differs.</summary>
public sealed record Fingerprint
{
    /// <summary>
    /// What the options mean: an object whose members decide the result. Members that change nothing in it are left out or set to a constant;
    /// what an option stands for (a recipe by its name) is written out.
    /// </summary>
    public required object Settings { get; init; }

    /// <summary>What else decides it, by name: seed, device, threads.</summary>
    public IReadOnlyDictionary<string, string> Environment { get; init; } = new Dictionary<string, string>();

    /// <summary>Files and folders that it reads beside the artifacts, full or relative to <see cref="StageContext.Root"/>; they need not exist.</summary>
    public IEnumerable<string> Reads { get; init; } = [];

    /// <summary>Versions of all code that decides it, by name. Found without loading a native library.</summary>
    public IReadOnlyDictionary<string, string> Versions { get; init; } = new Dictionary<string, string> { [Product.Name] = Product.Version };
}

/// <summary>One kind of stage with typed options: what a new kind derives from.</summary>
/// <typeparam name="TOptions">The record behind <c>with:</c>.</typeparam>
/// <typeparam name="TArtifact">What it makes.</typeparam>
public abstract class Stage<TOptions, TArtifact> : IStage
    where TOptions : class, new()
    where TArtifact : Artifact
{
    /// <inheritdoc/>
    public abstract string Uses { get; }

    /// <inheritdoc/>
    public abstract string Description { get; }

    /// <inheritdoc/>
    public virtual IReadOnlyList<Type> Inputs => [];

    /// <inheritdoc/>
    public virtual IReadOnlyList<Type> OptionalInputs => [];

    /// <inheritdoc/>
    public virtual string? AlwaysRuns => null;

    /// <inheritdoc cref="IStage.Run"/>
    public abstract StageResult Run(StageContext context, TOptions options);

    /// <inheritdoc cref="IStage.Check"/>
    public virtual IEnumerable<string> Check(TOptions options) => [];

    /// <inheritdoc cref="IStage.InputsFor"/>
    public virtual IReadOnlyList<Type> InputsFor(TOptions options) => [];

    /// <inheritdoc cref="IStage.OutputFolder"/>
    public abstract string OutputFolder(StageContext context, TOptions options);

    /// <inheritdoc cref="IStage.Open"/>
    public abstract TArtifact Open(string folder);

    /// <inheritdoc cref="IStage.UseOf"/>
    /// <remarks>By default it computes on the device.</remarks>
    public virtual DeviceUse UseOf(TOptions options) => DeviceUse.Takes;

    /// <inheritdoc cref="IStage.FinishesStep"/>
    public virtual bool FinishesStep => false;

    /// <inheritdoc cref="IStage.Fingerprint"/>
    /// <remarks>By default the options as they are, seed, device and the product's version.</remarks>
    public virtual Fingerprint Fingerprint(StageContext context, TOptions options) => new()
    {
        Settings = options,
        Environment = new Dictionary<string, string> { ["seed"] = context.Seed.ToString(CultureInfo.InvariantCulture), ["device"] = context.Device },
    };

    /// <inheritdoc cref="IStage.ChangedChoice"/>
    /// <remarks>By default nothing: most stages choose nothing.</remarks>
    public virtual string? ChangedChoice(StageContext context, TOptions options, TArtifact earlier) => null;

    Type IStage.OptionsType => typeof(TOptions);
    Type IStage.Output => typeof(TArtifact);
    StageResult IStage.Run(StageContext context, object options) => Run(context, (TOptions)options);
    IEnumerable<string> IStage.Check(object options) => Check((TOptions)options);
    IReadOnlyList<Type> IStage.InputsFor(object options) => InputsFor((TOptions)options);
    string IStage.OutputFolder(StageContext context, object options) => OutputFolder(context, (TOptions)options);
    Artifact IStage.Open(string folder) => Open(folder);
    DeviceUse IStage.UseOf(object options) => UseOf((TOptions)options);
    Fingerprint IStage.Fingerprint(StageContext context, object options) => Fingerprint(context, (TOptions)options);
    string? IStage.ChangedChoice(StageContext context, object options, Artifact earlier) => ChangedChoice(context, (TOptions)options, (TArtifact)earlier);
}

/// <summary>What a stage gets beside its options.</summary>
public sealed record StageContext
{
    /// <summary>Key of the stage in the pipeline.</summary>
    public required string Name { get; init; }

    /// <summary>
    /// Name for the artifact where the options give none: the pipeline's name, with "-stage" behind it where several stages are of this kind.
    /// </summary>
    public required string DefaultName { get; init; }

    /// <summary>The pipeline's seed.</summary>
    public required int Seed { get; init; }

    /// <summary>The pipeline's device: auto, cpu, cuda or cuda:N.</summary>
    public required string Device { get; init; }

    /// <summary>Price of the machine, US dollars an hour; null where none was given.</summary>
    public double? UsdPerHour { get; init; }

    /// <summary>Folder that holds data/, models/, exports/ and runs/.</summary>
    public required string Root { get; init; }

    /// <summary>Folder of this run, runs/&lt;pipeline&gt;/&lt;run&gt;/.</summary>
    public required string RunFolder { get; init; }

    /// <summary>Artifacts of the stages in <c>needs</c>.</summary>
    public IReadOnlyList<Artifact> Inputs { get; init; } = [];

    /// <summary>Whether nothing of an earlier attempt may be gone on from: with <c>--force</c>.</summary>
    public bool StartsAnew { get; init; }

    /// <summary>Where to say what happens.</summary>
    public IProgress Progress { get; init; } = IProgress.Silent;

    /// <summary>Ends the work early; a stage answers within a step by throwing <see cref="OperationCanceledException"/>.</summary>
    public CancellationToken Cancel { get; init; }

    /// <summary>The input of type <typeparamref name="T"/>; the checked graph guarantees exactly one.</summary>
    public T Input<T>() where T : Artifact => Inputs.OfType<T>().Single();

    /// <summary>A folder of <see cref="Root"/> for an artifact: <paramref name="parent"/>/<paramref name="name"/>, or the default name where that is null.</summary>
    public string Below(string parent, string? name) => Path.Combine(Root, parent, name ?? DefaultName);

    /// <summary>The folder of this stage in the run's folder.</summary>
    public string InRunFolder() => Path.Combine(RunFolder, Name);
}

/// <summary>What a stage reports.</summary>
/// <param name="Artifact">What it made.</param>
/// <param name="Summary">What came out, for the table at the end: "50,000 train, 10,000 test, 10 classes".</param>
public sealed record StageResult(Artifact Artifact, string Summary)
{
    /// <summary>Seconds that the stage itself measured (training: the airbench protocol); null where it measures nothing of its own.</summary>
    public double? WorkSeconds { get; init; }

    /// <summary>Items worked on (images).</summary>
    public long? Items { get; init; }

    /// <summary>Device that did the work, for example "cpu".</summary>
    public string Device { get; init; } = "cpu";

    /// <summary>Arithmetic that it computed in, for example "bf16"; null where that is no question.</summary>
    /// <remarks>This and <see cref="Rates"/> are told when the stage ran, and not again where its result stands for a later one: the artifact has both.</remarks>
    public string? Precision { get; init; }

    /// <summary>What decided the arithmetic, where the stage had it measured.</summary>
    public ArithmeticRates? Rates { get; init; }

    /// <summary>Accuracy (0 to 1) from untouched images, where the stage measured one.</summary>
    public double? AccuracyPlain { get; init; }

    /// <summary>Accuracy (0 to 1) with test-time augmentation, where the stage measured one.</summary>
    public double? AccuracyTta { get; init; }
}
