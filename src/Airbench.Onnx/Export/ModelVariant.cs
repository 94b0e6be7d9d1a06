namespace Airbench.Onnx;

/// <summary>A kind of model file: a precision, and the views that vote inside.</summary>
/// <param name="Name">As options and the command line call it.</param>
/// <param name="Precision">fp32, fp16 or int8.</param>
/// <param name="Tta"><see cref="Tta.None"/>, <see cref="Tta.MirrorTranslate"/> or <see cref="Tta.Adaptive"/>.</param>
internal sealed record ModelVariant(string Name, string Precision, Tta Tta)
{
    /// <summary>Every variant, by name.</summary>
    public static IReadOnlyDictionary<string, ModelVariant> All { get; } = new[] { Tta.None, Tta.MirrorTranslate, Tta.Adaptive }
        .SelectMany(tta => (string[])[ExportOptions.Fp32, ExportOptions.Fp16, ExportOptions.Int8], Of)
        .ToDictionary(variant => variant.Name);

    /// <summary>File name inside a bundle.</summary>
    public string FileName => Name == ExportOptions.Fp32 ? Exporter.ModelName : $"model.{Name.Replace('_', '.')}.onnx";

    private static ModelVariant Of(Tta tta, string precision)
    {
        var vote = tta switch { Tta.None => "", Tta.Adaptive => ExportOptions.Adaptive, _ => ExportOptions.Tta };
        return new(vote.Length == 0 ? precision : precision == ExportOptions.Fp32 ? vote : $"{precision}_{vote}", precision, tta);
    }
}
