using System.Globalization;
using System.Text.Json;

namespace Airbench.Onnx;

/// <summary>
/// What a classifier takes and gives, from its signature, its metadata properties (which have the names of the options, and <c>classes</c>, a JSON
/// list) and the options, which win. Nothing is guessed: what none of them says is an error that names the option.
/// </summary>
internal sealed record ModelDescription(ModelInput Input, ModelOutput Output, IReadOnlyList<string> Classes)
{
    /// <summary>The views that vote inside the model; others must not be added outside.</summary>
    public Tta VotesInside { get; init; }

    /// <summary>The views to show the model: those asked for, or the image alone where the model makes its own.</summary>
    public Tta Outside(Tta asked) => VotesInside == Tta.None ? asked : Tta.None;

    /// <summary>Largest height and width, pixels.</summary>
    public const int MaxImageSize = 4096;

    /// <summary>Most classes.</summary>
    public const int MaxClasses = 1_000_000;

    /// <summary>Describes the model in <paramref name="path"/>.</summary>
    /// <param name="path">The file, for messages.</param>
    /// <param name="facts">What was found in it.</param>
    /// <param name="options">What the user says.</param>
    /// <param name="classes">Class names, where a bundle has them.</param>
    /// <exception cref="ConfigurationException">Something is left open.</exception>
    /// <exception cref="InvalidFileException">It is no classifier of colour images.</exception>
    public static ModelDescription Read(string path, ModelFacts facts, ClassifierOptions options, IReadOnlyList<string>? classes = null)
    {
        var reader = new Reader(path, facts, options);
        var input = reader.Input();
        var (output, names) = reader.Output(classes);
        var images = input.FixedBatch ?? 1;
        SizeEstimate.Check(path, facts, input.Name, input.Shape(images), images);
        if (input.FixedBatch is null && options.BatchSize > 1)
        {
            SizeEstimate.Check(path, facts, input.Name, input.Shape(options.BatchSize), options.BatchSize);   // a value may grow with the square of a batch
        }
        return new ModelDescription(input, output, names) { VotesInside = reader.VotesInside() };
    }

    /// <summary>What the model in <paramref name="path"/> takes, whatever it gives.</summary>
    /// <exception cref="ConfigurationException">Something is left open.</exception>
    /// <exception cref="InvalidFileException">It takes no colour images, or needs more for one than any classifier.</exception>
    public static ModelInput ReadInput(string path, ModelFacts facts, ClassifierOptions options)
    {
        var input = new Reader(path, facts, options).Input();
        var images = input.FixedBatch ?? 1;
        SizeEstimate.Check(path, facts, input.Name, input.Shape(images), images);
        return input;
    }

    /// <summary>The class names in the metadata of a file; null where it has none.</summary>
    /// <exception cref="InvalidFileException">They are no list of names.</exception>
    public static IReadOnlyList<string>? OwnClasses(string path, ModelFacts facts)
    {
        if (facts.Metadata.GetValueOrDefault("classes") is not { } json)
        {
            return null;
        }
        try
        {
            return JsonSerializer.Deserialize<string[]>(json) is { } names && Array.TrueForAll(names, name => name is not null)
                ? names
                : throw new InvalidFileException(path, "has the metadata property classes, which is not a list of names");
        }
        catch (JsonException e)
        {
            throw new InvalidFileException(path, $"has the metadata property classes, which is not a JSON list of names: {e.Message}", e);
        }
    }

