using System.Globalization;
using System.Text.Json;

namespace Airbench.Onnx;

/// <summary>What a model file says of itself in its metadata properties: enough to call it where the file is alone.</summary>
internal sealed record ModelMetadata(
    IReadOnlyList<string> Classes, string Preprocessing, int ImageSize, Fit Fit, InputFormat Input, string Recipe, int Seed,
    string DatasetName, string DatasetSha256, bool Synthetic, string WeightsSha256, Fp32Score Fp32)
{
    /// <summary>Property with the network's own height and width, pixels.</summary>
    public const string ImageSizeKey = "image_size";

    /// <summary>Property with the way in which images become square.</summary>
    public const string FitKey = "fit";

    /// <summary>Of a model that is exported.</summary>
    public static ModelMetadata Of(ModelManifest trained, InputOptions input) => new(
        trained.Classes, NetworkExporter.Preprocessing(trained.Network, input), trained.Network.ImageSize, trained.Network.Fit, input.Format,
        trained.RecipeName, trained.Seed, trained.DatasetName, trained.DatasetSha256, trained.Synthetic, trained.WeightsSha256, trained.Fp32);

    /// <summary>What the models of a bundle should say.</summary>
    public static ModelMetadata Of(BundleManifest bundle) => new(
        bundle.Classes, bundle.Preprocessing, bundle.ImageSize, bundle.Fit, bundle.Input,
        bundle.Recipe, bundle.Seed, bundle.DatasetName, bundle.DatasetSha256, bundle.Synthetic, bundle.WeightsSha256, bundle.Fp32);

    /// <summary>The properties of full precision, in order; other variants leave the accuracy out.</summary>
    public IEnumerable<(string Key, string Value)> Properties()
    {
        yield return ("classes", JsonSerializer.Serialize(Classes));
        yield return ("preprocessing", Preprocessing);
        yield return (ImageSizeKey, Integer(ImageSize));
        yield return (FitKey, Name(Fit));
        yield return ("layout", Input == InputFormat.Uint8Nhwc ? "nhwc" : "nchw");
        if (Input == InputFormat.FloatNchw)
        {
            yield return ("scale", InputFormats.Scale.ToString("R", CultureInfo.InvariantCulture));
        }
        yield return ("recipe", Recipe);
        yield return ("seed", Integer(Seed));
        yield return ("dataset", DatasetName);
        yield return ("dataset_sha256", DatasetSha256);
        yield return ("synthetic", Synthetic ? "true" : "false");
        yield return ("weights_sha256", WeightsSha256);
        if (Fp32.Count > 0)
        {
            yield return ("accuracy_plain", Share(Fp32.CorrectPlain));
            yield return ("accuracy_tta", Share(Fp32.CorrectTta));
            yield return ("accuracy_n", Integer(Fp32.Count));
            yield return ("tta", Name(Fp32.Tta));
        }

        string Share(int correct) => ((double)correct / Fp32.Count).ToString(CultureInfo.InvariantCulture);
        static string Integer(int value) => value.ToString(CultureInfo.InvariantCulture);
        static string Name<T>(T value) where T : struct, Enum => JsonNamingPolicy.SnakeCaseLower.ConvertName(value.ToString());
    }

    /// <summary>Where a model says something else than it should, a clause each: "carries the fit 'pad'; ... says 'crop'".</summary>
    /// <param name="found">Its properties. One that is not there says nothing, but for the fit, without which images are cropped.</param>
    /// <param name="source">What says how they should be.</param>
    public IEnumerable<string> Differences(IReadOnlyDictionary<string, string> found, string source) =>
        from property in Properties()
        let value = found.GetValueOrDefault(property.Key)
        where value is null ? property.Key == FitKey && Fit != Fit.Crop : value != property.Value
        select value is null
            ? $"does not carry the {property.Key}; {source} says {Quote.Show(property.Value)}"
            : $"carries the {property.Key} {Shown(property, value)}; {source} says {Shown(property, property.Value)}";

    /// <summary>Class names and sentences differ anywhere, so they are shown whole.</summary>
    private static string Shown((string Key, string Value) property, string value) => property.Key is "classes" or "preprocessing" ? value : Quote.Show(value);
}
