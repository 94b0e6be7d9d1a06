using System.Globalization;
using Airbench.Onnx.Proto;

namespace Airbench.Onnx;

/// <summary>What a model file other than <c>model.onnx</c> says of itself.</summary>
internal static class VariantMetadata
{
    /// <summary>Metadata property with the views that vote inside: who runs the model must not add others.</summary>
    public const string VotesKey = "tta_inside";

    /// <summary>Says what the model is. The accuracy in the metadata of <c>model.onnx</c> is that of full precision, so it goes.</summary>
    public static ModelProto Name(ModelProto model, string variant, double? threshold = null)
    {
        foreach (var entry in model.MetadataProps.Where(p => p.Key == "tta" || p.Key.StartsWith("accuracy_", StringComparison.Ordinal)).ToList())
        {
            model.MetadataProps.Remove(entry);
        }
        Add("variant", variant);
        if (ModelVariant.All[variant].Tta is var tta && tta != Tta.None)
        {
            Add(VotesKey, tta == Tta.Adaptive ? "adaptive" : "mirror_translate");
        }
        if (threshold is { } value)
        {
            Add("adaptive_threshold", value.ToString("R", CultureInfo.InvariantCulture));
        }
        return model;

        void Add(string key, string value) => model.MetadataProps.Add(new StringStringEntryProto { Key = key, Value = value });
    }
}