    private sealed class Reader(string path, ModelFacts facts, ClassifierOptions options)
    {
        public ModelInput Input()
        {
            var value = ChooseInput();
            var shape = value.Shape;
            if (!IsImage(value))
            {
                throw Invalid($"input {value} is not an image classifier's input; expected uint8, float, float16 or double [N, 3, H, W] or [N, H, W, 3]" +
                    (shape.Count == 3 ? ": export the model with a dimension for the batch in front" : ""));
            }
            if (shape.Any(extent => extent is 0 or < -1))
            {
                throw Invalid($"input {value.Name} is [{string.Join(", ", shape)}]; expected extents of at least 1");
            }
            var layout = options.Layout ?? Choice<PixelLayout>("layout") ?? (shape[1] == 3, shape[3] == 3) switch
            {
                (true, false) => PixelLayout.Nchw,
                (false, true) => PixelLayout.Nhwc,
                _ when shape[1] == 1 || shape[3] == 1 => throw Invalid(
                    $"input {value} takes grey images; expected 3 colours. Put a convolution in front of it that makes grey of them (1x1, weights 0.299, 0.587, 0.114)"),
                _ => throw (shape[1] > 0 && shape[3] > 0 && shape[1] != 3
                    ? Invalid($"input {value} has no dimension of 3 colours; only classifiers of colour images are evaluated")
                    : Open("layout", $"the shape of input {value} leaves open which dimension has the colours", "nchw or nhwc")),
            };
            var (colours, height, width) = layout == PixelLayout.Nchw ? (shape[1], shape[2], shape[3]) : (shape[3], shape[1], shape[2]);
            if (colours is not (3 or -1))
            {
                throw Invalid($"input {value} has {colours} colours in the layout {layout.ToString().ToLowerInvariant()}; expected 3");
            }
            if (shape[0] > EvaluateOptions.MaxBatchSize)
            {
                throw Invalid($"input {value.Name} takes {shape[0]:N0} images a call, and no other number; expected at most {EvaluateOptions.MaxBatchSize}");
            }
            return new ModelInput(
                value.Name, value.Type, layout, options.ColorOrder ?? Choice<ColorOrder>("color_order") ?? ColorOrder.Rgb, Values(value),
                Size(value, height, width), options.Fit ?? Choice<Fit>(ModelMetadata.FitKey) ?? Fit.Crop, shape[0] > 0 ? (int)shape[0] : null);
        }

        public (ModelOutput Output, IReadOnlyList<string> Classes) Output(IReadOnlyList<string>? bundleClasses)
        {
            var value = ScoreOutput.Choose(path, facts.Graph, options.OutputName ?? Property("output_name"));
            var classes = ScoreOutput.Classes(value);
            if (classes is 0 or < -1 or > MaxClasses || (value.Shape.Count > 0 && value.Shape[0] is 0 or < -1))
            {
                throw Invalid($"output {value.Name} is [{string.Join(", ", value.Shape)}]; expected [N, classes] with 1 to {MaxClasses:N0} classes");
            }
            var names = bundleClasses ?? Labels();
            if (classes > 0 && names.Count != classes)
            {
                throw new ConfigurationException(
                    $"{path}: output {value.Name} has {Counted.Of(classes, "score")}, and there are {names.Count} class names ({Some(names)}); expected one for each" +
                    (classes == 1 && names.Count == 2 ? ". One score for two classes is not read: export the model with a score for each" : ""));
            }
            if (names.GroupBy(name => name).FirstOrDefault(group => group.Count() > 1) is { } twice)
            {
                throw new ConfigurationException($"{path}: two classes are called '{twice.Key}'; names must differ to be matched with labels");
            }
            return (new ModelOutput(value.Name, value.Type, Kind(value), names.Count) { IsMatrix = value.Shape.Count == 2 }, names);
        }

        public Tta VotesInside() => Property("tta_inside") is not { } text ? Tta.None
            : Enum.TryParse<Tta>(text.Replace("_", "", StringComparison.Ordinal), ignoreCase: true, out var tta) && Enum.IsDefined(tta) ? tta
            : throw Invalid($"has the metadata property tta_inside: '{text}'; expected none, mirror, mirror_translate or adaptive");

        private Normalization Values(TensorSignature value)
        {
            var scale = options.Scale ?? Numbers("scale", 1)?[0];
            var (mean, std) = (options.Mean ?? Numbers("mean", 3), options.Std ?? Numbers("std", 3));
            if (value.Type == "uint8")
            {
                return scale is null && mean is null && std is null
                    ? ModelInput.AsDecoded
                    : throw new ConfigurationException($"{path}: input {value} takes pixels as they are; scale, mean and std are for float inputs: leave them out");
            }
            return scale is { } factor
                ? new Normalization(factor, mean ?? [0, 0, 0], std ?? [1, 1, 1])
                : throw Open("scale", $"the range of values that input {value} takes is not in the file", "0.00392156862745098 (1/255) or 1, and mean and std if it needs them");
        }

        private int Size(TensorSignature value, long height, long width)
        {
            var size = options.ImageSize ?? (Numbers("image_size", 1) is [var number] ? (int)number : null);
            if ((height > 0 && width > 0 && height != width) || height > MaxImageSize || width > MaxImageSize)
            {
                throw Invalid($"input {value} takes images of {height} x {width}; expected square ones of at most {MaxImageSize}");
            }
            var given = height > 0 ? height : width;
            if (given > 0 && size is { } wanted && wanted != given)
            {
                throw new ConfigurationException($"{path}: image_size: {wanted}; input {value} takes {given}, so expected image_size: {given}, where images are prepared too");
            }
            return given > 0 ? (int)given
                : size is >= 1 and <= MaxImageSize ? size.Value
                : throw Open("image_size", $"input {value} leaves height and width open", "the size that the model was trained for");
        }

        private OutputKind Kind(TensorSignature value)
        {
            if ((options.OutputKind ?? Choice<OutputKind>("output_kind")) is { } said)
            {
                return said;
            }
            return value.Name.ToUpperInvariant() switch
            {
                "LOGITS" => OutputKind.Logits,
                "PROBABILITIES" => OutputKind.Probabilities,
                _ => ScoreOutput.Kind(facts.Graph, value.Name) ??
                    throw Open("output_kind", $"neither the name of output {value} nor the operator that computes it says what the scores are", "logits or probabilities"),
            };
        }

        private IReadOnlyList<string> Labels()
        {
            if (options.Labels is { } file)
            {
                return LabelsFile.Read(file, path, OwnNames());
            }
            return OwnNames() ?? throw Open("labels", "the file does not name the classes of its scores", "a text file with one class name a line, in the order of the scores");
        }

        private IReadOnlyList<string>? OwnNames() => OwnClasses(path, facts);

        private TensorSignature ChooseInput()
        {
            var inputs = facts.Graph.Inputs;
            var all = string.Join("; ", inputs.Take(20));
            if (inputs.Count == 0)
            {
                throw Invalid("has no input: it is not a classifier");
            }
            var value = (options.InputName ?? Property("input_name")) is { } name
                ? inputs.Find(input => input.Name == name) ?? throw new ConfigurationException($"{path}: input_name: '{name}'; the model has {all}")
                : inputs.Count == 1 ? inputs[0]
                : inputs.Find(IsImage) ?? throw Invalid($"has no input of an image classifier; it has {all}");
            return inputs.Count == 1 ? value : throw Invalid(
                $"takes {string.Join("; ", inputs.Where(input => input != value).Take(20))} besides the images {value}, and nothing gives it a value. " +
                "Export the model with a constant for it, or without it");
        }

        private static bool IsImage(TensorSignature value) => value.Type is "uint8" or "float" or "float16" or "double" && value.Shape.Count == 4;

        private string? Property(string key) => facts.Metadata.GetValueOrDefault(key);

        private T? Choice<T>(string key) where T : struct, Enum =>
            Property(key) is not { } text ? null
            : Enum.TryParse<T>(text, ignoreCase: true, out var value) && Enum.IsDefined(value) ? value
            : throw Invalid($"has the metadata property {key}: '{text}'; expected {string.Join(" or ", Enum.GetNames<T>()).ToLowerInvariant()}");

        private double[]? Numbers(string key, int count)
        {
            if (Property(key) is not { } text)
            {
                return null;
            }
            var parts = text.Trim('[', ']', ' ').Split(',', StringSplitOptions.TrimEntries);
            var numbers = new double[parts.Length];
            for (var i = 0; i < parts.Length; i++)
            {
                if (!double.TryParse(parts[i], NumberStyles.Float, CultureInfo.InvariantCulture, out numbers[i]) || !double.IsFinite(numbers[i]))
                {
                    throw Invalid($"has the metadata property {key}: '{text}'; expected {count} numbers");
                }
            }
            return numbers.Length == count ? numbers : throw Invalid($"has the metadata property {key}: '{text}'; expected {count} numbers");
        }

        private ConfigurationException Open(string option, string why, string expected) =>
            new($"{path}: {why}; set {option} (--{option.Replace('_', '-')}): {expected}");

        private InvalidFileException Invalid(string problem) => new(path, problem);

        private static string Some(IReadOnlyList<string> names) => $"{string.Join(", ", names.Take(5))}{(names.Count > 5 ? ", ..." : "")}";
    }
}
